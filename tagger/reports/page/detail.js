// One file in full: what it holds, what it would hold, every score against its threshold.

class Detail {
  constructor(dialog, about, grid) {
    Object.assign(this, { dialog, about, grid });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (step) { event.preventDefault(); this.step(step); }
    });
    dialog.addEventListener("close", () => grid.element.focus({ preventScroll: true }));
  }

  open(row, at) {
    this.at = at;
    this.draw(row);
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
  }

  step(by) {
    const at = Math.max(0, Math.min(this.grid.items.length - 1, this.at + by));
    this.grid.active = at;
    this.grid.show(at);
    this.grid.render();
    this.open(this.grid.items[at], at);
  }

  draw(row) {
    const close = make("button", "plain close", "✕");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => this.dialog.close());
    const title = make("h2", "", row.name);
    title.id = "detail-title";
    const [mark, label] = STATUSES[row.status];
    const facts = make("dl");
    const fact = (name, value) => { if (value) facts.append(make("dt", "", name), make("dd", "", value)); };
    fact("Folder", row.folder);
    fact("Status", `${mark} ${label}`);
    if (row.finding) fact("Audit", FINDINGS[row.finding] ? FINDINGS[row.finding].slice(0, 2).join(" ") : row.finding);
    fact("Genre now", listed(row.previous) || "none");
    fact("Afterwards", listed(row.genres) || "none");
    for (const [kind, said] of row.others) fact(kind, said);
    fact("Length", row.duration === null ? "" : minutes(row.duration));
    fact("Reason", row.reason);
    this.dialog.replaceChildren(close, title, facts, ...this.scores(row), ...this.overTime(row), this.steps());
  }

  scores(row) {
    if (!row.scores) return [make("p", "quiet", "This file was not listened to.")];
    const box = make("div", "scores");
    const order = row.scores.map((_, i) => i).filter((i) => row.scores[i] >= 0).sort(bySure(row.scores, this.about));
    for (const i of order.slice(0, 20)) {
      const score = row.scores[i];
      const needed = this.about.thresholds[i], track = make("div", "track");
      const bar = make("i", isSure(score, i, this.about) ? "" : "low"), line = make("u");
      bar.style.width = percent(score, 1000);
      line.style.left = percent(needed, 1);
      line.title = needed < 1 ? `needs ${needed.toFixed(2)}` : "is never written";
      track.append(bar, line);
      box.append(make("span", "", this.about.labels[i]), track, make("span", "num", (score / 1000).toFixed(2)));
    }
    return [box, make("p", "quiet", "The upright line is what each label needs to be believed.")];
  }

  // What is heard when: a line a label, the darker (or lighter, at night) the surer.
  overTime(row) {
    if (!row.time) return [];
    const [length, starts, scores] = row.time, names = this.about.labels;
    const order = names.map((_, i) => i).sort(bySure(row.scores, this.about)).slice(0, 8);
    const box = make("div", "time"), colour = getComputedStyle(document.documentElement).getPropertyValue("--blue");
    for (const i of order) {
      const canvas = make("canvas"), pen = canvas.getContext("2d");
      canvas.width = 600;
      canvas.height = 14;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${names[i]} over time, at most ${(Math.max(...scores.map((one) => one[i])) / 1000).toFixed(2)}`);
      pen.fillStyle = colour;
      starts.forEach((start, at) => {
        const end = Math.min(start + length, starts[at + 1] ?? row.duration);
        pen.globalAlpha = scores[at][i] / 1000;
        pen.fillRect((600 * start) / row.duration, 0, Math.max(1, (600 * (end - start)) / row.duration), 14);
      });
      box.append(make("span", "", names[i]), canvas);
    }
    const axis = make("div", "axis");
    axis.append(make("span", "", "0:00"), make("span", "", minutes(row.duration / 2)), make("span", "", minutes(row.duration)));
    box.append(make("span"), axis);
    return [make("h3", "", "Over time"), box];
  }

  steps() {
    const box = make("div", "steps");
    for (const [text, by] of [["← previous", -1], ["next →", 1]]) {
      const button = make("button", "plain", text);
      button.type = "button";
      button.addEventListener("click", () => this.step(by));
      box.append(button);
    }
    return box;
  }
}

const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
