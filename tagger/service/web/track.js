// One track: what it is, what it holds and would hold, how it sounds, what the model says.

import { address, get, drop } from "/assets/api.js";
import { confirmed, tell, tellProblem } from "/assets/dialogs.js";
import { button, by, listed, make, minutes, plural, same, settled, size, time, toned, unheld } from "/assets/dom.js";
import { Editor } from "/assets/editor.js";
import { Player } from "/assets/player.js";
import { scoreBars } from "/assets/scores.js";
import { canReject, canWrite, isOpen, stateOf } from "/assets/words.js";

const PAUSE_MS = 150; // running through a list with j asks for what one stops at

export class TrackView {
  constructor(element, { scopes, step, decide, onGone, close }) {
    Object.assign(this, { element, scopes, step, decide, onGone, close, row: null, detail: null });
    this.player = new Player();
    this.editor = new Editor({ save: (genres) => this.save(genres), cancel: () => this.endEdit() });
    this.load = settled(PAUSE_MS, () => this.fetch());
    this.redraw = unheld(() => { if (!this.isEditing) this.draw(); });
    this.drawNone();
  }

  drawNone() {
    const words = make("div", "none");
    words.append(make("p", "", "Choose a track to listen to it."), make("p", "quiet", "Or press j."));
    this.element.replaceChildren(words);
  }

  open(row) {
    if (this.row?.id === row.id && this.detail) return this.update(row);
    this.abort?.abort();
    Object.assign(this, { row, detail: null, isEditing: false });
    const isPlaying = this.player.isPlaying;
    this.player.open(row.id, row.duration_s);
    if (isPlaying) this.player.play();
    this.draw();
    this.element.scrollTop = 0;
    this.load();
  }

  // A row that changed elsewhere: by a scan, a write, in the list.
  update(row) {
    if (this.row?.id !== row.id || row.version < this.row.version) return;
    const isNewer = row.version > this.row.version;
    this.row = { ...this.row, ...row };
    if (isNewer && this.detail) this.fetch();
    if (isNewer) this.redraw();
  }

  leave() {
    this.abort?.abort();
    this.player.stop();
    Object.assign(this, { row: null, detail: null });
    this.drawNone();
  }

  async fetch() {
    if (!this.row) return; // it was closed before it was asked for
    const { id } = this.row;
    this.abort?.abort();
    const { signal } = (this.abort = new AbortController());
    try {
      const detail = await get("/tracks/" + id, signal);
      if (this.row?.id !== id) return;
      if (detail.version < this.row.version) return this.fetch(); // it was decided on meanwhile
      Object.assign(this, { detail, row: { ...this.row, ...detail } });
      this.redraw();
      if (canWrite(detail)) await this.player.loadTimeline(signal);
    } catch (error) {
      tellProblem(error);
    }
  }

  // --- verbs

  async save(genres) {
    if (await this.decide(this.row, "edit", genres)) this.endEdit();
  }

  edit() {
    if (!this.row || !canWrite(this.row) || !this.scopes.includes("edit")) return;
    this.isEditing = true;
    this.draw();
    this.editor.focus();
  }

  // The field with the focus goes: what is left of the track takes it.
  endEdit() {
    const hadFocus = this.isEditing && this.element.contains(document.activeElement);
    this.isEditing = false;
    this.draw();
    if (hadFocus) this.element.focus({ preventScroll: true });
  }

  async remove() {
    const { id, name } = this.row;
    const isSure = await confirmed({ title: "Delete this upload?", content: [make("p", "", `${name} and what the service keeps of it is deleted.`)], verb: "Delete", isDanger: true });
    if (!isSure) return;
    try {
      await drop("/tracks/" + id);
      tell(`${name} is deleted.`);
      this.leave();
      this.onGone();
    } catch (error) { tellProblem(error); }
  }

  // --- what is drawn

  draw() {
    const { row } = this;
    if (!row) return this.drawNone();
    const parts = [this.top(), this.head(), this.tags(), this.player.element];
    if (this.detail) parts.push(...this.verdict(), this.facts());
    this.element.replaceChildren(...parts);
    this.player.draw();
  }

  top() {
    const box = make("div", "track-top");
    box.append(
      button("←", "plain icon", () => this.step(-1), { "aria-label": "Previous track", title: "k" }),
      button("→", "plain icon", () => this.step(1), { "aria-label": "Next track", title: "j" }),
      make("span", "push"),
      make("a", "plain", "Download", { href: address(`/tracks/${this.row.id}/download`), download: "" }),
      button("✕", "plain icon", () => this.close(), { "aria-label": "Close the track" }),
    );
    return box;
  }

  head() {
    const { row } = this, box = make("div", "track-head"), words = make("div");
    const cover = row.has_cover
      ? make("img", "cover", undefined, { src: address(`/tracks/${row.id}/cover`), alt: `Cover of ${row.album || row.title || row.name}`, width: 96, height: 96 })
      : make("div", "cover blank", "♪", { "aria-hidden": true });
    words.append(make("h2", "", row.title || row.name));
    if (row.artist) words.append(make("p", "", row.artist));
    if (row.album) words.append(make("p", "quiet", row.album));
    words.append(make("p", "quiet path", row.folder + row.name));
    box.append(cover, words);
    return box;
  }

  tags() {
    const { row } = this, box = make("div", "tags"), [mark, label, tone] = stateOf(row);
    const state = toned(make("p", "status"), tone);
    state.append(make("span", "mark", mark, { "aria-hidden": true }), " ", label, row.is_edited ? " · edited" : "");
    box.append(state);
    if (this.isEditing) {
      const start = row.proposed.length ? row.proposed : row.genres;
      box.append(this.line("Now", row.genres, "none"), this.editor.open(start, this.detail?.scores || []));
      return box;
    }
    box.append(this.line("Now", row.genres, "none"));
    if (row.proposed.length) box.append(this.line("Proposed", row.proposed, "none", row.decision !== "rejected"));
    const suggested = this.detail?.suggested || [];
    if (row.is_edited && suggested.length && !same(suggested, row.proposed)) box.append(this.line("Model", suggested, ""));
    if (this.scopes.includes("edit")) box.append(this.verbs());
    return box;
  }

  line(name, genres, none, isNow = false) {
    const box = make("div", "tag-line");
    box.append(make("span", "quiet", name));
    const all = make("span", "tag-list");
    for (const one of genres) all.append(make("span", isNow ? "genre now" : "genre", one));
    if (!genres.length) all.append(make("span", "quiet", none));
    box.append(all);
    return box;
  }

  verbs() {
    const { row } = this, box = make("div", "verbs-bar");
    const verb = (text, key, className, call) => {
      const one = button(text, className, call, { "aria-keyshortcuts": key });
      one.append(make("kbd", "", key, { "aria-hidden": true }));
      box.append(one);
    };
    if (isOpen(row)) verb("Accept", "a", "strong", () => this.decide(row, "accept"));
    if (canWrite(row)) verb("Edit", "e", "plain bordered", () => this.edit());
    if (canReject(row)) verb("Reject", "x", "plain bordered", () => this.decide(row, "reject"));
    if (row.decision !== "open" && row.status !== "written") verb("Open again", "u", "plain bordered", () => this.decide(row, "reset"));
    return box;
  }

  verdict() {
    const { scores, others, reason } = this.detail, parts = [];
    if (reason) parts.push(make("p", "reason", reason));
    if (scores.length) parts.push(make("h3", "", "What the model says"), scoreBars(scores, 8), make("p", "quiet", "The upright line is what a label needs to be believed."));
    for (const [kind, some] of Object.entries(others)) {
      if (some.length) parts.push(make("h3", "", kind[0].toUpperCase() + kind.slice(1)), scoreBars(some, 4));
    }
    return parts;
  }

  facts() {
    const { detail } = this, list = make("dl", "facts");
    const fact = (name, text) => { if (text) list.append(make("dt", "", name), make("dd", "", text)); };
    fact("File", [detail.container, size(detail.size), detail.duration_s ? minutes(detail.duration_s) : ""].filter(Boolean).join(", "));
    fact("From", detail.source === "upload" ? "an upload" : "the library");
    fact("Added", time(detail.added_at));
    fact("Scanned", detail.scanned_at ? time(detail.scanned_at) : "not yet");
    fact("Model", detail.model);
    const box = make("div");
    box.append(make("h3", "", "File"), list);
    const isUpload = detail.source === "upload" || detail.status === "missing";
    if (isUpload && this.scopes.includes("write")) box.append(button("Delete…", "plain bordered", () => this.remove()));
    return box;
  }
}
