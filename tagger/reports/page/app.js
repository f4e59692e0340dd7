// State -> what is shown. The address holds the search, so that a view can be kept as a bookmark.

const by = (id) => document.getElementById(id);

class App {
  constructor() {
    const { about, rows } = readData(by("data").textContent);
    this.isAudit = rows.some((row) => row.finding);
    Object.assign(this, { about, rows: this.isAudit ? rows : byStatus(rows) });
    Object.assign(this, { state: { ...EMPTY }, view: "Tracks", sort: null, sorted: new Map() });
    const draw = (one, columns) => columns.map((column) => column.cell(one));
    this.grid = new Grid(by("grid"), { draw, open: (one, at) => this.open(one, at) });
    this.detail = new Detail(by("detail"), about, this.grid);
  }

  start() {
    this.drawTop();
    this.drawOverview();
    by("search").addEventListener("input", (event) => this.choose({ q: event.target.value }));
    by("sorter").addEventListener("change", (event) => this.onSorter(event.target.value));
    by("tabs").addEventListener("keydown", (event) => this.onTabKey(event));
    addEventListener("keydown", (event) => this.onKey(event));
    startTheme(by("theme"));
    this.state.q = new URLSearchParams(location.hash.slice(1)).get("q") || "";
    this.update();
    setTimeout(prepareSearch, 100, this.rows);
    document.documentElement.dataset.openMs = performance.now().toFixed(1);
  }

  // --- what was chosen

  open(one, at) {
    if (this.view === "Tracks") this.detail.open(one, at);
    else this.choose(this.view === "Folders" ? { folder: one.folder } : { genre: one.genre }, "Tracks");
  }

  choose(change, to) {
    Object.assign(this.state, change);
    if (to) Object.assign(this, { view: to, sort: null });
    this.update();
    const top = by("tracks").getBoundingClientRect().top;
    if (top < 0 && (to || !("q" in change))) scrollBy(0, top);
  }

  chooseFromChart(change) {
    this.choose(change, "Tracks");
    by("tracks").scrollIntoView({ block: "start" });
  }

  toggle(field, value) {
    this.choose({ [field]: this.state[field] === value ? null : value }, "Tracks");
  }

  turnTo(view) {
    Object.assign(this, { view, sort: null });
    this.update();
  }

  sortBy(at) {
    const column = VIEWS[this.view].columns[at];
    this.sort = this.sort && this.sort.at === at ? { at, down: !this.sort.down } : { at, down: !!column.down };
    this.update();
  }

  // --- what comes from the keyboard

  onSorter(at) {
    this.sort = at === "" ? null : { at: Number(at), down: !!VIEWS[this.view].columns[at].down };
    this.update();
  }

  onTabKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(VIEWS), at = (names.indexOf(this.view) + step + names.length) % names.length;
    this.turnTo(names[at]);
    by("tabs").children[at].focus();
  }

  onKey(event) {
    const isTyping = event.target.closest("input, select"), isSearch = event.target === by("search");
    if (event.key === "/" && !isTyping) {
      event.preventDefault();
      by("search").focus();
    } else if (event.key === "Escape" && !by("detail").open) {
      this.choose({ ...EMPTY });
      by("grid").focus({ preventScroll: true });
    } else if (event.key === "ArrowDown" && isSearch) {
      event.preventDefault();
      by("grid").focus({ preventScroll: true });
      this.grid.move(1);
    }
  }

  // --- what is drawn

  update() {
    const started = performance.now(), root = document.documentElement;
    const { columns, cols } = VIEWS[this.view], found = this.found();
    root.style.setProperty("--cols", cols);
    this.grid.active = -1;
    this.grid.setItems(found, columns);
    by("count").textContent = `${number.format(found.length)} ${found.length === 1 ? this.view.toLowerCase().slice(0, -1) : this.view.toLowerCase()}`;
    this.drawHead(columns);
    this.drawTabs();
    this.drawChips();
    for (const [id, chosen] of [["tiles", this.state.status], ["findings", this.state.finding]]) {
      for (const one of by(id).children) one.setAttribute("aria-pressed", one.dataset.key === chosen);
    }
    if (by("search").value !== this.state.q) by("search").value = this.state.q;
    void document.body.offsetHeight; // the time below includes the layout
    root.dataset.filterMs = (performance.now() - started).toFixed(1);
    const hash = this.state.q ? "#q=" + encodeURIComponent(this.state.q) : "#";
    if (location.hash !== hash && (this.state.q || location.hash)) history.replaceState(null, "", hash);
  }

  // The rows (or folders, or genres) that match, in order.
  found() {
    const isMatch = matcher(this.state), kept = (all) => (isMatch ? all.filter(isMatch) : all);
    if (this.view === "Tracks") return kept(this.inOrder(this.rows));
    return this.inOrder(VIEWS[this.view].items(kept(this.rows)));
  }

  // All rows sorted by a column are kept: sorting takes longer than finding.
  inOrder(items) {
    if (!this.sort) return items;
    const { at, down } = this.sort, column = VIEWS[this.view].columns[at];
    if (this.view !== "Tracks") return sortRows(items, column, down);
    const key = at + (down ? "-" : "+");
    if (!this.sorted.has(key)) this.sorted.set(key, sortRows(this.rows, column, down));
    return this.sorted.get(key);
  }

  drawTop() {
    const { model, made, version } = this.about;
    const facts = [model && `model ${model}`, made && made.replace("T", " "), `${number.format(this.rows.length)} files`, version && `tagger ${version}`];
    by("about").textContent = facts.filter(Boolean).join(" · ");
    by("title").textContent = document.title = this.isAudit ? "tagger audit" : "tagger report";
  }

  drawOverview() {
    const { rows } = this, genre = (name) => this.chooseFromChart({ genre: name });
    drawTiles(by("tiles"), rows.filter((row) => !row.finding), STATUSES, "status", (key) => this.toggle("status", key));
    drawTiles(by("findings"), rows.filter((row) => row.finding), FINDINGS, "finding", (key) => this.toggle("finding", key));
    drawGenres(by("genres"), rows, genre);
    drawHistogram(by("histogram"), rows, (bin) => this.chooseFromChart({ bin }));
    if (this.isAudit) {
      by("third").textContent = "Spelled in several ways";
      by("later").textContent = "as suggested";
      drawSpellings(by("reasons"), rows, genre);
    } else {
      drawReasons(by("reasons"), rows, (why) => this.chooseFromChart({ why }));
    }
  }

  drawHead(columns) {
    const { sort } = this, isChosen = (at) => !!sort && sort.at === at;
    by("head").replaceChildren(...columns.map((column, at) => {
      const arrow = isChosen(at) ? (sort.down ? " ↓" : " ↑") : "";
      const button = make("button", column.num ? "num" : "", column.title + arrow);
      button.type = "button";
      button.setAttribute("role", "columnheader");
      button.setAttribute("aria-sort", arrow ? (sort.down ? "descending" : "ascending") : "none");
      button.addEventListener("click", () => { this.sortBy(at); by("head").children[at].focus(); });
      return button;
    }));
    const named = columns.flatMap((column, at) => (column.title ? [new Option("Sort: " + column.title, at, false, isChosen(at))] : []));
    by("sorter").replaceChildren(new Option("Sort: none", "", false, !sort), ...named);
  }

  drawTabs() {
    by("tabs").replaceChildren(...Object.keys(VIEWS).map((name) => {
      const button = make("button", "", name);
      button.type = "button";
      button.setAttribute("role", "tab");
      button.setAttribute("aria-selected", name === this.view);
      button.tabIndex = name === this.view ? 0 : -1;
      button.addEventListener("click", () => this.turnTo(name));
      return button;
    }));
  }

  drawChips() {
    const { status, finding, folder, genre, why, bin } = this.state;
    const range = bin === null ? null : `score ${(bin / N_BINS).toFixed(2)} to ${((bin + 1) / N_BINS).toFixed(2)}`;
    const shown = { status: status && STATUSES[status][1], finding: finding && FINDINGS[finding][1], folder, genre, why, bin: range };
    by("chips").replaceChildren(...Object.entries(shown).filter(([, text]) => text !== null).map(([key, text]) => {
      const button = make("button", "chip", text + "  ✕");
      button.type = "button";
      button.setAttribute("aria-label", "remove the filter " + text);
      button.addEventListener("click", () => this.choose({ [key]: null }));
      return button;
    }));
  }
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

document.addEventListener("DOMContentLoaded", () => new App().start());
