/** A tile for each stream, filled by its progress: all of them at a glance. */

import { colour, h, sharpen, sized, themed } from './dom.js';

const HIGHEST = 190;

export class Field {
  /** @type {Record<string, string>} */
  colours = {};

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} legend
   * @param {Record<string, string>} states with the names of their colours
   * @param {(index: number) => void} chosen is told of the tile that was clicked
   */
  constructor(canvas, legend, states, chosen) {
    this.canvas = canvas;
    for (const [state, name] of Object.entries(states)) {
      const entry = h('span', {}, state);
      entry.style.setProperty('--of', `var(--${name})`);
      legend.append(entry);
    }
    themed(() => {
      for (const name of [...Object.values(states), 'text']) this.colours[name] = colour(name);
      this.stale = true;
    });
    this.states = states;
    this.width = 0;
    // Its parent's, since its own is the tiles' doing; the padding is none of it.
    sized(canvas.parentElement, () => (this.count = -1));
    canvas.addEventListener('click', ({ offsetX, offsetY }) => {
      const index = Math.floor(offsetY / this.tile) * this.columns + Math.floor(offsetX / this.tile);
      if (index < this.count) chosen(index);
    });
    /** What each tile showed, so that only changes are drawn. @type {string[]} */
    this.shown = [];
  }

  /** The largest tiles with which all fit. @param {number} count */
  layOut(count) {
    const width = this.canvas.clientWidth;
    this.width = width;
    if (width === 0) return;
    let tile = 22;
    while (tile > 5 && Math.ceil(count / Math.floor(width / tile)) * tile > HIGHEST) tile--;
    this.tile = tile;
    this.columns = Math.max(1, Math.floor(width / tile));
    this.count = count;
    const height = Math.max(1, Math.ceil(count / this.columns)) * tile;
    this.canvas.style.height = `${height}px`;
    sharpen(this.canvas, width, height);
    this.pen = this.canvas.getContext('2d');
    this.stale = true;
  }

  /** @param {{ look: string, got: number, shape: { items: number } }[]} streams @param {number} chosen */
  draw(streams, chosen) {
    if (streams.length !== this.count) this.layOut(streams.length);
    if (this.width === 0) return;
    const { pen, tile, columns, states, colours, shown } = this;
    const scale = devicePixelRatio;
    if (this.stale) {
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.clearRect(0, 0, this.width, this.canvas.height);
      shown.length = 0;
      this.stale = false;
    }
    const side = tile - (tile > 8 ? 2 : 1);
    for (let n = 0; n < streams.length; n++) {
      const { look, got, shape } = streams[n];
      const level = shape.items > 0 ? Math.round((got / shape.items) * side) : side;
      const now = `${look}${level}${n === chosen}`;
      if (shown[n] === now) continue;
      shown[n] = now;
      const x = (n % columns) * tile + 1;
      const y = Math.floor(n / columns) * tile + 1;
      pen.clearRect(x - 1, y - 1, tile, tile);
      pen.fillStyle = colours[states[look]];
      // The state is seen whatever the progress is.
      pen.globalAlpha = 0.28;
      pen.fillRect(x, y, side, side);
      pen.globalAlpha = 1;
      pen.fillRect(x, y + side - level, side, level);
      if (n !== chosen) continue;
      pen.strokeStyle = colours.text;
      pen.lineWidth = 1.5;
      pen.strokeRect(x, y, side, side);
    }
  }
}
