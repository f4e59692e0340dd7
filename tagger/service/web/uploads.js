// Files that are dropped or chosen: three at a time, large ones in pieces that can be resumed.

import { Problem, address, drop, get, post, query } from "/assets/api.js";
import { button, by, make, number, percent, plural, seldom, size } from "/assets/dom.js";

const AT_ONCE = 3, LARGE = 64e6, PIECE = 8e6, MOST_SHOWN = 6, N_TRIES = 5;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// One request with its progress, which fetch does not tell.
function send(method, path, body, headers, onPart) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address(path));
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => onPart(event.loaded));
    request.addEventListener("load", () => {
      const { status, response } = request;
      if (status < 300) resolve(response);
      else reject(Object.assign(new Problem({ ...response, status }), { wait: Number(request.getResponseHeader("Retry-After")) || 0 }));
    });
    request.addEventListener("error", () => reject(new Problem({ detail: "The service does not answer.", remedy: "See whether it still runs." })));
    request.send(body);
  });
}

// A busy service (429, 503) and one that is away are asked again, later and later.
async function patiently(call) {
  for (let n = 1; ; n++) {
    try { return await call(); } catch (error) {
      if (n === N_TRIES || ![0, 429, 503].includes(error.status)) throw error;
      await pause(1000 * (error.wait || 2 ** n));
    }
  }
}

export class Uploads {
  constructor({ info, onKept }) {
    Object.assign(this, { info, onKept, queue: [], active: [], ended: [], n_new: 0, n_there: 0, n_bad: 0 });
    this.draw = seldom(100, () => this.drawNow());
    by("upload").addEventListener("click", () => by("files").click());
    by("files").accept = info.suffixes.join(",");
    by("files").addEventListener("change", () => { this.add([...by("files").files].map((file) => ({ file, folder: "" }))); by("files").value = ""; });
    this.watchDrops();
  }

  watchDrops() {
    let n = 0;
    const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
    addEventListener("dragenter", (event) => { if (hasFiles(event)) { n++; by("drop").hidden = false; } });
    addEventListener("dragleave", (event) => { if (hasFiles(event) && --n <= 0) { n = 0; by("drop").hidden = true; } });
    addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
    addEventListener("drop", async (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      n = 0;
      by("drop").hidden = true;
      const entries = [...event.dataTransfer.items].map((one) => one.webkitGetAsEntry?.()).filter(Boolean);
      if (entries.length) for (const entry of entries) await this.addEntry(entry, "");
      else this.add([...event.dataTransfer.files].map((file) => ({ file, folder: "" })));
    });
  }

  // A folder keeps its name, and what is in it.
  async addEntry(entry, folder) {
    if (entry.isFile) {
      const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
      if (file && this.isAudio(file.name)) this.add([{ file, folder }]);
      else if (file && !folder) this.refuse(file);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!some.length) return;
      for (const one of some) await this.addEntry(one, `${folder}${entry.name}/`);
    }
  }

  isAudio(name) { return this.info.suffixes.some((one) => name.toLowerCase().endsWith(one)); }

  refuse(file) {
    this.end({ name: file.name, problem: new Problem({ detail: "This is no audio file by its name.", remedy: `Upload ${this.info.suffixes.join(" ")}.` }) });
  }

  add(files) {
    for (const { file, folder } of files) {
      if (!this.isAudio(file.name)) this.refuse(file);
      else if (file.size > this.info.max_upload_bytes) this.end({ name: file.name, problem: new Problem({ detail: `It is larger than ${size(this.info.max_upload_bytes)}.`, remedy: "Ask whoever runs the service for more." }) });
      else this.queue.push({ file, folder, name: file.name, n_sent: 0 });
    }
    this.next();
    this.draw();
  }

  next() {
    while (this.active.length < AT_ONCE && this.queue.length) {
      const one = this.queue.shift();
      this.active.push(one);
      this.run(one).finally(() => { this.active.splice(this.active.indexOf(one), 1); this.next(); this.draw(); });
    }
  }

  async run(one) {
    try {
      const kept = one.file.size > LARGE ? await this.inPieces(one) : await patiently(() => this.whole(one));
      this.end({ name: one.name, isNew: kept.is_new });
      this.onKept(kept.track);
    } catch (problem) { this.end({ name: one.name, problem }); }
  }

  whole(one) {
    const path = "/uploads" + query({ name: one.name, folder: one.folder });
    return send("POST", path, one.file, { "Content-Type": "application/octet-stream" }, (n) => { one.n_sent = n; this.draw(); });
  }

  async inPieces(one) {
    const begun = await patiently(() => post("/uploads/sessions", { name: one.name, folder: one.folder, size: one.file.size }));
    const path = "/uploads/sessions/" + begun.id;
    try {
      for (let at = 0, isSure = true; ;) {
        const state = await patiently(async () => {
          if (!isSure) at = (await get(path)).offset; // what came of a piece that failed is there
          isSure = false;
          const start = at, headers = { "Content-Type": "application/octet-stream", "Upload-Offset": start };
          return send("PATCH", path, one.file.slice(start, start + PIECE), headers, (n) => { one.n_sent = start + n; this.draw(); });
        });
        if (state.upload) return state.upload;
        at = state.offset;
        isSure = true;
      }
    } catch (error) {
      await drop(path).catch(() => {}); // it is swept away later
      throw error;
    }
  }

  end(one) {
    if (one.problem) this.n_bad++; else if (one.isNew) this.n_new++; else this.n_there++;
    this.ended = [one, ...this.ended.filter((other) => other.problem || !one.problem)].slice(0, 50);
    this.draw();
  }

  // --- what is drawn: the counts, and a few files

  drawNow() {
    const box = by("uploads"), n_left = this.queue.length + this.active.length;
    box.hidden = !(n_left || this.ended.length);
    const parts = [n_left ? `${number(n_left)} to go` : "", this.n_new ? `${number(this.n_new)} uploaded` : "", this.n_there ? `${plural(this.n_there, "was", "were")} there already` : "", this.n_bad ? `${number(this.n_bad)} refused` : ""];
    const head = make("div", "row");
    head.append(make("h2", "", "Uploads"), make("span", "quiet", parts.filter(Boolean).join(" · "), { role: "status" }), make("span", "push"));
    head.append(button("✕", "plain icon", () => { Object.assign(this, { ended: [], n_new: 0, n_there: 0, n_bad: 0 }); box.hidden = true; }, { "aria-label": "Hide the uploads", disabled: n_left > 0 }));
    const list = make("ul");
    for (const one of this.active) list.append(this.line(one, `${Math.floor((100 * one.n_sent) / Math.max(1, one.file.size))} %`));
    const shown = [...this.ended].sort((a, b) => !!b.problem - !!a.problem).slice(0, Math.max(0, MOST_SHOWN - this.active.length));
    for (const one of shown) list.append(this.line(one, one.problem ? "refused" : one.isNew ? "uploaded" : "there already"));
    box.replaceChildren(head, list);
  }

  line(one, state) {
    const row = make("li", one.problem ? "bad" : ""), top = make("div", "row");
    top.append(make("span", "name", one.name, { title: one.name }), make("span", "num", state));
    row.append(top);
    if (one.problem) row.append(make("small", "", `${one.problem.message} ${one.problem.remedy}`));
    else if (one.file) {
      const track = make("div", "meter"), bar = make("i");
      bar.style.width = percent(one.n_sent, one.file.size);
      track.append(bar);
      row.append(track);
    }
    return row;
  }
}
