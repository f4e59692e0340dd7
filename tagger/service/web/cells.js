// What stands in a row of the list.

import { button, listed, make, percent, toned } from "/assets/dom.js";
import { canWrite, isOpen, stateOf } from "/assets/words.js";

const cell = (className) => make("div", "cell " + className, undefined, { role: "gridcell" });

function nameCell(row) {
  const box = cell("first"), title = row.title || row.name;
  box.append(make("span", "", title), make("small", "", [row.artist, row.album].filter(Boolean).join(" · ") || row.folder || row.name));
  box.title = row.folder + row.name;
  return box;
}

function stateCell(row) {
  const [mark, label, tone] = stateOf(row), box = toned(cell("status side"), tone);
  box.append(make("span", "mark", mark, { "aria-hidden": true }), " ", label);
  return box;
}

function changeCell(row) {
  const box = cell("under lines");
  box.append(make("span", "was", listed(row.genres) || "no genre"));
  if (row.proposed.length && row.decision !== "rejected") {
    box.append(make("span", "was", " → "), make("span", "now", listed(row.proposed)));
  }
  box.title = box.textContent;
  return box;
}

function meterCell(row) {
  const box = cell("meter-cell");
  if (!row.top_label) return box;
  const track = make("div", "meter"), bar = make("i");
  bar.style.width = percent(row.top_score, 1);
  track.append(bar);
  box.append(make("span", "", row.top_label), make("span", "num", row.top_score.toFixed(2)), track);
  return box;
}

function verbsCell(row, act) {
  const box = cell("verbs");
  const verb = (text, action, label) => button(text, "plain icon", () => act(row, action), { "aria-label": `${label} ${row.title || row.name}`, title: label, tabindex: -1 });
  if (isOpen(row)) box.append(verb("✓", "accept", "Accept"), verb("✕", "reject", "Reject"));
  else if (row.decision !== "open" && canWrite(row) && row.status !== "written") box.append(verb("↺", "reset", "Open again"));
  return box;
}

export const rowCells = (row, act) => [nameCell(row), changeCell(row), meterCell(row), stateCell(row), verbsCell(row, act)];
