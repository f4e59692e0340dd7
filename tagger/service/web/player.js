// A track's sound, with its waveform and what the model says over time: a click seeks.

import { address, get } from "/assets/api.js";
import { button, colour, make, minutes } from "/assets/dom.js";
import { drawHeat, drawSegments, drawWaveform } from "/assets/timeline.js";

const N_LABELS = 6, STEP_S = 5;

export class Player {
  constructor() {
    this.audio = new Audio();
    this.audio.preload = "none";
    this.element = make("div", "player", undefined, { role: "group", "aria-label": "Player" });
    this.button = button("▶", "strong round", () => this.toggle(), { "aria-label": "Play", "aria-keyshortcuts": "Space" });
    this.clock = make("span", "num");
    this.box = make("div", "timeline");
    this.canvas = make("canvas", "", undefined, { role: "slider", tabindex: 0, "aria-label": "Position", "aria-valuemin": 0 });
    this.head = make("i", "playhead");
    this.words = make("p", "quiet");
    const bar = make("div", "player-bar");
    bar.append(this.button, this.clock, this.words);
    this.element.append(bar, this.box);
    this.box.addEventListener("pointerdown", (event) => this.onPointer(event));
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    for (const name of ["play", "pause", "ended", "seeked", "loadedmetadata"]) this.audio.addEventListener(name, () => this.tick());
    this.audio.addEventListener("error", () => { if (this.audio.getAttribute("src")) this.words.textContent = "The browser cannot play this file; download it to listen."; });
    new ResizeObserver(() => this.draw()).observe(this.box);
    document.documentElement.addEventListener("theme", () => this.draw());
  }

  get isPlaying() { return !this.audio.paused && !this.audio.ended; }
  get duration() { return Number.isFinite(this.audio.duration) ? this.audio.duration : this.timeline?.duration_s || this.expected || 0; }

  open(id, duration) {
    this.stop();
    Object.assign(this, { id, expected: duration || 0, timeline: null, startAt: 0 });
    this.words.textContent = "";
    this.draw();
  }

  stop() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  play() {
    if (!this.audio.getAttribute("src")) {
      this.audio.src = address(`/tracks/${this.id}/audio`);
      if (this.startAt) this.audio.currentTime = this.startAt;
    }
    this.audio.play().catch(() => {}); // the audio's own error event says why
  }

  toggle() { if (this.isPlaying) this.audio.pause(); else this.play(); }

  seek(to) {
    const at = Math.max(0, Math.min(this.duration, to));
    if (this.audio.getAttribute("src")) this.audio.currentTime = at;
    this.startAt = at;
    this.tick();
  }

  skip(by) { this.seek(this.position() + by * STEP_S); }
  position() { return this.audio.getAttribute("src") ? this.audio.currentTime : this.startAt || 0; }

  async loadTimeline(signal) {
    const { id } = this;
    this.words.textContent = "Listening through it…";
    try {
      const timeline = await get(`/tracks/${id}/taggram`, signal);
      if (this.id !== id) return;
      this.timeline = timeline;
      this.words.textContent = "";
      this.draw();
    } catch (error) {
      if (error.name !== "AbortError" && this.id === id) this.words.textContent = error.message;
    }
  }

  onPointer(event) {
    const { left, width } = this.canvas.getBoundingClientRect();
    if (event.button || event.clientX < left || !this.duration) return;
    this.seek(((event.clientX - left) / width) * this.duration);
  }

  onKey(event) {
    const to = { ArrowRight: this.position() + STEP_S, ArrowLeft: this.position() - STEP_S, Home: 0, End: this.duration }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.seek(to);
  }

  // --- what is drawn

  tick() {
    const at = this.position(), all = this.duration;
    this.button.textContent = this.isPlaying ? "❚❚" : "▶";
    this.button.setAttribute("aria-label", this.isPlaying ? "Pause" : "Play");
    this.clock.textContent = `${minutes(at)} / ${all ? minutes(all) : "–"}`;
    this.canvas.setAttribute("aria-valuemax", Math.round(all));
    this.canvas.setAttribute("aria-valuenow", Math.round(at));
    this.canvas.setAttribute("aria-valuetext", `${minutes(at)} of ${minutes(all)}`);
    this.head.style.left = `calc(var(--names) + (100% - var(--names)) * ${all ? at / all : 0})`;
    drawWaveform(this.canvas, this.timeline?.waveform, all ? at / all : 0);
    if (this.isPlaying && !this.ticking) {
      this.ticking = requestAnimationFrame(() => { this.ticking = 0; this.tick(); });
    }
  }

  draw() {
    const { timeline, box } = this, parts = [make("span"), this.canvas];
    if (timeline?.starts_s.length) {
      const segments = make("canvas", "segments", undefined, { role: "img", "aria-label": inWords(timeline) });
      parts.push(make("span", "quiet", "Sure of"), segments);
      for (const [i, label] of timeline.labels.slice(0, N_LABELS).entries()) {
        const most = Math.max(...timeline.scores.map((one) => one[i]));
        const heat = make("canvas", "heat", undefined, { role: "img", "aria-label": `${label} over time, at most ${most.toFixed(2)}` });
        parts.push(make("span", "name", label, { title: label }), heat);
        requestAnimationFrame(() => drawHeat(heat, timeline, i, colour("--blue")));
      }
      requestAnimationFrame(() => drawSegments(segments, timeline));
    }
    box.replaceChildren(...parts, this.head);
    this.tick();
  }
}

const inWords = ({ segments }) => segments.map((one) => `${minutes(one.start_s)} ${one.label || (one.label === "" ? "silence" : "not sure")}`).join(", ");
