// The address holds the view and its filter, so that it can be kept, sent, and gone back to.

export const EMPTY = { q: "", tab: "all", folder: "", genre: "", min: "", source: "", status: "", sort: "folder", track: "" };

export function readAddress() {
  const [path, text = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const given = new URLSearchParams(text), state = { ...EMPTY };
  for (const name of Object.keys(EMPTY)) if (given.has(name)) state[name] = given.get(name);
  return { view: ["statistics", "learn", "history"].includes(path) ? path : "tracks", state };
}

export function addressOf(view, state) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) if (value !== EMPTY[name]) pairs.set(name, value);
  const text = pairs.toString();
  return `#/${view}${text && "?" + text}`;
}

// A change of the chosen track is no step to go back to; another view or filter is one.
export function writeAddress(view, state, { step }) {
  const address = addressOf(view, state);
  if (address === location.hash || (address === "#/tracks" && !location.hash)) return;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
