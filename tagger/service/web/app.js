// What is shown, and what happens when something is pressed: the parts know nothing of each other.

import { get, patch } from "/assets/api.js";
import { EMPTY, readAddress, writeAddress } from "/assets/address.js";
import { bulk } from "/assets/bulk.js";
import { rowCells } from "/assets/cells.js";
import { countAll } from "/assets/counts.js";
import { showKeys, tell, tellProblem } from "/assets/dialogs.js";
import { button, by, make, number, plural, seldom, unheld } from "/assets/dom.js";
import { forgetVocabulary } from "/assets/editor.js";
import { Filters, filterOf } from "/assets/filters.js";
import { Folders } from "/assets/folders.js";
import { Grid } from "/assets/grid.js";
import { HistoryView } from "/assets/history.js";
import { Jobs } from "/assets/jobs.js";
import { listenToKeys } from "/assets/keys.js";
import { LearnView } from "/assets/learn.js";
import { startLogin } from "/assets/login.js";
import { Rows } from "/assets/rows.js";
import { StatisticsView } from "/assets/statistics.js";
import { startTheme } from "/assets/theme.js";
import { TrackView } from "/assets/track.js";
import { Uploads } from "/assets/uploads.js";
import { DECISIONS, PAST_JOBS, TABS, canReject, isOpen } from "/assets/words.js";
import { undo, write } from "/assets/write.js";

const DOCKED = matchMedia("(min-width: 1101px)"); // as in wide.css

class App {
  constructor(info) {
    const { scopes } = info;
    Object.assign(this, { info, scopes, counts: {}, view: "", state: { ...EMPTY } });
    this.rows = new Rows(() => this.onRows());
    this.grid = new Grid(by("grid"), {
      rows: this.rows, draw: (row) => rowCells(row, (one, action) => { this.decide(one, action); by("grid").focus({ preventScroll: true }); }),
      choose: (row, how) => this.onChosen(row, how), empty: () => this.emptyWords(),
    });
    this.track = new TrackView(by("track"), {
      scopes, step: (by) => this.step(by), decide: (...given) => this.decide(...given), onGone: () => this.refresh(), close: () => this.closeTrack(),
    });
    this.filters = new Filters((change) => this.change(change));
    this.folders = new Folders(by("folders"), (folder) => { this.showFolders(false); this.change({ folder }); });
    const onJob = (job) => { this.jobs.see(job); this.jobs.work(); };
    this.jobs = new Jobs({ canEdit: scopes.includes("edit"), onWork: () => this.refresh(), onEnd: (job) => this.onEnd(job) });
    this.statistics = new StatisticsView(by("statistics"), (change) => this.goTo("tracks", { ...EMPTY, ...change }));
    this.history = new HistoryView(by("history"), { onJob, scopes });
    this.learn = new LearnView(by("learn"), {
      info, onJob, onTrack: (id) => this.goTo("tracks", { ...EMPTY, track: String(id) }), onModel: () => this.onModel(),
    });
    this.countSoon = seldom(1500, () => this.count());
    this.drawFilters = unheld(() => this.filters.draw(this.state, this.counts));
    this.underWay = new Map(); // of a track: what was decided last and is not answered yet
    this.onJob = onJob;
  }

  start() {
    by("library").textContent = this.info.library || "uploads only";
    by("library").title = `tagger ${this.info.version}, model ${this.info.model}`;
    const canEdit = this.scopes.includes("edit");
    by("upload").hidden = by("bulk").hidden = !canEdit;
    by("write").hidden = !this.scopes.includes("write");
    if (canEdit) this.uploads = new Uploads({ info: this.info, onKept: () => this.jobs.work() });
    by("write").addEventListener("click", () => this.write());
    by("bulk").addEventListener("click", () => this.bulk());
    by("keys").addEventListener("click", showKeys);
    by("show-folders").addEventListener("click", () => this.showFolders(!by("folders").classList.contains("shown")));
    for (const link of by("nav").children) {
      link.addEventListener("click", (event) => { event.preventDefault(); this.goTo(link.dataset.view, this.state); });
    }
    listenToKeys(this);
    addEventListener("popstate", () => this.read());
    addEventListener("hashchange", () => this.read());
    DOCKED.addEventListener("change", () => this.placeTrack());
    this.read();
    this.folders.start(this.state.folder);
    this.jobs.start();
    this.countSoon();
  }

  // --- where we are

  read() {
    const { view, state } = readAddress();
    this.turnTo(view, state);
  }

  goTo(view, state) {
    writeAddress(view, state, { step: true });
    this.turnTo(view, state);
  }

  change(change) {
    this.goTo("tracks", { ...this.state, ...change, track: "" });
  }

  turnTo(view, state) {
    const isOther = JSON.stringify([filterOf(state), state.sort]) !== this.asked;
    const isNewView = view !== this.view;
    Object.assign(this, { view, state });
    for (const name of ["tracks", "statistics", "learn", "history"]) by(name).hidden = name !== view;
    for (const link of by("nav").children) link.setAttribute("aria-current", link.dataset.view === view ? "page" : "false");
    if (view !== "tracks") { if (isNewView) this[view].show(); return; }
    this.filters.draw(state, this.counts);
    this.folders.show(state.folder);
    if (isOther) {
      this.asked = JSON.stringify([filterOf(state), state.sort]);
      this.grid.toTop();
      this.closeTrack({ isKept: true });
      this.rows.choose(filterOf(state), state.sort);
    } else this.grid.render();
    if (state.track && this.track.row?.id !== Number(state.track)) this.openById(state.track);
  }

  async openById(id) {
    try {
      const row = await get("/tracks/" + id);
      this.grid.active = this.rows.indexOf(row.id);
      this.openTrack(row);
    } catch (error) { tellProblem(error); }
  }

  // --- rows

  onRows() {
    const { rows, track } = this;
    if (!rows.isKnown && !rows.error) return;
    if (track.row) {
      const at = rows.indexOf(track.row.id);
      if (at >= 0) { this.grid.active = at; track.update(rows.at(at)); }
    }
    this.grid.render();
    this.filters.drawCount(rows);
    document.documentElement.dataset.ready ||= Math.round(performance.now());
  }

  emptyWords() {
    const { error } = this.rows;
    if (error) return [make("p", "", error.message), make("p", "quiet", error.remedy), button("Try again", "plain bordered", () => this.rows.choose(filterOf(this.state), this.state.sort))];
    if (!this.rows.isKnown) return [make("p", "", "…")];
    if (JSON.stringify(filterOf(this.state)) !== "{}") return [make("p", "", this.state.tab === "review" ? "Nothing is left to review here." : "Nothing matches."), button("Show all", "plain bordered", () => this.clear())];
    return [make("p", "", "No tracks yet."), make("p", "quiet", this.scopes.includes("edit") ? "Drop audio files here to upload them." : "")];
  }

  clear() { this.goTo("tracks", { ...EMPTY, sort: this.state.sort }); }

  // A row that was moved to or clicked; where the panel covers the list it opens on a click only.
  onChosen(row, { isOpened }) {
    if (!row) return;
    if (isOpened || DOCKED.matches || this.isOver) this.openTrack(row);
  }

  openTrack(row) {
    this.state = { ...this.state, track: String(row.id) };
    writeAddress(this.view, this.state, { step: false });
    this.track.open(row);
    document.body.classList.add("with-track");
    this.placeTrack();
  }

  get isOver() { return document.body.classList.contains("with-track") && !DOCKED.matches; }

  placeTrack() {
    const isOver = this.isOver;
    for (const one of document.querySelectorAll(".top, #folders, .list, #jobs")) one.inert = isOver;
    if (isOver && !by("track").contains(document.activeElement)) by("track").focus({ preventScroll: true });
  }

  closeTrack({ isKept = false } = {}) {
    if (!isKept) { this.state = { ...this.state, track: "" }; writeAddress(this.view, this.state, { step: false }); }
    document.body.classList.remove("with-track");
    this.track.leave();
    this.placeTrack();
    this.grid.render();
    if (!isKept) by("grid").focus({ preventScroll: true });
  }

  step(by) {
    if (this.view === "tracks") this.grid.move(by);
  }

  showFolders(isShown) {
    by("folders").classList.toggle("shown", isShown);
    by("show-folders").setAttribute("aria-expanded", isShown);
  }

  // --- verbs

  // Of the chosen track, by a key: the next one is chosen at once, so that no key hits a row twice.
  decideNext(action) {
    const { row } = this.track, verb = { accept: isOpen, reject: canReject, reset: (one) => one.decision !== "open" }[action];
    if (!row || !this.scopes.includes("edit") || !verb({ ...row, ...this.underWay.get(row.id)?.expected })) return;
    if (action !== "reset") this.step(1);
    this.decide(row, action);
  }

  // The decisions on a track reach the service in the order in which they were taken, however fast.
  decide(row, action, genres) {
    const before = this.underWay.get(row.id)?.answered;
    const answered = Promise.resolve(before).then(() => this.send(row, action, genres));
    const one = { expected: { decision: DECISIONS[action] }, answered };
    this.underWay.set(row.id, one);
    answered.then(() => { if (this.underWay.get(row.id) === one) this.underWay.delete(row.id); });
    return answered;
  }

  async send(row, action, genres) {
    try {
      const changed = await patch(`/tracks/${row.id}/proposal`, genres ? { action, genres } : { action });
      this.rows.replace(changed);
      this.track.update(changed);
      this.countSoon();
      return true;
    } catch (error) {
      tellProblem(error);
      return false;
    }
  }

  allAnswered() { return Promise.all([...this.underWay.values()].map((one) => one.answered)); }

  async write() {
    if (!this.scopes.includes("write") || by("write").disabled) return;
    await this.allAnswered(); // they belong to what is written
    await write({ onJob: this.onJob });
  }

  async bulk() {
    await this.allAnswered();
    const { tab, folder, q } = this.state, parts = [TABS[tab]?.[0].toLowerCase() || "all"];
    if (folder) parts.push("in " + folder.replace(/\/$/, ""));
    if (q) parts.push(`with “${q}”`);
    return bulk({ filter: filterOf(this.state), total: this.rows.total, about: parts.join(", "), onDone: () => this.refresh(), onJob: this.onJob });
  }

  // --- what changes by itself

  async refresh() {
    this.countSoon();
    if (this.view === "tracks") await this.rows.refresh();
    else await this[this.view].show();
  }

  onEnd(job) {
    this.refresh();
    forgetVocabulary();
    const words = `${PAST_JOBS[job.kind]} ${job.about}: `;
    if (job.state === "failed") return tell(words + "failed.", { remedy: job.error || "", isBad: true });
    if (job.state !== "done" || job.kind === "look") return;
    if (job.kind === "learn") return tell(words + "done.", this.view === "learn" ? {} : { verb: "See the table", onVerb: () => this.goTo("learn", this.state) });
    const failed = job.n_failed ? `, ${number(job.n_failed)} failed` : "";
    const canUndo = job.kind === "write" && job.run_id && job.n_done > job.n_failed;
    tell(`${words}done${failed}.`, canUndo ? { verb: "Undo", onVerb: () => this.undo(job.run_id) } : { isBad: !!job.n_failed });
  }

  // Scans use another model: what was asked of the one before is asked again.
  async onModel() {
    this.statistics.models = null;
    forgetVocabulary();
    try { this.info.model = (await get("/info")).model; } catch (error) { return tellProblem(error); }
    by("library").title = `tagger ${this.info.version}, model ${this.info.model}`;
  }

  async undo(id) {
    try { await undo(await get("/runs/" + id), { onJob: this.onJob }); } catch (error) { tellProblem(error); }
  }

  async count() {
    try {
      const { tabs } = await countAll(), n = tabs.accepted;
      this.counts = tabs;
      by("write").disabled = !n;
      by("write").textContent = n ? `Write ${plural(n, "file")}…` : "Write";
      this.folders.n_all = tabs.all;
      this.drawFilters();
      await this.folders.refresh();
    } catch (error) { if (error.status) tellProblem(error); }
  }
}

startTheme(by("theme"));
startLogin();
get("/info").then((info) => new App(info).start(), tellProblem);
