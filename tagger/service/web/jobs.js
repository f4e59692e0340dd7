// What is under way, seen live.

import { post, watchJobs } from "/assets/api.js";
import { tell, tellProblem } from "/assets/dialogs.js";
import { button, by, make, number, percent, plural, seldom, unheld } from "/assets/dom.js";
import { JOBS, PAST_JOBS } from "/assets/words.js";

const AGAIN_MS = 3000;
const UNDER_WAY = new Set(["queued", "running"]);

export class Jobs {
  // onWork: rows may have changed; onEnd: a job has ended, with its last row.
  constructor({ onWork, onEnd, canEdit }) {
    Object.assign(this, { onEnd, canEdit, jobs: new Map(), ended: new Set(), fresh: new Set(), connectedAt: Infinity, draw: unheld(() => this.drawNow()) });
    this.work = seldom(1500, onWork);
    this.line = make("p", "away bad", "The service does not answer; trying again…", { hidden: true });
  }

  // A tab that nobody looks at holds no connection: a browser has only six for one service.
  start() {
    this.connect();
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.source.close(); else { this.connect(); this.work(); } });
    addEventListener("pagehide", () => this.source.close());
  }

  connect() {
    this.source?.close();
    this.source = watchJobs((job) => this.see(job), (isThere, isClosed) => {
      if (isClosed) setTimeout(() => { if (!document.hidden) this.connect(); }, AGAIN_MS);
      this.line.hidden = isThere;
      if (isThere) this.expect();
      this.draw();
    });
  }

  // After a new connection: what is not told of soon has ended meanwhile.
  expect() {
    const old = new Set(this.jobs.keys());
    this.connectedAt = performance.now();
    this.fresh = new Set();
    setTimeout(() => {
      for (const id of old) if (!this.fresh.has(id)) this.jobs.delete(id);
      this.draw();
    }, AGAIN_MS);
    this.work();
  }

  see(job) {
    this.fresh.add(job.id);
    const was = this.jobs.get(job.id);
    if (UNDER_WAY.has(job.state)) this.jobs.set(job.id, job);
    else {
      this.jobs.delete(job.id);
      // A new connection tells of what ended just before it; later, a short job may come as ended.
      const isNew = was || performance.now() - this.connectedAt > AGAIN_MS;
      if (isNew && !this.ended.has(job.id)) { this.ended.add(job.id); this.onEnd(job); }
    }
    if (!was || was.n_done !== job.n_done || was.state !== job.state) this.work();
    this.draw();
  }

  drawNow() {
    const all = [...this.jobs.values()], shown = all.slice(0, 3);
    by("jobs").replaceChildren(this.line, ...shown.map((job) => this.drawn(job)));
    if (all.length > shown.length) by("jobs").append(make("p", "quiet", `and ${plural(all.length - shown.length, "other job")}`));
  }

  drawn(job) {
    const box = make("div", "job"), words = make("p"), what = `${JOBS[job.kind]} ${job.about}`;
    const far = job.kind === "look" ? plural(job.n_done, "file") : `${number(job.n_done)} of ${number(job.n_total)}`;
    words.append(make("b", "", job.state === "queued" ? `${what}: waiting` : what), ` ${far}`);
    if (job.n_failed) words.append(make("span", "bad", `, ${number(job.n_failed)} failed`));
    words.append(make("small", "", job.current));
    const isFar = job.n_total && job.kind !== "look";
    const track = make("div", "meter", undefined, { role: "progressbar", "aria-label": what, "aria-valuemin": 0, "aria-valuemax": job.n_total || 1, "aria-valuenow": isFar ? job.n_done : null });
    const bar = make("i", isFar ? "" : "endless");
    bar.style.width = isFar ? percent(job.n_done, job.n_total) : "100%";
    track.append(bar);
    box.append(words, track);
    if (this.canEdit) box.append(button("Cancel", "plain bordered", () => this.cancel(job), { "aria-label": "Cancel: " + what }));
    return box;
  }

  async cancel(job) {
    try { this.see(await post(`/jobs/${job.id}/cancel`)); tell(`${PAST_JOBS[job.kind]} ${job.about}: cancelled. What is done stays.`); } catch (error) { tellProblem(error); }
  }
}
