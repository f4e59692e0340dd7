// State -> what is shown. The address holds the search, so that a view can be kept as a bookmark.

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
  const cell = make("div", "cell under");
  const was = make("span", "was", row.before || "no genre");
  if (row.before === row.after) {
    cell.append(was);
  } else {
    cell.append(was, " → ", make("span", "now", row.after || "no genre"));
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
      { title: "Genre now → afterwards", key: (row) => lower(row.after || row.before), cell: changeCell },
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

function start() {
  const { about, rows: found } = readData(document.getElementById("data").textContent);
  const isAudit = found.some((row) => row.finding), rows = isAudit ? found : byStatus(found);
  const by = (id) => document.getElementById(id);
  let state = { ...EMPTY }, view = "Tracks", sort = null, sorted = new Map();
  const grid = new Grid(by("grid"), { draw: (one, columns) => columns.map((column) => column.cell(one)), open });
  const detail = new Detail(by("detail"), about, grid);

  function open(one, at) {
    if (view === "Tracks") detail.open(one, at);
    else choose(view === "Folders" ? { folder: one.folder } : { genre: one.genre }, "Tracks");
  }

  function choose(change, to) {
    state = { ...state, ...change };
    if (to) view = to;
    sort = to ? null : sort;
    update();
    if (to || !("q" in change)) keepInView();
  }

  function keepInView() {
    const top = by("tracks").getBoundingClientRect().top;
    if (top < 0) scrollBy(0, top);
  }

  function inOrder(items) {
    if (!sort) return items;
    const column = VIEWS[view].columns[sort.at];
    if (view !== "Tracks") return sortRows(items, column, sort.down);
    const key = sort.at + (sort.down ? "-" : "+");
    if (!sorted.has(key)) sorted.set(key, sortRows(rows, column, sort.down));
    return sorted.get(key);
  }

  function update() {
    const started = performance.now();
    const isMatch = matcher(state), { items, columns, cols } = VIEWS[view];
    const kept = (all) => (isMatch ? all.filter(isMatch) : all);
    const found = view === "Tracks" ? kept(inOrder(rows)) : inOrder(items(kept(rows)));
    document.documentElement.style.setProperty("--cols", cols);
    grid.active = -1;
    grid.setItems(found, columns);
    by("count").textContent = `${number.format(found.length)} ${view.toLowerCase()}`;
    drawHead(columns);
    drawTabs();
    drawChips();
    mark("tiles", state.status);
    mark("findings", state.finding);
    if (by("search").value !== state.q) by("search").value = state.q;
    void document.body.offsetHeight; // the time below includes the layout
    document.documentElement.dataset.filterMs = (performance.now() - started).toFixed(1);
    const hash = state.q ? "#q=" + encodeURIComponent(state.q) : "#";
    if (location.hash !== hash && (state.q || location.hash)) history.replaceState(null, "", hash);
  }

  function mark(id, chosen) {
    for (const one of by(id).children) one.setAttribute("aria-pressed", one.dataset.key === chosen);
  }

  function sortBy(at) {
    const column = VIEWS[view].columns[at];
    sort = sort && sort.at === at ? { at, down: !sort.down } : { at, down: !!column.down };
    update();
  }

  function drawHead(columns) {
    by("head").replaceChildren(...columns.map((column, at) => {
      const now = sort && sort.at === at ? (sort.down ? " ↓" : " ↑") : "";
      const button = make("button", column.num ? "num" : "", column.title + now);
      button.type = "button";
      button.setAttribute("role", "columnheader");
      button.setAttribute("aria-sort", now ? (sort.down ? "descending" : "ascending") : "none");
      button.addEventListener("click", () => { sortBy(at); by("head").children[at].focus(); });
      return button;
    }));
    const named = columns.map((column, at) => new Option("Sort: " + column.title, at, false, !!sort && sort.at === at)).filter((one) => one.text !== "Sort: ");
    by("sorter").replaceChildren(new Option("Sort: none", "", false, !sort), ...named);
  }

  function drawTabs() {
    by("tabs").replaceChildren(...Object.keys(VIEWS).map((name) => {
      const button = make("button", "", name);
      button.type = "button";
      button.setAttribute("role", "tab");
      button.setAttribute("aria-selected", name === view);
      button.tabIndex = name === view ? 0 : -1;
      button.addEventListener("click", () => { view = name; sort = null; update(); });
      return button;
    }));
  }

  function drawChips() {
    const shown = {
      status: state.status && STATUSES[state.status][1], finding: state.finding && FINDINGS[state.finding][1],
      folder: state.folder, genre: state.genre, why: state.why,
      bin: state.bin === null ? null : `score ${(state.bin / N_BINS).toFixed(2)} to ${((state.bin + 1) / N_BINS).toFixed(2)}`,
    };
    by("chips").replaceChildren(...Object.entries(shown).filter(([, text]) => text !== null && text !== undefined).map(([key, text]) => {
      const button = make("button", "chip", text + "  ✕");
      button.type = "button";
      button.setAttribute("aria-label", "remove the filter " + text);
      button.addEventListener("click", () => choose({ [key]: null }));
      return button;
    }));
  }

  function goDown() {
    by("tracks").scrollIntoView({ block: "start" });
  }

  const madeAt = about.made ? about.made.replace("T", " ") : "";
  by("about").textContent = [about.model && `model ${about.model}`, madeAt, `${number.format(rows.length)} files`, `tagger ${about.version || ""}`].filter(Boolean).join(" · ");
  by("title").textContent = isAudit ? "tagger audit" : "tagger report";
  document.title = by("title").textContent;
  drawTiles(by("tiles"), rows.filter((row) => !row.finding), STATUSES, "status", null, (status) => choose({ status: status === state.status ? null : status }, "Tracks"));
  drawTiles(by("findings"), rows.filter((row) => row.finding), FINDINGS, "finding", null, (finding) => choose({ finding: finding === state.finding ? null : finding }, "Tracks"));
  drawGenres(by("genres"), rows, (genre) => { choose({ genre }, "Tracks"); goDown(); });
  drawHistogram(by("histogram"), rows, (bin) => { choose({ bin }, "Tracks"); goDown(); });
  if (isAudit) {
    by("third").textContent = "Spelled in several ways";
    by("later").textContent = "as suggested";
    drawSpellings(by("reasons"), rows, (genre) => { choose({ genre }, "Tracks"); goDown(); });
  } else drawReasons(by("reasons"), rows, (why) => { choose({ why }, "Tracks"); goDown(); });

  by("search").addEventListener("input", (event) => choose({ q: event.target.value }));
  by("sorter").addEventListener("change", (event) => {
    sort = event.target.value === "" ? null : { at: Number(event.target.value), down: !!VIEWS[view].columns[event.target.value].down };
    update();
  });
  by("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(VIEWS), at = (names.indexOf(view) + step + names.length) % names.length;
    view = names[at]; sort = null; update();
    by("tabs").children[at].focus();
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select");
    if (event.key === "/" && !typing) { event.preventDefault(); by("search").focus(); }
    if (event.key === "Escape" && !by("detail").open) { choose({ ...EMPTY }); by("grid").focus({ preventScroll: true }); }
    if (event.key === "ArrowDown" && event.target === by("search")) { event.preventDefault(); by("grid").focus({ preventScroll: true }); grid.move(1); }
  });
  startTheme(by("theme"));
  const asked = new URLSearchParams(location.hash.slice(1)).get("q");
  if (asked) state.q = asked;
  update();
  setTimeout(prepareSearch, 100, rows);
  document.documentElement.dataset.openMs = performance.now().toFixed(1);
}

function startTheme(button) {
  const root = document.documentElement, key = "tagger-theme";
  try { root.dataset.theme = localStorage.getItem(key) || ""; } catch { /* a page from disk may have no storage */ }
  button.addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try { localStorage.setItem(key, root.dataset.theme); } catch { /* it holds for this visit */ }
  });
}

document.addEventListener("DOMContentLoaded", start);
