"use strict";
// Lines of JSON -> rows, and the filter over them. A line is an object that says something of
// the whole report, or an array that is one file. The last line of a scan that was stopped may
// be torn: it is left out.

const STATUSES = {
  proposed: ["→", "would change", "--blue"], written: ["✓", "written", "--green"],
  unchanged: ["=", "same already", "--grey"], kept: ["·", "genre kept", "--grey"],
  abstained: ["?", "not sure enough", "--orange"], skipped: ["–", "left alone", "--pink"],
  failed: ["✕", "failed", "--red"],
};
const FINDINGS = {
  disagrees: ["≠", "disagrees", "--red"], empty: ["∅", "no genre", "--orange"],
  numeric: ["#", "a number", "--orange"], placeholder: ["…", "says nothing", "--orange"],
  variant: ["≈", "other spelling", "--pink"], unknown: ["¿", "no word for it", "--grey"],
  agrees: ["✓", "agrees", "--green"], unsure: ["?", "not sure enough", "--grey"],
  failed: ["✕", "failed", "--red"],
};
const NO_GENRE = "(no genre)";

function readData(text) {
  const about = { labels: [], thresholds: [], parents: [], folders: [], reasons: [] }, rows = [];
  let lines;
  try {
    lines = JSON.parse("[" + text.trim().replaceAll("\n", ",") + "]");
  } catch {
    lines = text.split("\n").flatMap((line) => {
      try { return [JSON.parse(line)]; } catch { return []; }
    });
  }
  for (const line of lines) {
    if (Array.isArray(line)) rows.push(toRow(line, about));
    else if ("folder" in line) about.folders.push(line.folder);
    else if ("reason" in line) about.reasons.push(line.reason);
    else Object.assign(about, line);
  }
  return { about, rows };
}

function toRow([at, name, status, genres, previous, scores, duration, why, finding, time, others], about) {
  const folder = about.folders[at];
  let best = -1;
  if (scores) for (let i = 0; i < scores.length; i++) if (best < 0 || scores[i] > scores[best] || (scores[i] === scores[best] && isUnder(i, best, about))) best = i;
  // What is not sure enough gives way to what is above it and is.
  let sure = best;
  while (sure >= 0 && !isSure(scores[sure], sure, about)) sure = about.parents[sure] ?? -1;
  if (sure >= 0) best = sure;
  const label = best < 0 ? "" : about.labels[best];
  const score = best < 0 ? -1 : scores[best] / 1000;
  return {
    folder, name, status, genres, previous, scores, duration, finding, label, score,
    path: folder === "." ? name : folder.endsWith("/") ? folder + name : folder + "/" + name,
    reason: why === null ? "" : about.reasons[why], time: time || null, others: others || [],
    sure: sure >= 0,
  };
}

// A label that needs 1 is shown, and never believed.
const isSure = (score, i, about) => about.thresholds[i] < 1 && score >= about.thresholds[i] * 1000 - 0.5;

// The surest label first; of equals the one that is below the other.
const bySure = (scores, about) => (a, b) => scores[b] - scores[a] || isUnder(b, a, about) - isUnder(a, b, about);

// Whether a label is below another one in the model's tree.
function isUnder(i, other, about) {
  for (let at = about.parents[i] ?? -1; at >= 0; at = about.parents[at] ?? -1) if (at === other) return true;
  return false;
}

// What is searched: made when it is first wanted, and in the background before that.
function hayOf(row) {
  return (row.hay ||= [row.path, row.genres.join("\n"), row.previous.join("\n"), row.label, row.status, row.finding, row.reason].join("\n").toLowerCase());
}

function prepareSearch(rows, from = 0) {
  const to = Math.min(rows.length, from + 5000);
  for (let i = from; i < to; i++) hayOf(rows[i]);
  if (to < rows.length) setTimeout(prepareSearch, 0, rows, to);
}

const listed = (genres) => genres.join(", ");
const holds = (list, genre) => (genre === NO_GENRE ? !list.length : list.includes(genre));

const EMPTY = { q: "", status: null, finding: null, folder: null, genre: null, bin: null, why: null };

// What a row must be to be shown: words anywhere, and the parts that were clicked; null for all.
function matcher(state) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const { status, finding, folder, genre, bin, why } = state;
  if (Object.entries(state).every(([key, value]) => value === EMPTY[key])) return null;
  return (row) =>
    (!status || row.status === status) && (!finding || row.finding === finding)
    && (folder === null || row.folder === folder)
    && (genre === null || holds(row.genres, genre) || holds(row.previous, genre))
    && (bin === null || (row.score >= 0 && binOf(row.score) === bin))
    && (why === null || (QUIET.has(row.status) === false && whyOf(row) === why))
    && words.every((word) => hayOf(row).includes(word));
}

const N_BINS = 20;
const binOf = (score) => Math.min(N_BINS - 1, Math.floor(score * N_BINS));
const QUIET = new Set(["proposed", "written", "unchanged"]);

// The reason without what differs from file to file, so that like ones are counted together.
function whyOf(row) {
  if (row.status === "abstained") return row.reason.split(":")[0];
  let why = WHYS.get(row.reason);
  if (why === undefined) {
    why = row.reason.replace(/\d+(\.\d+)?/g, "…").slice(0, 160);
    if (WHYS.size < 1000) WHYS.set(row.reason, why);
  }
  return why;
}
const WHYS = new Map();

// What changes first, then what was left alone; within each, in the order of the report.
function byStatus(rows) {
  const groups = new Map(Object.keys(STATUSES).map((status) => [status, []]));
  for (const row of rows) groups.get(row.status).push(row);
  return [...groups.values()].flat();
}

function countBy(rows, keyOf) {
  const counts = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    counts.set(key, (counts.get(key) || 0) + 1);
  }
  return counts;
}

function byGenre(rows) {
  const found = new Map();
  const at = (genre) => {
    let one = found.get(genre);
    if (!one) found.set(genre, (one = { genre, before: 0, after: 0 }));
    return one;
  };
  for (const row of rows) {
    for (const genre of row.previous.length ? row.previous : [NO_GENRE]) at(genre).before++;
    for (const genre of row.genres.length ? row.genres : [NO_GENRE]) at(genre).after++;
  }
  return [...found.values()].sort((a, b) => Math.max(b.before, b.after) - Math.max(a.before, a.after));
}

function byFolder(rows) {
  const found = new Map();
  for (const row of rows) {
    let one = found.get(row.folder);
    if (!one) {
      found.set(row.folder, (one = { folder: row.folder, n: 0, changed: 0, abstained: 0, failed: 0, genres: new Map() }));
    }
    one.n++;
    if (row.status === "proposed" || row.status === "written") one.changed++;
    if (row.status === "abstained" || row.status === "skipped") one.abstained++;
    if (row.status === "failed") one.failed++;
    for (const genre of row.genres) one.genres.set(genre, (one.genres.get(genre) || 0) + 1);
  }
  for (const one of found.values()) {
    one.main = [...one.genres].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([name, n]) => name + " " + n).join(", ");
  }
  return [...found.values()].sort((a, b) => b.changed - a.changed || b.n - a.n);
}

const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
function sortRows(rows, column, down) {
  const keyed = rows.map((row) => [column.key(row), row]);
  keyed.sort((a, b) => order(a[0], b[0]));
  if (down) keyed.reverse();
  return keyed.map((one) => one[1]);
}
