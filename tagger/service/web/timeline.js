// Pictures over time. Canvases are as fine as the screen, whatever its zoom.

import { colour } from "/assets/dom.js";

const TONES = ["--blue", "--orange", "--green", "--pink", "--sky", "--red"];

function penOf(canvas) {
  const { clientWidth, clientHeight } = canvas, fine = devicePixelRatio || 1;
  const width = Math.max(1, Math.round(clientWidth * fine)), height = Math.max(1, Math.round(clientHeight * fine));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.setTransform(fine, 0, 0, fine, 0, 0);
  pen.clearRect(0, 0, clientWidth, clientHeight);
  return [pen, clientWidth, clientHeight];
}

// Bars from the lowest to the highest sample; a flat line while there is none.
export function drawWaveform(canvas, waveform, share) {
  const [pen, width, height] = penOf(canvas), played = colour("--blue"), rest = colour("--grey");
  const n = waveform?.high.length || 0, middle = height / 2;
  if (!n) {
    pen.fillStyle = rest;
    pen.fillRect(0, middle - 1, width, 2);
    pen.fillStyle = played;
    pen.fillRect(0, middle - 1, width * share, 2);
    return;
  }
  const most = Math.max(0.05, ...waveform.high, ...waveform.low.map((one) => -one));
  const step = 3, n_bars = Math.floor(width / step);
  for (let bar = 0; bar < n_bars; bar++) {
    const first = Math.floor((bar * n) / n_bars), last = Math.max(first + 1, Math.floor(((bar + 1) * n) / n_bars));
    let low = 0, high = 0;
    for (let i = first; i < last; i++) { low = Math.min(low, waveform.low[i]); high = Math.max(high, waveform.high[i]); }
    const top = middle - (high / most) * (middle - 1), bottom = middle - (low / most) * (middle - 1);
    pen.fillStyle = (bar + 0.5) / n_bars <= share ? played : rest;
    pen.fillRect(bar * step, top, step - 1, Math.max(1, bottom - top));
  }
}

// One label: the darker (or lighter, at night) the surer.
export function drawHeat(canvas, timeline, label, tone) {
  const [pen, width, height] = penOf(canvas), all = timeline.duration_s;
  pen.fillStyle = tone;
  timeline.starts_s.forEach((start, at) => {
    const end = Math.min(all, timeline.starts_s[at + 1] ?? start + timeline.window_s);
    pen.globalAlpha = Math.min(1, timeline.scores[at][label]);
    pen.fillRect((width * start) / all, 0, Math.max(1, (width * (end - start)) / all), height);
  });
  pen.globalAlpha = 1;
}

// What is sure enough, by stretches; a label keeps its tone within a track.
export function drawSegments(canvas, timeline) {
  const [pen, width, height] = penOf(canvas), all = timeline.duration_s, tones = new Map();
  pen.font = `600 11px ${getComputedStyle(document.body).fontFamily}`;
  pen.textBaseline = "middle";
  for (const { start_s, end_s, label } of timeline.segments) {
    if (!label) continue;
    if (!tones.has(label)) tones.set(label, colour(TONES[tones.size % TONES.length]));
    const left = (width * start_s) / all, wide = (width * (end_s - start_s)) / all;
    pen.fillStyle = tones.get(label);
    pen.beginPath();
    pen.roundRect(left, 0, Math.max(1, wide - 1), height, 3);
    pen.fill();
    if (pen.measureText(label).width + 10 < wide) {
      pen.fillStyle = colour("--card");
      pen.fillText(label, left + 5, height / 2 + 1);
    }
  }
}
