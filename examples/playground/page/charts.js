/** The last minute as lines, drawn when there is a sample and not in every frame. */

import { $, colour, count, duration, sharpen, size, sized, themed } from './dom.js';
import { PlaygroundClient } from './playground.js';

/** A sample each quarter of a second, for a minute. */
export const EVERY_MS = 250;
const SAMPLES = 240;

class Chart {
  /**
   * @param {string} id
   * @param {string[]} colours one for each line
   * @param {number} least what the scale shows at least
   * @param {(value: number) => string} words
   */
  constructor(id, colours, least, words) {
    this.words = words;
    this.canvas = $(`#${id}-chart`);
    this.output = $(`#${id}`);
    this.names = colours;
    this.least = least;
    this.lines = colours.map(() => /** @type {number[]} */ ([]));
    this.colours = /** @type {string[]} */ ([]);
    themed(() => {
      this.colours = [...this.names, 'line', 'quiet'].map(colour);
      this.draw();
    });
    sized(this.canvas, ({ width, height }) => {
      sharpen(this.canvas, width, height);
      this.draw();
    });
  }

  /** @param {number[]} values NaN where there is none @param {string} text */
  add(values, text) {
    values.forEach((value, line) => {
      this.lines[line].push(value);
      if (this.lines[line].length > SAMPLES) this.lines[line].shift();
    });
    if (this.output.textContent !== text) this.output.textContent = text;
  }

  draw() {
    const { canvas, lines } = this;
    const pen = canvas.getContext('2d');
    const { width, height } = canvas;
    const scale = devicePixelRatio;
    pen.clearRect(0, 0, width, height);
    const highest = Math.max(this.least, ...lines.flat().filter(Number.isFinite));
    const x = (n, length) => width - (length - 1 - n) * (width / (SAMPLES - 1)) - scale;
    const y = (value) => height - scale - (value / highest) * (height - 4 * scale);
    pen.lineWidth = scale;
    pen.strokeStyle = this.colours[lines.length];
    pen.beginPath();
    for (const part of [0, 1]) {
      pen.moveTo(0, y(highest * part));
      pen.lineTo(width, y(highest * part));
    }
    pen.stroke();
    pen.font = `${11 * scale}px system-ui, sans-serif`;
    pen.fillStyle = this.colours[lines.length + 1];
    pen.fillText(this.words(highest), 0, y(highest) + 12 * scale);
    pen.lineWidth = 1.6 * scale;
    pen.lineJoin = 'round';
    lines.forEach((line, index) => {
      pen.strokeStyle = pen.fillStyle = this.colours[index];
      pen.beginPath();
      let first = -1;
      let last = -1;
      line.forEach((value, n) => {
        if (!Number.isFinite(value)) return;
        if (first < 0) pen.moveTo(x((first = n), line.length), y(value));
        else pen.lineTo(x(n, line.length), y(value));
        last = n;
      });
      pen.stroke();
      if (first < 0) return;
      pen.lineTo(x(last, line.length), height);
      pen.lineTo(x(first, line.length), height);
      pen.globalAlpha = 0.13;
      pen.fill();
      pen.globalAlpha = 1;
    });
  }
}

let drawing = false;

/** Draws one in each frame: together they would be long in the way of what arrives. @param {Chart[]} charts */
async function inTurn(charts) {
  // A page that nobody sees has no frames, and need not queue them.
  if (drawing) return;
  drawing = true;
  for (const chart of charts) {
    await new Promise(requestAnimationFrame);
    chart.draw();
  }
  drawing = false;
}

/** Watches what goes on on the wire that `link` has. @param {import('./link.js').Link} link */
export function watch(link) {
  const roundTrip = new Chart('rtt', ['accent'], 1, duration);
  const throughput = new Chart('throughput', ['accent', 'second'], 1024, (bytes) => `${size(bytes)}/s`);
  const running = new Chart('running', ['accent'], 4, count);
  let rtt = NaN;
  let asked = false;
  /** @type {import('./ipfi/index.js').Wire | null} */
  let watched = null;
  let before = { sentBytes: 0, receivedBytes: 0 };
  let at = performance.now();

  /** What a small call takes now, beside everything else. */
  async function ask(wire) {
    if (asked) return;
    asked = true;
    const began = performance.now();
    try {
      await new PlaygroundClient(wire).hello('probe', { timeout: 5000 });
      rtt = performance.now() - began;
    } catch {
      rtt = NaN;
    }
    asked = false;
  }

  setInterval(() => {
    const { wire } = link;
    const now = performance.now();
    const seconds = (now - at) / 1000;
    at = now;
    const stats = wire?.stats ?? { sentBytes: 0, receivedBytes: 0, callsOut: 0, callsIn: 0 };
    if (wire !== watched) {
      before = { sentBytes: 0, receivedBytes: 0 };
      watched = wire;
    }
    const [down, up] = [stats.receivedBytes - before.receivedBytes, stats.sentBytes - before.sentBytes].map((n) => n / seconds);
    before = stats;
    // The probe is none of the user's.
    const calls = Math.max(0, stats.callsOut - (asked ? 1 : 0)) + stats.callsIn;
    roundTrip.add([wire ? rtt : NaN], wire && Number.isFinite(rtt) ? duration(rtt) : '–');
    throughput.add([wire ? down : NaN, wire ? up : NaN], wire ? `↓ ${size(down)}/s  ↑ ${size(up)}/s` : '–');
    running.add([wire ? calls : NaN], wire ? count(calls) : '–');
    void inTurn([roundTrip, throughput, running]);
    if (wire) void ask(wire);
    else rtt = NaN;
  }, EVERY_MS);
}
