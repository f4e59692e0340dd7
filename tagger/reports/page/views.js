// What stands in the cells of each view, and how its columns are sorted.

function statusCell(row) {
  const [mark, label, tone] = row.finding ? FINDINGS[row.finding] || STATUSES[row.status] : STATUSES[row.status];
  const cell = toned(make("div", "cell status side"), tone);
  cell.append(make("span", "mark", mark), " " + label);
  return cell;
}

function nameCell(row) {
  const cell = make("div", "cell first", row.name);
  cell.append(make("small", "", row.folder));
  cell.title = row.path;
  return cell;
}

function changeCell(row) {
  const cell = make("div", "cell under lines");
  const was = make("span", "was", listed(row.previous) || "no genre");
  if (listed(row.previous) === listed(row.genres)) {
    cell.append(was);
  } else {
    cell.append(was, " → ", make("span", "now", listed(row.genres) || "no genre"));
  }
  cell.title = cell.textContent;
  return cell;
}

function meterCell(row) {
  const cell = make("div", "cell wide heard");
  if (row.score < 0) return cell;
  const box = make("div", "meter"), left = make("div"), track = make("div", "track"), bar = make("i", row.sure ? "" : "low");
  bar.style.width = percent(row.score, 1);
  track.append(bar);
  left.append(make("span", "", row.label + " "), track);
  box.append(left, make("span", "num", row.score.toFixed(2)));
  cell.append(box);
  return cell;
}

const cellOf = (className, text) => {
  const cell = make("div", "cell " + className, text);
  cell.title = text;
  return cell;
};
const lower = (text) => text.toLowerCase();

const VIEWS = {
  Tracks: {
    cols: "9.5em minmax(160px, 1.6fr) minmax(140px, 1.2fr) minmax(120px, 11em) minmax(120px, 1.2fr)",
    items: (rows) => rows,
    columns: [
      { title: "What", key: (row) => Object.keys(STATUSES).indexOf(row.status) + row.finding, cell: statusCell },
      { title: "File", key: (row) => lower(row.path), cell: nameCell },
      { title: "Genre now → afterwards", key: (row) => lower(listed(row.genres) || listed(row.previous)), cell: changeCell },
      { title: "Heard", key: (row) => row.score, down: true, cell: meterCell },
      { title: "Reason", key: (row) => lower(row.reason), cell: (row) => cellOf("soft wide", row.reason) },
    ],
  },
  Folders: {
    cols: "minmax(180px, 2fr) 6em 8em 8em 6em minmax(140px, 1.4fr)",
    items: byFolder,
    columns: [
      { title: "Folder", key: (one) => lower(one.folder), cell: (one) => cellOf("first", one.folder) },
      { title: "Files", num: true, down: true, key: (one) => one.n, cell: (one) => cellOf("num side", number.format(one.n)) },
      { title: "Change", num: true, down: true, key: (one) => one.changed, cell: (one) => cellOf("num wide", number.format(one.changed)) },
      { title: "Left alone", num: true, down: true, key: (one) => one.abstained, cell: (one) => cellOf("num wide", number.format(one.abstained)) },
      { title: "Failed", num: true, down: true, key: (one) => one.failed, cell: (one) => cellOf("num wide", number.format(one.failed)) },
      { title: "Genres afterwards", key: (one) => lower(one.main), cell: (one) => cellOf("soft under", (innerWidth <= 720 && one.changed ? number.format(one.changed) + " change · " : "") + one.main) },
    ],
  },
  Genres: {
    cols: "minmax(160px, 2fr) 8em 8em 8em 1fr",
    items: byGenre,
    columns: [
      { title: "Genre", key: (one) => lower(one.genre), cell: (one) => cellOf("first", one.genre) },
      { title: "Now", num: true, down: true, key: (one) => one.before, cell: (one) => cellOf("num wide", number.format(one.before)) },
      { title: "Afterwards", num: true, down: true, key: (one) => one.after, cell: (one) => cellOf("num wide", number.format(one.after)) },
      { title: "Difference", num: true, down: true, key: (one) => one.after - one.before, cell: (one) => cellOf("num side", signed(one.after - one.before)) },
      { title: "", key: () => 0, cell: (one) => cellOf("soft under", innerWidth <= 720 ? `${number.format(one.before)} → ${number.format(one.after)} files` : "") },
    ],
  },
};
const signed = (n) => (n > 0 ? "+" : n < 0 ? "−" : "") + number.format(Math.abs(n));
