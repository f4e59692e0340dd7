// Scores against what each label needs.

import { make, percent } from "/assets/dom.js";

export function scoreBars(scores, n) {
  const list = make("ul", "scores");
  for (const { label, score, threshold } of scores.slice(0, n)) {
    const isSure = threshold !== null && threshold < 1 && score >= threshold - 0.0005;
    const row = make("li"), track = make("span", "meter"), bar = make("i", isSure ? "" : "low");
    const needs = threshold === null ? "" : threshold >= 1 ? ", never written" : `, needs ${threshold.toFixed(2)}`;
    bar.style.width = percent(score, 1);
    track.append(bar);
    if (threshold !== null) {
      const line = make("u");
      line.style.left = percent(Math.min(1, threshold), 1);
      track.append(line);
    }
    const value = make("span", "num", score.toFixed(2));
    value.append(make("span", "hidden", needs));
    row.title = `${label} ${score.toFixed(2)}${needs}`;
    row.append(make("span", isSure ? "sure" : "", label), track, value);
    list.append(row);
  }
  return list;
}
