// What was written, and can be undone; what was done, and can be tried again.

import { get, post } from "/assets/api.js";
import { askFor, tellProblem } from "/assets/dialogs.js";
import { button, listed, make, number, plural, time, toned } from "/assets/dom.js";
import { JOB_STATES, PAST_JOBS } from "/assets/words.js";
import { undo } from "/assets/write.js";

export class HistoryView {
  constructor(element, { onJob, scopes }) {
    Object.assign(this, { element, onJob, scopes });
  }

  async show() {
    try {
      const [runs, jobs] = await Promise.all([get("/runs?limit=100"), get("/jobs?limit=50")]);
      this.element.replaceChildren(make("h2", "hidden", "History"), this.runs(runs.items), this.jobs(jobs.items));
    } catch (error) { tellProblem(error); }
  }

  card(title, empty, items) {
    const card = make("section", "card"), list = make("ul", "log");
    list.append(...items);
    card.append(make("h3", "", title), items.length ? list : make("p", "quiet", empty));
    return card;
  }

  runs(runs) {
    return this.card("Writes", "Nothing was written yet.", runs.map((run) => {
      const item = make("li"), words = make("p");
      const undone = run.n_undone ? `, ${number(run.n_undone)} undone` : "", failed = run.n_failed ? `, ${number(run.n_failed)} failed` : "";
      words.append(make("b", "", run.kind === "undo" ? `Undo of run ${run.undoes ?? ""}` : `Run ${run.id}`), ` ${plural(run.n_written, "file")}${failed}${undone}`);
      words.append(make("small", "", time(run.began_at)));
      item.append(words, button("Changes", "plain bordered", () => this.changes(run), { "aria-label": `Changes of run ${run.id}` }));
      if (run.can_undo && this.scopes.includes("write")) item.append(button("Undo…", "plain bordered", () => undo(run, { onJob: this.onJob }), { "aria-label": `Undo run ${run.id}` }));
      return item;
    }));
  }

  async changes(run) {
    try {
      const { changes } = await get("/runs/" + run.id), list = make("ul", "examples");
      for (const one of changes) {
        const row = make("li"), change = make("span");
        change.append(make("span", "was", listed(one.before) || "no genre"), " → ", make("span", "now", listed(one.after) || "no genre"));
        if (one.is_undone) change.append(make("span", "quiet", " (undone)"));
        if (one.error) change.append(make("small", "bad", one.error));
        row.append(make("span", "name", one.name, { title: one.folder + one.name }), change);
        list.append(row);
      }
      await askFor({ title: `Changes of run ${run.id}`, content: [list], choices: [{ text: "Close", value: "", isStrong: true }] });
    } catch (error) { tellProblem(error); }
  }

  jobs(jobs) {
    return this.card("Jobs", "Nothing was done yet.", jobs.map((job) => {
      const [mark, label, tone] = JOB_STATES[job.state], item = make("li"), words = make("p");
      const state = toned(make("span", "status"), tone);
      state.append(make("span", "mark", mark, { "aria-hidden": true }), " ", label);
      const failed = job.n_failed ? `, ${number(job.n_failed)} failed` : "";
      words.append(make("b", "", `${PAST_JOBS[job.kind]} ${job.about}`), ` ${number(job.n_done)} of ${number(job.n_total)}${failed}`);
      words.append(make("small", "", [time(job.created_at), job.error].filter(Boolean).join(" · ")));
      item.append(words, state);
      const isOver = job.state === "failed" || job.state === "cancelled" || (job.state === "done" && job.n_failed);
      if (isOver && this.scopes.includes("edit")) item.append(button("Try again", "plain bordered", () => this.retry(job), { "aria-label": `Try job ${job.id} again` }));
      return item;
    }));
  }

  async retry(job) {
    try { this.onJob(await post(`/jobs/${job.id}/retry`)); await this.show(); } catch (error) { tellProblem(error); }
  }
}
