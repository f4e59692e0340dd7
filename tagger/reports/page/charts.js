// The overview: tiles, genres now and afterwards, how sure, why not. Each part is a button.

const number = new Intl.NumberFormat("en");
const percent = (n, all) => (all ? (100 * n) / all : 0) + "%";

function toned(element, tone) {
  element.style.setProperty("--tone", `var(${tone})`);
  return element;
}

function tile(key, [mark, label, tone], count, choose) {
  const button = toned(make("button", "tile"), tone), line = make("span");
  button.type = "button";
  button.dataset.key = key;
  line.append(make("span", "mark", mark), " " + label);
  button.append(make("b", "", number.format(count)), line);
  button.addEventListener("click", () => choose(key));
  return button;
}

function drawTiles(element, rows, known, field, choose) {
  const counts = countBy(rows, (row) => row[field]);
  const tiles = Object.keys(known).filter((key) => counts.get(key)).map((key) => tile(key, known[key], counts.get(key), choose));
  element.replaceChildren(...tiles);
  element.hidden = !tiles.length;
}

function drawGenres(element, rows, choose) {
  const counted = byGenre(rows), none = counted.find((one) => one.genre === NO_GENRE);
  const all = counted.filter((one) => one !== none), top = all.slice(0, 10);
  const most = Math.max(1, ...top.map((one) => Math.max(one.before, one.after)));
  const box = make("div", "bars");
  if (none) top.unshift(none); // in words only: its bar would dwarf all others
  for (const one of top) {
    const button = make("button");
    button.type = "button";
    button.title = `${one.genre}: now ${one.before}, afterwards ${one.after}`;
    const pair = make("span", "pair");
    const before = make("i", "b"), after = make("i", "a");
    before.style.width = percent(one.before, most);
    after.style.width = percent(one.after, most);
    if (one === none) {
      button.classList.add("none");
      before.style.width = after.style.width = "0";
    }
    if (!one.before) before.style.visibility = "hidden";
    if (!one.after) after.style.visibility = "hidden";
    pair.append(before, after);
    button.append(make("span", "name", one.genre), pair,
      make("span", "n", one.before === one.after ? number.format(one.after)
        : number.format(one.before) + " → " + number.format(one.after)));
    button.addEventListener("click", () => choose(one.genre));
    box.append(button);
  }
  element.replaceChildren(box);
  if (all.length > 10) element.append(make("p", "quiet", `and ${number.format(all.length - 10)} more under “Genres” below`));
}

function drawHistogram(element, rows, choose) {
  const sure = new Array(N_BINS).fill(0), unsure = new Array(N_BINS).fill(0);
  let n = 0;
  for (const row of rows) {
    if (row.score < 0) continue;
    (row.sure ? sure : unsure)[binOf(row.score)]++;
    n++;
  }
  if (!n) {
    element.replaceChildren(make("p", "quiet", "No file was listened to."));
    return;
  }
  const most = Math.max(1, ...sure.map((count, i) => count + unsure[i]));
  const box = make("div", "hist");
  for (let i = 0; i < N_BINS; i++) {
    const button = make("button");
    button.type = "button";
    const range = `${(i / N_BINS).toFixed(2)} to ${((i + 1) / N_BINS).toFixed(2)}`;
    button.title = `best score ${range}: ${number.format(sure[i])} sure enough, ${number.format(unsure[i])} not`;
    button.setAttribute("aria-label", button.title);
    const low = make("i", "u"), high = make("i", "s");
    low.style.height = percent(unsure[i], most);
    high.style.height = percent(sure[i], most);
    button.append(high, low);
    button.disabled = !(sure[i] + unsure[i]);
    button.addEventListener("click", () => choose(i));
    box.append(button);
  }
  const axis = make("div", "axis");
  for (const tick of ["0", "0.25", "0.5", "0.75", "1"]) axis.append(make("span", "", tick));
  element.replaceChildren(box, axis, make("p", "quiet", `score of the best label, ${number.format(n)} files`));
}

function drawReasons(element, rows, choose) {
  const tones = new Map(), counts = new Map();
  for (const row of rows) {
    if (QUIET.has(row.status) || row.finding && row.status === "kept") continue;
    const why = whyOf(row);
    counts.set(why, (counts.get(why) || 0) + 1);
    tones.set(why, row.status);
  }
  const box = make("div", "why");
  const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 7);
  for (const [why, count] of top) {
    const [mark, , tone] = STATUSES[tones.get(why)] || ["·", "", "--grey"];
    const button = make("button");
    button.type = "button";
    button.append(toned(make("span", "mark", mark), tone), make("span", "t", why || "no reason"), make("span", "n", number.format(count)));
    button.addEventListener("click", () => choose(why));
    box.append(button);
  }
  element.replaceChildren(top.length ? box : make("p", "quiet", "Every file gets its genre."));
}

// Genres that differ in nothing but case, blanks and hyphens, the most files first.
function drawSpellings(element, rows, choose) {
  const groups = new Map();
  for (const { genre, before } of byGenre(rows)) {
    const key = genre.toLowerCase().replace(/\s*(&|\+|\band\b)\s*/g, "and").replace(/[^\p{L}\p{N}]+/gu, "") || genre;
    if (before && genre !== NO_GENRE) groups.set(key, [...(groups.get(key) || []), [genre, before]]);
  }
  const box = make("div", "why");
  for (const group of [...groups.values()].filter((one) => one.length > 1).slice(0, 7)) {
    for (const [genre, count] of group.sort((a, b) => b[1] - a[1])) {
      const button = make("button");
      button.type = "button";
      button.append(toned(make("span", "mark", "≈"), "--pink"), make("span", "t", genre), make("span", "n", number.format(count)));
      button.addEventListener("click", () => choose(genre));
      box.append(button);
    }
  }
  element.replaceChildren(box.children.length ? box : make("p", "quiet", "Every genre is spelled in one way."));
}
