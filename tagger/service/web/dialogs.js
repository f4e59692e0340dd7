// Questions before something happens, and words after it has.

import { button, by, make } from "/assets/dom.js";

// A dialog with a title and content; resolves to what was chosen, or null.
export function askFor({ title, content, choices, className = "" }) {
  return new Promise((resolve) => {
    const dialog = make("dialog", className, "", { "aria-labelledby": "dialog-title" });
    const foot = make("div", "foot");
    for (const { text, value, isStrong, isDanger } of choices) {
      const kind = isStrong ? "strong" : isDanger ? "strong danger" : "plain bordered";
      const one = button(text, kind, () => dialog.close(value));
      if (isStrong || isDanger) one.autofocus = true;
      foot.append(one);
    }
    const close = button("✕", "plain icon close", () => dialog.close(""), { "aria-label": "Close" });
    dialog.append(make("h2", "", title, { id: "dialog-title" }), close, ...content, foot);
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue || null); });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(""); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export async function confirmed({ title, content, verb, isDanger = false }) {
  const yes = { text: verb, value: "yes", isStrong: !isDanger, isDanger };
  return (await askFor({ title, content, choices: [{ text: "Cancel", value: "" }, yes] })) === "yes";
}

// A line at the bottom of the page; with a verb it stays longer.
export function tell(text, { remedy = "", verb = "", onVerb = null, isBad = false } = {}) {
  const toast = make("div", isBad ? "toast bad" : "toast");
  const words = make("p", "", text);
  if (remedy) words.append(make("small", "", remedy));
  toast.append(words);
  const end = () => toast.remove();
  if (onVerb) toast.append(button(verb, "plain bordered", () => { end(); onVerb(); }));
  toast.append(button("✕", "plain icon", end, { "aria-label": "Dismiss" }));
  const all = by("toasts");
  all.append(toast);
  while (all.children.length > 4) all.firstChild.remove();
  setTimeout(end, isBad || onVerb ? 12_000 : 5_000);
}

export function tellProblem(error) {
  if (error.name !== "AbortError" && error.status !== 401) tell(error.message, { remedy: error.remedy, isBad: true });
}

const KEYS = [
  ["j k", "next, previous track (arrows too)"], ["Enter", "open the track"], ["space", "play and pause"],
  ["← →", "five seconds back, forth"], ["a", "accept what is proposed"], ["e", "edit the genres"],
  ["x", "reject"], ["u", "open it again"], ["/", "search"], ["w", "write what was accepted"], ["Esc", "close; clear the search"],
];

export function showKeys() {
  const list = make("dl", "keys");
  for (const [keys, text] of KEYS) {
    const name = make("dt");
    for (const key of keys.split(" ")) name.append(make("kbd", "", key), " ");
    list.append(name, make("dd", "", text));
  }
  return askFor({ title: "Keys", content: [list], choices: [{ text: "Close", value: "", isStrong: true }] });
}
