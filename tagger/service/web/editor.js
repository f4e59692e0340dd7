// Genres as chips, with a field that completes from the library's own and the model's.

import { get } from "/assets/api.js";
import { button, make, number } from "/assets/dom.js";

const MOST_SHOWN = 8, MOST_GENRES = 20;
let vocabulary = null;

// Forget the words after a write: the library may have others by now.
export function forgetVocabulary() { vocabulary = null; }

export async function words() {
  vocabulary ||= get("/vocabulary?limit=1000").then((answer) => answer.items);
  try { return await vocabulary; } catch { vocabulary = null; return []; }
}

const plain = (text) => text.toLowerCase().normalize("NFD").replace(/[^\p{L}\p{N}]+/gu, "");

// Those that begin with what is typed come before those that hold it.
export function completions(all, typed, taken) {
  const key = plain(typed), without = new Set(taken.map(plain));
  const free = all.filter((one) => !without.has(plain(one.genre)));
  if (!key) return [];
  const starts = free.filter((one) => plain(one.genre).startsWith(key));
  const holds = free.filter((one) => !plain(one.genre).startsWith(key) && plain(one.genre).includes(key));
  return [...starts, ...holds].slice(0, MOST_SHOWN);
}

// A field that completes a genre; `pick` is given the word.
export function genreField({ label, pick, taken = () => [], onEmpty = () => {}, onBack = () => {}, onEscape = () => {} }) {
  const id = "list-" + Math.random().toString(36).slice(2), box = make("div", "complete");
  const input = make("input", "", undefined, {
    type: "text", role: "combobox", "aria-label": label, "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": id, autocomplete: "off", spellcheck: "false", placeholder: label, maxlength: 200,
  });
  const list = make("ul", "options", undefined, { id, role: "listbox", "aria-label": "Genres", hidden: true });
  let shown = [], at = -1;
  const show = () => {
    list.replaceChildren(...shown.map((one, i) => {
      const option = make("li", "", one.genre, { role: "option", id: `${id}-${i}`, "aria-selected": i === at });
      option.append(make("small", "", one.n_now ? number(one.n_now) : "model"));
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); take(one.genre); });
      return option;
    }));
    list.hidden = !shown.length;
    input.setAttribute("aria-expanded", !!shown.length);
    if (at >= 0) input.setAttribute("aria-activedescendant", `${id}-${at}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const take = (text) => { input.value = ""; shown = []; at = -1; show(); pick(text); };
  input.addEventListener("input", async () => {
    const all = await words();
    shown = completions(all, input.value, taken());
    at = shown.length && plain(shown[0].genre).startsWith(plain(input.value)) ? 0 : -1;
    show();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], typed = input.value.trim();
    if (step && shown.length) { at = (at + step + shown.length) % shown.length; show(); event.preventDefault(); }
    else if (event.key === "Enter") { event.preventDefault(); if (at >= 0) take(shown[at].genre); else if (typed) take(typed); else onEmpty(); }
    else if (event.key === "," && typed) { event.preventDefault(); take(typed); }
    else if (event.key === "Backspace" && !input.value) onBack();
    else if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); if (shown.length) { shown = []; at = -1; show(); } else onEscape(); }
  });
  input.addEventListener("blur", () => { shown = []; at = -1; show(); });
  box.append(input, list);
  return { box, input };
}

export class Editor {
  constructor({ save, cancel }) {
    Object.assign(this, { save, cancel, genres: [] });
  }

  open(genres, scores) {
    Object.assign(this, { genres: [...genres], scores });
    this.element = make("div", "editor", undefined, { role: "group", "aria-label": "Edit the genres" });
    this.chips = make("div", "tag-list");
    this.more = make("div", "tag-list");
    this.field = genreField({
      label: "Add a genre", pick: (text) => this.add(text), taken: () => this.genres, onEmpty: () => this.done(),
      onBack: () => { this.genres.pop(); this.draw(); }, onEscape: () => this.cancelled(),
    });
    const foot = make("div", "verbs-bar");
    foot.append(button("Save", "strong", () => this.done()), button("Cancel", "plain bordered", () => this.cancelled()));
    this.element.append(this.chips, this.field.box, this.more, foot);
    this.draw();
    return this.element;
  }

  focus() { this.field.input.focus(); }

  draw() {
    this.chips.replaceChildren(...this.genres.map((genre, at) =>
      button(genre + " ✕", "genre now", () => { this.genres.splice(at, 1); this.draw(); this.focus(); }, { "aria-label": "Remove " + genre })));
    const free = this.scores.filter((one) => one.score >= 0.1 && !this.genres.includes(one.label)).slice(0, 4);
    this.more.replaceChildren(...free.map((one) =>
      button(`+ ${one.label}`, "genre add", () => { this.add(one.label); this.focus(); }, { title: `the model says ${one.score.toFixed(2)}` })));
  }

  add(text) {
    const isThere = this.genres.some((one) => one.toLowerCase() === text.toLowerCase());
    if (text && !isThere && this.genres.length < MOST_GENRES) this.genres.push(text);
    this.draw();
  }

  cancelled() { this.cancel(); }

  async done() {
    const typed = this.field.input.value.trim();
    if (typed) { this.field.input.value = ""; this.add(typed); }
    if (this.genres.length) await this.save(this.genres);
    else this.focus();
  }
}
