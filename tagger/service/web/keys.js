// The keyboard: one letter a verb, wherever nobody is typing.

import { showKeys } from "/assets/dialogs.js";
import { by } from "/assets/dom.js";

// What these do would not be seen on another view.
const OF_TRACKS = new Set(["j", "k", "ArrowDown", "ArrowUp", "a", "x", "u", "e", "Escape"]);

export function listenToKeys(app) {
  const verbs = {
    j: () => app.step(1), k: () => app.step(-1), ArrowDown: () => app.step(1), ArrowUp: () => app.step(-1),
    a: () => app.decideNext("accept"), x: () => app.decideNext("reject"), u: () => app.decideNext("reset"), e: () => app.track.edit(),
    " ": () => app.track.row && app.track.player.toggle(), w: () => app.write(), "?": showKeys,
    ArrowRight: () => app.track.row && app.track.player.skip(1), ArrowLeft: () => app.track.row && app.track.player.skip(-1),
    "/": () => { if (app.view === "tracks") by("search").focus(); }, Escape: () => escape(app),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || isTaken(event) || !(event.key in verbs)) return;
    if (app.view !== "tracks" && OF_TRACKS.has(event.key)) return;
    event.preventDefault();
    verbs[event.key]();
  });
}

// A key that the element with the focus has a use for itself.
function isTaken({ target, key }) {
  if (!(target instanceof Element)) return false;
  if (target.closest("input[type=text], input[type=search], input[type=password], select, textarea")) {
    return key !== "Escape" && !(key === "ArrowDown" && target.id === "search");
  }
  if (target.closest("input")) return key.startsWith("Arrow");
  return key === " " && !!target.closest("button, a");
}

function escape(app) {
  const { activeElement } = document;
  if (activeElement === by("search")) by("grid").focus({ preventScroll: true });
  else if (by("folders").classList.contains("shown")) app.showFolders(false);
  else if (app.track.isEditing) app.track.endEdit();
  else if (app.track.row) app.closeTrack();
  else app.clear();
}
