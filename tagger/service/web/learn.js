// The owner's own genres: one button, the table of what came of it, and the model that scans use.

import { get, post, put } from "/assets/api.js";
import { scanAll } from "/assets/bulk.js";
import { confirmed, tell, tellProblem } from "/assets/dialogs.js";
import { button, listed, make, number, percent, plural, time } from "/assets/dom.js";

const NEVER = 1;
const N_ROWS = 20;
const share = (part) => `${Math.round(100 * part)} %`;
const score = (value) => value.toFixed(2);

export class LearnView {
  // onTrack: somebody wants to see a track; onModel: scans use another model from now on.
  constructor(element, { onJob, onTrack, onModel, info }) {
    Object.assign(this, { element, onJob, onTrack, onModel, info, name: "", long: new Set(), drawn: "" });
    this.canEdit = info.scopes.includes("edit");
  }

  async show() {
    try {
      const [lessons, models] = await Promise.all([get("/lessons"), get("/models")]);
      const names = lessons.items.map((one) => one.name);
      if (!names.includes(this.name)) this.name = names[0] || "";
      const lesson = this.name ? await get("/lessons/" + encodeURIComponent(this.name)) : null;
      // Asked for again while a job runs: what has the focus stays where nothing has changed.
      const drawn = JSON.stringify([lessons, models, lesson, [...this.long]]);
      if (drawn === this.drawn) return;
      this.drawn = drawn;
      const parts = [make("h2", "hidden", "Your genres"), this.intro(names, models.items)];
      if (lesson) parts.push(this.labels(lesson), ...this.doubted(lesson), ...this.leftOut(lesson));
      this.element.replaceChildren(...parts);
    } catch (error) { tellProblem(error); }
  }

  intro(names, models) {
    const card = make("section", "card lesson-intro"), row = make("div", "row");
    card.append(make("h3", "", "Your own genres"));
    const words = this.info.library
      ? "A model can be fitted to the genres that your files hold and to what you have corrected. A table then says how well it names each of them, on artists that were held out. No file changes, and scans use the model once you choose it."
      : "Genres are learned from a library: start the service with its folder.";
    card.append(make("p", "quiet", words), row);
    if (this.canEdit && this.info.library) row.append(button("Learn my genres…", "strong", () => this.learn(names), { id: "learn-genres" }));
    row.append(this.chooser(models));
    if (names.length > 1) row.append(this.select("Table of", names.map((one) => [one, one]), this.name, (name) => { this.name = name; this.show(); }));
    return card;
  }

  chooser(models) {
    const named = models.filter((one) => !one.problem), used = named.find((one) => one.is_used);
    const options = named.map((one) => [one.name, `${one.name} (${plural(one.labels.length, "label")})`]);
    const field = this.select("Scans use", options, used?.name || "", (name) => this.use(name));
    field.querySelector("select").disabled = !this.canEdit;
    return field;
  }

  select(text, options, chosen, onChange) {
    const label = make("label", "field", text + " "), select = make("select");
    select.append(...options.map(([value, words]) => new Option(words, value, false, value === chosen)));
    select.addEventListener("change", () => onChange(select.value));
    label.append(select);
    return label;
  }

  async learn(names) {
    const name = make("input", "", undefined, { type: "text", value: this.name || "learned", maxlength: 63, spellcheck: "false" });
    const least = make("input", "", undefined, { type: "number", value: 8, min: 2, max: 10000 });
    const keep = make("input", "", undefined, { type: "checkbox" });
    const fields = make("div", "lesson-fields");
    const field = (text, input) => { const one = make("label", "field"); one.append(make("span", "", text), input); fields.append(one); };
    field("Name of the model", name);
    field("Tracks that a genre needs", least);
    field("Keep the usual labels beside them", keep);
    const content = [make("p", "", "All files of the library are read; those that no scan has decoded yet are decoded first, which takes as long as a scan. It can be cancelled at any time."), fields];
    if (names.length) content.push(make("p", "quiet", "The same name takes the place of what was learned before."));
    if (!(await confirmed({ title: "Learn my genres?", content, verb: "Learn" }))) return;
    try {
      this.onJob(await post("/learn", { name: name.value.trim(), min_tracks: Number(least.value) || null, keep_labels: keep.checked }));
    } catch (error) { tellProblem(error); }
  }

  async use(name) {
    try {
      await put("/models/used", { name });
      this.onModel();
      const all = await get("/tracks?limit=1");
      tell(`Scans use ${name} from now on.`, { verb: "Scan all again…", onVerb: () => scanAll({}, all.total, this.onJob) });
    } catch (error) { tellProblem(error); }
    this.drawn = "";
    await this.show();
  }

  labels(lesson) {
    const card = make("section", "card"), { figures } = lesson, caption = make("figcaption");
    caption.append(make("h3", "", lesson.name), make("span", lesson.is_used ? "status in-use" : "quiet", lesson.is_used ? "✓ scans use it" : time(lesson.learned_at)));
    card.append(caption);
    card.append(make("p", "", `${plural(lesson.n_labels, "label")} learned from ${plural(figures.n_tracks, "track")} by ${plural(figures.n_artists, "artist")}. Of artists that were held out, ${share(figures.share_of_tracks_written)} of tracks would get a genre, and ${share(figures.written_right)} of these genres are right.`));
    for (const note of lesson.notes) card.append(make("p", "quiet", note));
    const scroll = make("div", "scroll", undefined, { tabindex: 0, role: "region", "aria-label": `Labels of ${lesson.name}` }), table = make("table", "lesson");
    const head = make("tr");
    for (const [text, title, className] of COLUMNS) head.append(make("th", className, text, { scope: "col", title }));
    const top = make("thead"), body = make("tbody");
    top.append(head);
    body.append(...lesson.labels.map((one) => this.label(one)));
    table.append(top, body);
    scroll.append(table);
    card.append(scroll);
    return card;
  }

  label(one) {
    const row = make("tr"), cell = (text, className = "num") => row.append(make("td", className, text));
    row.append(make("th", "", one.label, { scope: "row" }));
    cell(number(one.n_tracks));
    cell(number(one.n_artists), "num seldom");
    const skill = make("td", "num skill"), meter = make("span", "meter", undefined, { "aria-hidden": true }), bar = make("i"), chance = make("b");
    bar.style.width = percent(one.average_precision, 1);
    chance.style.left = percent(one.prior, 1);
    meter.append(bar, chance);
    const sure = one.low === null ? "" : ` (${score(one.low)} to ${score(one.high)})`;
    skill.append(meter, score(one.average_precision));
    if (sure) skill.append(make("small", "", sure));
    row.append(skill);
    cell(score(one.prior), "num seldom");
    cell(one.precision === null ? "–" : share(one.precision));
    cell(share(one.recall));
    cell(one.threshold >= NEVER ? "never" : score(one.threshold), "num seldom");
    cell(listed(one.confused_with.map((other) => `${other.label} ${share(other.share)}`)) || "–", "quiet");
    return row;
  }

  doubted({ doubted, n_doubted }) {
    if (!n_doubted) return [];
    const items = doubted.map((one) => {
      const item = make("li"), change = make("span");
      change.append(make("span", "was", listed(one.genres)), " → ", make("span", "now", `${one.suggested} ${score(one.score)}`));
      const name = one.track_id ? button(one.name, "plain name", () => this.onTrack(one.track_id), { title: one.folder + one.name }) : make("span", "name", one.name);
      name.append(" ", make("small", "", one.folder));
      item.append(name, change);
      return item;
    });
    return [this.list(`Genres that look wrong (${number(n_doubted)})`, "The most certain first: what all other tracks say against what the file says.", items)];
  }

  leftOut({ left_out }) {
    if (!left_out.length) return [];
    const items = left_out.map((one) => {
      const item = make("li");
      item.append(make("span", "name", one.label), make("span", "quiet", one.reason));
      return item;
    });
    return [this.list(`Not learned (${number(left_out.length)})`, "", items)];
  }

  list(title, words, items) {
    const card = make("section", "card"), list = make("ul", "examples"), isLong = this.long.has(title);
    list.append(...(isLong ? items : items.slice(0, N_ROWS)));
    card.append(make("h3", "", title));
    if (words) card.append(make("p", "quiet", words));
    card.append(list);
    if (items.length > N_ROWS && !isLong) card.append(button(`All ${number(items.length)}`, "plain", () => { this.long.add(title); this.show(); }));
    return card;
  }
}

const COLUMNS = [
  ["Label", "", ""], ["Tracks", "that have it", "num"], ["Artists", "whose tracks they are", "num seldom"],
  ["Average precision", "how well it is told from all others; the mark is what chance would reach", "num"],
  ["Chance", "the average precision of guessing", "num seldom"], ["Right", "of the tracks that would get it", "num"],
  ["Caught", "of the tracks that have it", "num"], ["Needs", "the score from which it is written", "num seldom"], ["Taken for", "what its tracks get instead", ""],
];
