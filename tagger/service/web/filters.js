// Search, tabs, more filters, and the chips of what is filtered.

import { button, by, make, number, plural } from "/assets/dom.js";
import { genreField } from "/assets/editor.js";
import { SORTS, STATUSES, TABS } from "/assets/words.js";

// The filter of the API that a state stands for.
export function filterOf(state) {
  const { q, folder, genre, min, source, status, tab } = state;
  const asked = { ...TABS[tab in TABS ? tab : "all"][1] };
  if (status) asked.status = [status];
  for (const [name, value] of Object.entries({ q, folder, genre, source })) if (value) asked[name] = value;
  if (min) asked.min_score = Number(min);
  return asked;
}

export class Filters {
  constructor(change) {
    this.change = change;
    by("sorter").replaceChildren(...Object.entries(SORTS).map(([value, text]) => new Option(text, value)));
    by("sorter").addEventListener("change", () => change({ sort: by("sorter").value }));
    let timer = 0;
    by("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => change({ q: by("search").value.trim() }), 180); });
    by("more").addEventListener("click", () => this.fold());
    this.build();
  }

  fold() {
    const isOpen = by("filters").hidden;
    by("filters").hidden = !isOpen;
    by("more").setAttribute("aria-expanded", isOpen);
  }

  build() {
    const genre = genreField({ label: "Genre, now or proposed", pick: (text) => this.change({ genre: text }) });
    const score = make("label", "", "Score at least "), range = make("input", "", undefined, { type: "range", min: 0, max: 1, step: 0.05, value: 0 });
    const shown = make("output", "num", "any");
    range.addEventListener("input", () => { shown.textContent = Number(range.value) ? Number(range.value).toFixed(2) : "any"; });
    range.addEventListener("change", () => this.change({ min: Number(range.value) ? range.value : "" }));
    score.append(range, shown);
    const source = make("select", "", undefined, { "aria-label": "From" });
    source.append(new Option("Library and uploads", ""), new Option("Library", "library"), new Option("Uploads", "upload"));
    source.addEventListener("change", () => this.change({ source: source.value }));
    const status = make("select", "", undefined, { "aria-label": "Status" });
    status.append(new Option("Any status", ""), ...Object.entries(STATUSES).map(([value, one]) => new Option(one[1], value)));
    status.addEventListener("change", () => this.change({ status: status.value, tab: "all" }));
    Object.assign(this, { range, shown, source, status });
    by("filters").append(genre.box, score, source, status);
  }

  draw(state, counts) {
    if (document.activeElement !== by("search")) by("search").value = state.q;
    by("sorter").value = state.sort;
    this.range.value = state.min || 0;
    this.shown.textContent = state.min ? Number(state.min).toFixed(2) : "any";
    this.source.value = state.source;
    this.status.value = state.status;
    const old = [...by("views").children].indexOf(document.activeElement);
    by("views").replaceChildren(...Object.entries(TABS).filter(([key]) => key === "all" || key === "review" || counts[key] || state.tab === key).map(([key, [text]]) => {
      const one = button(text, "", () => this.change({ tab: key, status: "" }), { "aria-pressed": state.tab === key && !state.status });
      if (counts[key] !== undefined) one.append(make("span", "n", number(counts[key])));
      one.dataset.tab = key;
      return one;
    }));
    if (old >= 0) by("views").children[old]?.focus();
    this.drawChips(state);
  }

  drawChips(state) {
    const shown = {
      folder: state.folder && state.folder.replace(/\/$/, ""), genre: state.genre, min: state.min && `score from ${Number(state.min).toFixed(2)}`,
      source: state.source, status: state.status && STATUSES[state.status]?.[1], q: state.q && `“${state.q}”`,
    };
    by("chips").replaceChildren(...Object.entries(shown).filter(([, text]) => text).map(([key, text]) => {
      const chip = button(text, "chip", () => this.change({ [key]: "" }), { "aria-label": "Remove the filter " + text });
      chip.append(make("span", "", " ✕", { "aria-hidden": true }));
      return chip;
    }));
  }

  drawCount(rows) {
    by("count").textContent = rows.isKnown ? plural(rows.total, "track") : "…";
    by("bulk").disabled = !rows.total;
  }
}
