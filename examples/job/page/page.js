// Runs a job on the server, draws what it sends as it comes, and may cancel it.
import { connect } from './ipfi/index.js';
import { JobClient } from './job.js';

const canvas = document.querySelector('canvas');
const pen = canvas.getContext('2d');
const bar = document.querySelector('progress');
const said = document.querySelector('output');
const run = document.querySelector('#run');
const cancel = document.querySelector('#cancel');

const { websocket, width, height } = await (await fetch('config.json')).json();
Object.assign(canvas, { width, height });
bar.max = height;

/** @type {Promise<import('./ipfi/index.js').Wire> | null} */
let wire = null;
let view = { x: -0.6, y: 0, zoom: 1 };
let running = new AbortController();

/** A connection for all jobs, made again when it is gone. */
function connected() {
  wire ??= connect(websocket).then((made) => (made.closed.then(() => (wire = null)), made));
  wire.catch(() => (wire = null));
  return wire;
}

async function start() {
  running.abort();
  const { signal } = (running = new AbortController());
  cancel.disabled = false;
  pen.clearRect(0, 0, width, height);
  bar.value = 0;
  said.value = 'runs';
  try {
    const lines = new JobClient(await connected()).picture(view.x, view.y, view.zoom, { signal });
    for await (const { row, points } of lines) {
      draw(row, points);
      bar.value = row + 1;
    }
    said.value = 'done';
  } catch (error) {
    // A later one has taken its place.
    if (running.signal !== signal) return;
    said.value = error.message;
  }
  cancel.disabled = true;
}

function draw(row, points) {
  const line = pen.createImageData(width, 1);
  points.forEach((steps, column) => {
    const light = Math.min(1, Math.sqrt(steps / 40));
    const colour = steps === 255 ? [24, 26, 44, 255] : [70 + 185 * light, 80 + 120 * light * light, 214, 40 + 215 * light];
    line.data.set(colour, column * 4);
  });
  pen.putImageData(line, 0, row);
}

run.addEventListener('click', () => {
  view = { x: -0.6, y: 0, zoom: 1 };
  void start();
});
cancel.addEventListener('click', () => running.abort(new Error('somebody pressed Cancel')));
/** Closer, around a point in fractions of the picture. */
function zoom(x, y) {
  const scale = 3 / view.zoom;
  view = { x: view.x + (x - 0.5) * scale, y: view.y + (y - 0.5) * scale * (height / width), zoom: view.zoom * 4 };
  void start();
}

canvas.addEventListener('click', ({ offsetX, offsetY }) => zoom(offsetX / canvas.clientWidth, offsetY / canvas.clientHeight));
// Where the edge is.
document.querySelector('#zoom').addEventListener('click', () => zoom(0.45, 0.3));
