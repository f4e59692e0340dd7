// The tracks that match, of which only pieces around the screen are fetched and kept.

import { get, query } from "/assets/api.js";

const PIECE = 100, MOST_PIECES = 40, MOST_NEWEST = 500;

export class Rows {
  constructor(onChange) {
    Object.assign(this, { onChange, filter: {}, sort: "folder", total: 0, isKnown: false, error: null });
    this.pieces = new Map();
    this.newest = new Map(); // rows that answers to changes brought, against pieces that are older
    this.stop = new AbortController();
  }

  // Another filter or order: what is under way for the old one is given up.
  choose(filter, sort) {
    this.stop.abort();
    this.stop = new AbortController();
    this.pieces.clear();
    Object.assign(this, { filter, sort, isKnown: false, error: null });
    return this.fetch(0);
  }

  at(index) {
    return this.pieces.get(Math.floor(index / PIECE))?.rows[index % PIECE];
  }

  // Ask for what is missing of the rows from `first` to `last`, both included.
  want(first, last) {
    for (let at = Math.floor(first / PIECE); at <= Math.floor(last / PIECE); at++) {
      if (!this.pieces.has(at) && at * PIECE < Math.max(1, this.total)) this.fetch(at);
    }
    this.seen = [Math.floor(first / PIECE), Math.floor(last / PIECE)];
  }

  // The pieces on the screen again, as they are now; the others when they come up.
  async refresh() {
    const [first, last] = this.seen || [0, 0];
    for (const at of this.pieces.keys()) if (at < first || at > last) this.pieces.delete(at);
    const pending = [];
    for (let at = first; at <= last; at++) pending.push(this.fetch(at, { isAgain: true }));
    await Promise.all(pending);
  }

  async fetch(at, { isAgain = false } = {}) {
    const { signal } = this.stop, old = this.pieces.get(at);
    if (!isAgain) this.pieces.set(at, { rows: [] });
    this.forget(at);
    try {
      const asked = { ...this.filter, sort: this.sort, limit: PIECE, offset: at ? at * PIECE : "" };
      const answer = await get("/tracks" + query(asked), signal);
      this.pieces.set(at, { rows: answer.items.map((row) => this.newer(row)) });
      Object.assign(this, { total: answer.total ?? this.total, isKnown: true, error: null });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (old) this.pieces.set(at, old); else this.pieces.delete(at);
      this.error = error;
    }
    this.onChange();
  }

  // The pieces that were fetched first are far away by now.
  forget(kept) {
    for (const at of this.pieces.keys()) {
      if (this.pieces.size <= MOST_PIECES) return;
      if (Math.abs(at - kept) > 2) this.pieces.delete(at);
    }
  }

  // A row that an answer brought takes the place of its old self.
  replace(row) {
    this.newest.set(row.id, row);
    if (this.newest.size > MOST_NEWEST) this.newest.delete(this.newest.keys().next().value);
    for (const { rows } of this.pieces.values()) {
      const at = rows.findIndex((one) => one.id === row.id);
      if (at >= 0) { rows[at] = { ...rows[at], ...row }; this.onChange(); }
    }
  }

  newer(row) {
    const newest = this.newest.get(row.id);
    return newest?.version > row.version ? { ...row, ...newest } : row;
  }

  indexOf(id) {
    for (const [at, { rows }] of this.pieces) {
      const index = rows.findIndex((one) => one.id === id);
      if (index >= 0) return at * PIECE + index;
    }
    return -1;
  }
}
