// The library in numbers: what is there, what would be, and the model that says so.

import { get } from "/assets/api.js";
import { countAll } from "/assets/counts.js";
import { tellProblem } from "/assets/dialogs.js";
import { button, listed, make, number, percent, toned } from "/assets/dom.js";
import { ACCEPTED, REJECTED, STATUSES } from "/assets/words.js";

const N_GENRES = 24;
const TAB_TILES = { review: STATUSES.proposed, accepted: ACCEPTED, unsure: STATUSES.abstained, rejected: REJECTED, written: STATUSES.written, failed: ["✕", "failed or gone", "--red"] };
const QUIET = ["unchanged", "kept", "skipped", "new"];

export class StatisticsView {
  constructor(element, choose) {
    Object.assign(this, { element, choose, isLong: false });
  }

  async show() {
    try {
      const [{ figures, tabs }, models] = await Promise.all([countAll(), this.models || get("/models")]);
      this.models = models;
      this.draw(figures, tabs, models.items.find((one) => one.is_used));
    } catch (error) { tellProblem(error); }
  }

  draw(figures, tabs, model) {
    const charts = make("div", "charts");
    charts.append(this.genres(figures), this.totals(figures, model));
    this.element.replaceChildren(make("h2", "hidden", "Statistics"), this.tiles(figures, tabs), charts);
  }

  tiles({ by_status }, tabs) {
    const box = make("div", "tiles");
    for (const [tab, look] of Object.entries(TAB_TILES)) if (tabs[tab]) box.append(this.tile(look, tabs[tab], { tab }));
    for (const status of QUIET) if (by_status[status]) box.append(this.tile(STATUSES[status], by_status[status], { status }));
    return box;
  }

  tile([mark, label, tone], n, change) {
    const tile = toned(button("", "tile", () => this.choose(change)), tone), line = make("span");
    line.append(make("span", "mark", mark, { "aria-hidden": true }), " " + label);
    tile.append(make("b", "", number(n)), line);
    return tile;
  }

  genres({ genres }) {
    const card = make("figure", "card"), caption = make("figcaption"), legend = make("p", "legend");
    legend.append(make("span", "key before"), "now ", make("span", "key after"), "afterwards");
    caption.append(make("h3", "", "Genres"), legend);
    const shown = this.isLong ? genres.slice(0, 500) : genres.slice(0, N_GENRES), bars = make("div", "bars");
    const most = Math.max(1, ...shown.map((one) => Math.max(one.n_now, one.n_after)));
    for (const one of shown) bars.append(this.bar(one, most));
    card.append(caption, bars);
    if (!genres.length) bars.append(make("p", "quiet", "No track has a genre, and none is proposed."));
    if (genres.length > shown.length && !this.isLong) card.append(button(`All ${number(genres.length)} genres`, "plain", () => { this.isLong = true; this.show(); }));
    return card;
  }

  bar({ genre, n_now, n_after }, most) {
    const words = n_now === n_after ? number(n_now) : `${number(n_now)} → ${number(n_after)}`;
    const one = button("", "", () => this.choose({ genre }));
    const pair = make("span", "pair"), before = make("i", "b"), after = make("i", "a");
    before.style.width = percent(n_now, most);
    after.style.width = percent(n_after, most);
    if (!n_now) before.style.visibility = "hidden";
    if (!n_after) after.style.visibility = "hidden";
    pair.append(before, after);
    one.append(make("span", "name", genre), pair, make("span", "n", words, { "aria-hidden": true }), make("span", "hidden", `: now ${n_now}, afterwards ${n_after}`));
    return one;
  }

  totals(figures, model) {
    const card = make("figure", "card"), list = make("dl", "facts"), hours = figures.total_s / 3600;
    const fact = (name, text) => list.append(make("dt", "", name), make("dd", "", text));
    const caption = make("figcaption");
    caption.append(make("h3", "", "In all"));
    fact("Tracks", number(figures.n_tracks));
    fact("Library", number(figures.n_library));
    fact("Uploads", number(figures.n_uploads));
    fact("Length", hours >= 1 ? `${number(Math.round(hours))} hours` : `${Math.round(figures.total_s / 60)} minutes`);
    fact("Without a genre", figures.n_without_genre_now === figures.n_without_genre_after ? number(figures.n_without_genre_now) : `${number(figures.n_without_genre_now)} now, ${number(figures.n_without_genre_after)} afterwards`);
    fact("Accepted", `${number(figures.n_to_write)} to write`);
    if (model) {
      fact("Model", `${model.name} ${model.revision.slice(0, 12)}`);
      fact("Its genres", listed(model.labels.filter((one) => !model.kinds[one] || model.kinds[one] === "genre").slice(0, 60)));
    }
    card.append(caption, list);
    const links = make("p", "quiet");
    links.append("The API: ", make("a", "", "to try", { href: "/docs" }), ", ", make("a", "", "to read", { href: "/redoc" }));
    card.append(links);
    return card;
  }
}
