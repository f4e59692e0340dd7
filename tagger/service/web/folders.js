// The library's folders, opened level by level. Of many thousands only those on the screen exist.

import { get, query } from "/assets/api.js";
import { tellProblem } from "/assets/dialogs.js";
import { button, make, number, unheld } from "/assets/dom.js";

const AROUND = 8;

export class Folders {
  constructor(element, choose) {
    Object.assign(this, { element, choose, chosen: "", open: new Set(), levels: new Map(), n_all: 0, lines: [], render: unheld(() => this.renderNow()) });
    this.list = element.appendChild(make("ul"));
    this.pool = new Map();
    let waiting = 0;
    const redraw = () => { waiting ||= requestAnimationFrame(() => { waiting = 0; this.render(); }); };
    element.addEventListener("scroll", redraw, { passive: true });
    new ResizeObserver(redraw).observe(element);
  }

  async start(chosen) {
    const parts = chosen.split("/").slice(0, -1);
    for (let n = 1; n < parts.length; n++) this.open.add(parts.slice(0, n).join("/") + "/");
    await this.refresh();
  }

  // All open levels again, with their counts as they are now.
  async refresh() {
    try {
      await Promise.all(["", ...this.open].map((parent) => this.load(parent)));
      this.draw();
    } catch (error) { tellProblem(error); }
  }

  async load(parent) {
    this.levels.set(parent, (await get("/folders" + query({ parent }))).items);
  }

  async toggle(path) {
    if (this.open.has(path)) this.open.delete(path);
    else {
      this.open.add(path);
      try { await this.load(path); } catch (error) { this.open.delete(path); tellProblem(error); }
    }
    this.draw();
  }

  show(chosen) {
    if (chosen === this.chosen) return;
    this.chosen = chosen;
    this.draw();
  }

  draw() {
    this.lines = [{ path: "", name: "All tracks", n_tracks: this.n_all, depth: 0 }, ...this.level("", 0)];
    this.render();
  }

  level(parent, depth) {
    return (this.levels.get(parent) || []).flatMap((one) => [{ ...one, depth }, ...(this.open.has(one.path) ? this.level(one.path, depth + 1) : [])]);
  }

  // A line that has not changed keeps its element, and with it the focus.
  renderNow() {
    const { element, lines, list, pool } = this;
    const height = parseFloat(getComputedStyle(element).getPropertyValue("--fold"));
    const first = Math.max(0, Math.floor(element.scrollTop / height) - AROUND);
    const last = Math.min(lines.length, Math.ceil((element.scrollTop + element.clientHeight) / height) + AROUND);
    list.style.height = lines.length * height + "px";
    const before = new Map(pool);
    pool.clear();
    for (let at = first; at < last; at++) {
      const line = lines[at], key = JSON.stringify([line, this.open.has(line.path), line.path === this.chosen]);
      let item = before.get(key);
      before.delete(key);
      if (!item) {
        item = this.item(line);
        const held = [...before.values()].find((one) => one.contains(document.activeElement) && one.dataset.path === line.path);
        const role = held && document.activeElement.dataset.role;
        list.append(item);
        if (role) item.querySelector(`[data-role="${role}"]`)?.focus({ preventScroll: true });
      }
      item.style.transform = `translateY(${at * height}px)`;
      item.setAttribute("aria-posinset", at + 1);
      item.setAttribute("aria-setsize", lines.length);
      pool.set(key, item);
    }
    for (const item of before.values()) item.remove();
  }

  item({ path, name, n_tracks, n_proposed, has_folders, depth }) {
    const box = make("li", "folder"), isOpen = this.open.has(path);
    box.dataset.path = path;
    box.style.paddingLeft = depth * 14 + "px";
    if (has_folders) {
      const fold = button(isOpen ? "▾" : "▸", "plain fold", () => this.toggle(path), { "aria-expanded": isOpen, "aria-label": `Folders in ${name}` });
      fold.dataset.role = "fold";
      box.append(fold);
    } else box.append(make("span", "fold"));
    const one = button("", "plain open", () => this.choose(path), { "aria-current": path === this.chosen ? "true" : null, title: name });
    one.dataset.role = "open";
    one.append(make("span", "name", name));
    if (n_proposed) one.append(make("span", "badge", number(n_proposed), { title: `${number(n_proposed)} of ${number(n_tracks)} to review` }));
    else if (n_tracks !== undefined) one.append(make("span", "n", number(n_tracks)));
    box.append(one);
    return box;
  }
}
