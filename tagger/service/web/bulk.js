// The same for all tracks that match the filter: counted before it happens.

import { post } from "/assets/api.js";
import { askFor, confirmed, tell, tellProblem } from "/assets/dialogs.js";
import { button, make, number, plural } from "/assets/dom.js";
import { genreField } from "/assets/editor.js";

const DONE = { accept: "accepted", reject: "rejected", reset: "opened again", edit: "given genres" };

// Which verb? The scan of a filter is one of them.
export async function bulk({ filter, total, about, onDone, onJob }) {
  const choices = [
    { text: "Accept", value: "accept", isStrong: true }, { text: "Set genres…", value: "edit" },
    { text: "Reject", value: "reject" }, { text: "Open again", value: "reset" }, { text: "Scan again", value: "scan" },
  ];
  const words = make("p", "", `${plural(total, "track")}: ${about}.`);
  const action = await askFor({ title: "All of these", content: [words, make("p", "quiet", "You see how many would change before anything does.")], choices, className: "bulk" });
  if (action === "scan") return scanAll(filter, total, onJob);
  if (action === "edit") return editAll({ filter, onDone });
  if (action) return decideAll({ filter, action, onDone });
}

async function decideAll({ filter, action, genres, onDone }) {
  const asked = { filter, action, ...(genres ? { genres } : {}) };
  try {
    const { n_matched, n_changed } = await post("/proposals", { ...asked, dry_run: true });
    if (!n_changed) return tell(`None of ${plural(n_matched, "track")} would be ${DONE[action]}.`);
    const verb = { accept: "Accept", reject: "Reject", reset: "Open", edit: "Set" }[action], left = n_matched - n_changed;
    const content = [make("p", "", `${plural(n_changed, "track")} will be ${DONE[action]}${genres ? ": " + genres.join(", ") : ""}. No file changes before you write.`)];
    if (left) content.push(make("p", "quiet", `${plural(left, "other track")} that match ${left === 1 ? "stays" : "stay"} as ${left === 1 ? "it is" : "they are"}: nothing is proposed there, or it is ${DONE[action]} already.`));
    if (!(await confirmed({ title: `${verb} ${number(n_changed)}?`, content, verb: `${verb} ${number(n_changed)}` }))) return;
    const result = await post("/proposals", asked);
    tell(`${plural(result.n_changed, "track")} ${DONE[action]}.`);
    onDone();
  } catch (error) { tellProblem(error); }
}

// Genres for all, typed once.
async function editAll({ filter, onDone }) {
  const genres = [], chips = make("div", "tag-list");
  const draw = () => chips.replaceChildren(...genres.map((one, at) => button(one + " ✕", "genre now", () => { genres.splice(at, 1); draw(); }, { "aria-label": "Remove " + one })));
  const pick = (text) => { if (!genres.includes(text)) genres.push(text); draw(); };
  const { box, input } = genreField({ label: "Add a genre", pick, taken: () => genres });
  const isSure = await confirmed({ title: "Genres for all of these", content: [chips, box, make("p", "quiet", "They take the place of what is proposed.")], verb: "Count" });
  const typed = input.value.trim();
  if (typed) pick(typed);
  if (isSure && genres.length) await decideAll({ filter, action: "edit", genres, onDone });
}

export async function scanAll(filter, total, onJob) {
  const policy = make("select", "", undefined, { id: "policy" });
  policy.append(new Option("only where there is no genre yet", "fill"), new Option("beside the genres that are there", "append"), new Option("instead of the genres that are there", "replace"));
  const label = make("label", "field", "Propose genres "), n = plural(total, "track");
  label.append(policy);
  const content = [make("p", "", `${n} will be listened to again.`), label];
  if (!(await confirmed({ title: "Scan again?", content, verb: `Scan ${n}` }))) return;
  try {
    const options = { policy: policy.value, score_all: true };
    onJob(await post("/jobs", { kind: "scan", filter, options }));
  } catch (error) { tellProblem(error); }
}
