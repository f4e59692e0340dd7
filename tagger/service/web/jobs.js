// What is under way, seen live.

import { post, watchJobs } from "/assets/api.js";
import { tell, tellProblem } from "/assets/dialogs.js";
import { button, by, make, number, percent, plural, seldom } from "/assets/dom.js";
import { JOBS, PAST_JOBS } from "/assets/words.js";

const UNDER_WAY = new Set(["queued", "running"]);

export class Jobs {
  // onWork: rows may have changed; onEnd: a job has ended, with its last row.
  constructor({ onWork, onEnd, canEdit }) {
    Object.assign(this, { onEnd, canEdit, jobs: new Map(), ended: new Set() });
    this.work = seldom(1500, onWork);
    this.line = make("p", "away bad", "The service does not answer; trying again…", { hidden: true });
  }

  start() {
    this.source?.close();
    this.source = watchJobs((job) => this.see(job), (isThere) => {
      this.line.hidden = isThere;
      if (isThere && this.wasAway) this.work();
      this.wasAway = !isThere;
      this.draw();
    });
    addEventListener("pagehide", () => this.source.close());
  }

  see(job) {
    const was = this.jobs.get(job.id);
    if (UNDER_WAY.has(job.state)) this.jobs.set(job.id, job);
    else {
      this.jobs.delete(job.id);
      if (was && !this.ended.has(job.id)) { this.ended.add(job.id); this.onEnd(job); }
    }
    if (!was || was.n_done !== job.n_done || was.state !== job.state) this.work();
    this.draw();
  }

  draw() {
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
