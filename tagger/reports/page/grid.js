// A list of any length of which only what is on the screen exists. It scrolls with the page;
// beyond a height that browsers can hold, a pixel of scrolling stands for more than a row.

const TALLEST = 8e6;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text; // never as HTML: names are anybody's
  return element;
}

class Grid {
  constructor(element, { draw, open }) {
    Object.assign(this, { element, draw, open, items: [], active: -1 });
    this.pool = new Map();
    const redraw = () => {
      if (!this.waiting) this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.render(); });
    };
    addEventListener("scroll", redraw, { passive: true });
    addEventListener("resize", () => { this.measure(); redraw(); });
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("click", (event) => {
      const row = event.target.closest(".item");
      if (row) { this.active = Number(row.dataset.at); this.render(); this.open(this.items[this.active], this.active); }
    });
  }

  setItems(items, columns) {
    this.items = items;
    this.columns = columns;
    this.active = Math.min(this.active, items.length - 1);
    this.pool.clear();
    this.element.replaceChildren();
    this.measure();
    this.render();
  }

  measure() {
    this.rowHeight = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
    this.height = Math.min(TALLEST, this.items.length * this.rowHeight);
    this.element.style.height = Math.max(this.height, 1) + "px";
    this.element.setAttribute("aria-rowcount", this.items.length);
    const narrow = innerWidth <= 720;
    if (narrow !== this.narrow) { this.narrow = narrow; this.pool.clear(); this.element.replaceChildren(); }
  }

  // Where row 0 would be drawn, in pixels from the top of the list.
  base() {
    const above = -this.element.getBoundingClientRect().top;
    const full = this.items.length * this.rowHeight;
    if (full <= this.height) return 0;
    const room = this.height - innerHeight;
    const share = Math.min(1, Math.max(0, above / room));
    return above - share * (full - innerHeight);
  }

  render() {
    const { items, rowHeight } = this;
    if (!items.length) {
      this.element.replaceChildren(make("p", "empty", "Nothing matches. Esc clears the search."));
      this.pool.clear();
      this.element.style.height = "auto";
      return;
    }
    const base = this.base();
    const above = -this.element.getBoundingClientRect().top - base;
    const first = Math.max(0, Math.floor(above / rowHeight) - 6);
    const last = Math.min(items.length, Math.ceil((above + innerHeight) / rowHeight) + 6);
    for (const [at, row] of this.pool) {
      if (at < first || at >= last) { row.remove(); this.pool.delete(at); }
    }
    for (let at = first; at < last; at++) {
      let row = this.pool.get(at);
      if (!row) this.pool.set(at, (row = this.element.appendChild(this.newRow(at))));
      row.style.transform = `translateY(${base + at * rowHeight}px)`;
      row.classList.toggle("active", at === this.active);
    }
    if (this.active >= 0) this.element.setAttribute("aria-activedescendant", "row-" + this.active);
  }

  newRow(at) {
    const row = make("div", "item");
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", at + 1);
    row.id = "row-" + at;
    row.dataset.at = at;
    row.append(...this.draw(this.items[at], this.columns));
    return row;
  }

  onKey(event) {
    const page = Math.max(1, Math.floor(innerHeight / this.rowHeight) - 4);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps && this.items.length) {
      event.preventDefault();
      this.move(steps[event.key]);
    } else if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      this.open(this.items[this.active], this.active);
    }
  }

  move(step) {
    this.active = Math.max(0, Math.min(this.items.length - 1, this.active + step));
    this.show(this.active);
    this.render();
  }

  show(at) {
    const head = document.querySelector(".bar").getBoundingClientRect().height + 8;
    const top = this.element.getBoundingClientRect().top + this.base() + at * this.rowHeight;
    const full = this.items.length * this.rowHeight;
    const scale = full > this.height ? (this.height - innerHeight) / (full - innerHeight) : 1;
    if (top < head) scrollBy(0, (top - head) * scale);
    else if (top + this.rowHeight > innerHeight) scrollBy(0, (top + this.rowHeight - innerHeight + 8) * scale);
  }
}
