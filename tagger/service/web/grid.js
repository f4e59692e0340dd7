// A list of any length of which only what is on the screen exists. Beyond a height that
// browsers can hold, a pixel of scrolling stands for more than a row.

import { make, unheld } from "/assets/dom.js";

const TALLEST = 8e6, AROUND = 6;

export class Grid {
  constructor(element, { rows, draw, choose, empty }) {
    Object.assign(this, { element, rows, draw, choose, empty, active: -1, render: unheld(() => this.renderNow()) });
    this.inner = element.appendChild(make("div", "inner", "", { role: "rowgroup" }));
    this.pool = new Map();
    const redraw = () => {
      if (!this.waiting) this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.render(); });
    };
    element.addEventListener("scroll", redraw, { passive: true });
    new ResizeObserver(redraw).observe(element);
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("click", (event) => {
      const row = event.target.closest(".item");
      if (row && !event.target.closest("button")) this.moveTo(Number(row.dataset.at), { isOpened: true });
    });
  }

  // Where row 0 is drawn, in pixels from the top of the inner element.
  base() {
    const full = this.rows.total * this.rowHeight, { scrollTop, clientHeight } = this.element;
    if (full <= this.height) return 0;
    const share = Math.min(1, scrollTop / Math.max(1, this.height - clientHeight));
    return scrollTop - share * (full - clientHeight);
  }

  renderNow() {
    const { element, inner, rows } = this, total = rows.total;
    this.rowHeight = parseFloat(getComputedStyle(element).getPropertyValue("--row"));
    this.height = Math.min(TALLEST, total * this.rowHeight);
    inner.style.height = this.height + "px";
    element.setAttribute("aria-rowcount", rows.isKnown ? total : -1);
    if (!total || rows.error) return this.drawEmpty();
    this.emptied?.remove();
    const base = this.base(), above = element.scrollTop - base;
    const first = Math.max(0, Math.floor(above / this.rowHeight) - AROUND);
    const last = Math.min(total, Math.ceil((above + element.clientHeight) / this.rowHeight) + AROUND) - 1;
    rows.want(first, last);
    for (const [at, one] of this.pool) if (at < first || at > last) { one.element.remove(); this.pool.delete(at); }
    for (let at = first; at <= last; at++) this.place(at, base);
    if (this.pool.has(this.active)) element.setAttribute("aria-activedescendant", "row-" + this.active);
    else element.removeAttribute("aria-activedescendant");
  }

  place(at, base) {
    const row = this.rows.at(at);
    let one = this.pool.get(at);
    if (!one || one.row !== row) {
      const element = this.newRow(at, row);
      if (one) one.element.replaceWith(element); else this.inner.append(element);
      this.pool.set(at, (one = { row, element }));
    }
    one.element.style.transform = `translateY(${base + at * this.rowHeight}px)`;
    one.element.classList.toggle("active", at === this.active);
    one.element.setAttribute("aria-selected", at === this.active);
  }

  newRow(at, row) {
    const element = make("div", row ? "item" : "item waiting", "", { role: "row", "aria-rowindex": at + 1, id: "row-" + at });
    element.dataset.at = at;
    if (row) element.append(...this.draw(row));
    else element.append(make("div", "cell first", " ", { role: "gridcell" }));
    return element;
  }

  drawEmpty() {
    this.pool.clear();
    this.element.removeAttribute("aria-activedescendant");
    this.emptied?.remove();
    this.emptied = make("div", "", "", { role: "row" });
    const cell = make("div", "empty", "", { role: "gridcell" });
    cell.append(...this.empty());
    this.emptied.append(cell);
    this.inner.replaceChildren(this.emptied);
    this.inner.style.height = "auto";
  }

  onKey(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) {
      event.preventDefault();
      this.move(steps[event.key]);
    } else if (event.key === "Enter" && this.active >= 0 && event.target === this.element) {
      event.preventDefault();
      this.moveTo(this.active, { isOpened: true });
    }
  }

  move(step) {
    if (this.rows.total) this.moveTo(Math.max(0, Math.min(this.rows.total - 1, this.active + step)));
  }

  moveTo(at, { isOpened = false } = {}) {
    this.active = at;
    this.show(at);
    this.render();
    this.choose(this.rows.at(at), { at, isOpened });
  }

  // Scroll so far that a row is on the screen.
  show(at) {
    const { element, rowHeight } = this, full = this.rows.total * rowHeight;
    const top = this.base() + at * rowHeight - element.scrollTop;
    const scale = full > this.height ? (this.height - element.clientHeight) / (full - element.clientHeight) : 1;
    if (top < 0) element.scrollTop += top * scale;
    else if (top + rowHeight > element.clientHeight) element.scrollTop += (top + rowHeight - element.clientHeight) * scale;
  }

  toTop() {
    this.active = -1;
    this.element.scrollTop = 0;
  }
}
