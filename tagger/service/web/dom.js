// Elements and figures. Text is always set as text, never as HTML: names are anybody's.

export const by = (id) => document.getElementById(id);

export function make(tag, className, text, attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("aria-") || typeof value !== "boolean") element.setAttribute(name, value);
    else element.toggleAttribute(name, value);
  }
  return element;
}

// A button. After a click by mouse it gives the focus up, so that space plays again.
export function button(text, className, onClick, attributes = {}) {
  const element = make("button", className, text, { type: "button", ...attributes });
  element.addEventListener("click", (event) => {
    if (event.detail > 0) element.blur();
    onClick(event);
  });
  return element;
}

export function toned(element, tone) {
  element.style.setProperty("--tone", `var(${tone})`);
  return element;
}

const figures = new Intl.NumberFormat("en");
export const number = (n) => figures.format(n);
export const plural = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;
export const percent = (n, all) => (all ? (100 * n) / all : 0) + "%";
export const listed = (genres) => genres.join(", ");
export const same = (a, b) => a.length === b.length && a.every((one, i) => one === b[i]);
export const minutes = (s) => (s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}` : Math.floor(s / 60)) + ":" + two(Math.floor(s % 60));
const two = (n) => String(n).padStart(2, "0");

export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
export const time = (text) => clock.format(new Date(text));

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// At most once in so many milliseconds, and once after the last call.
export function seldom(pause, call) {
  let timer = 0, last = -Infinity;
  return (...given) => {
    clearTimeout(timer);
    const wait = Math.max(0, last + pause - performance.now());
    timer = setTimeout(() => { last = performance.now(); call(...given); }, wait);
  };
}

// What is drawn anew between press and release takes the click away with it: a drawing that
// nobody asked for by a click waits until what is held is let go.
let isHeld = false;
const late = new Set();

export function unheld(draw) {
  return () => { if (isHeld) late.add(draw); else draw(); };
}

function letGo() {
  isHeld = false;
  for (const draw of late) draw();
  late.clear();
}

addEventListener("pointerdown", (event) => { isHeld = !!event.target.closest?.("button, .item"); }, true);
addEventListener("click", () => { isHeld = false; }, true); // what the click itself changes is drawn at once
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => setTimeout(letGo), true);

// Once it has been quiet for so many milliseconds.
export function settled(pause, call) {
  let timer = 0;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => call(...given), pause); };
}
