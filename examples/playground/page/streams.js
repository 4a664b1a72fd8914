/**
 * Hundreds of streaming calls at once, each with its own pace. What arrives changes numbers alone; what is seen is brought up
 * to date thirty times a second, for the rows that are in view, whatever the number of streams is.
 */

import { $ } from './dom.js';
import { Field } from './field.js';
import { List } from './list.js';
import { PlaygroundClient } from './playground.js';

/** How a stream is, with its colour. @type {Record<string, string>} */
export const STATES = { waiting: 'quiet', running: 'accent', paused: 'warm', done: 'good', stopped: 'second', failed: 'bad' };

/** So long calls are begun in one frame, that the page stays smooth. */
const BATCH_MS = 2;

/** More than these are not kept: the ended go first. */
const KEPT = 2000;

/** @typedef {import('./ipfi/index.js').Wire} Wire */

class Stream {
  got = 0;
  state = 'running';
  reason = '';
  /** What its call is on. @type {Wire | null} */
  wire = null;
  /** @type {import('./ipfi/call/call.js').Call | null} */
  call = null;
  /** Wakes the reader of a stream that pauses. */
  wake = () => {};

  /** @param {number} id @param {{ items: number, bytes: number, every: number }} shape */
  constructor(id, shape) {
    this.id = id;
    this.shape = shape;
  }

  /** Its state as it is shown. It waits while its call has no place: the server says how many it runs at once. */
  get look() {
    return this.state === 'running' && !this.call?.flow ? 'waiting' : this.state;
  }

  get over() {
    return this.state === 'done' || this.state === 'stopped' || this.state === 'failed';
  }

  /** Reads to the end on this wire, from where it is. @param {Wire | null} wire */
  async run(wire) {
    if (this.over || this.wire === wire) return;
    const before = this.call;
    this.wire = wire;
    if (!wire) return this.end('failed', 'there is no connection');
    const { items, bytes, every } = this.shape;
    const call = new PlaygroundClient(wire).pieces(this.got, items, bytes, BigInt(every));
    this.call = call;
    before?.cancel();
    // Whoever read the other one leaves.
    this.wake();
    try {
      for (;;) {
        while (this.state === 'paused' && this.call === call) await new Promise((resolve) => (this.wake = () => resolve(null)));
        if (this.call !== call) return;
        const { done, value } = await call.next();
        if (this.call !== call) return;
        if (done) break;
        const number = new DataView(value.buffer, value.byteOffset).getUint32(0);
        if (number !== this.got) throw new Error(`item ${number} came where ${this.got} was next`);
        this.got++;
      }
      this.end('done', '');
    } catch (status) {
      if (this.call !== call) return;
      call.cancel();
      this.end(this.state === 'stopped' ? 'stopped' : 'failed', /** @type {Error} */ (status).message);
    }
  }

  /** @param {string} state @param {string} reason */
  end(state, reason) {
    this.state = state;
    this.reason = reason;
    this.call = null;
  }

  pause() {
    if (this.state === 'running') this.state = 'paused';
  }

  resume() {
    if (this.state !== 'paused') return;
    this.state = 'running';
    this.wake();
  }

  stop() {
    if (this.over) return;
    this.state = 'stopped';
    if (!this.call) return this.end('stopped', 'stopped before it was begun');
    this.call.cancel();
    this.wake();
  }
}

/** All of them. */
export class Streams {
  /** @type {Stream[]} */
  all = [];
  made = 0;
  frame = 0;
  told = '';

  /** @param {import('./link.js').Link} link */
  constructor(link) {
    this.link = link;
    this.list = new List($('#list'), $('#chosen'), STATES);
    this.field = new Field($('#field'), $('#legend'), STATES, (index) => this.list.choose(index));
    // Each goes on over the new connection, without a gap; the old one lives until all have moved.
    link.on('up', ({ moves }) => moves.push(this.inFrames(this.all.slice(), (stream) => stream.run(link.wire))));
    // Who pauses hears of it as well.
    link.on('down', () => this.all.forEach((stream) => stream.resume()));
    $('#start').addEventListener('submit', (event) => {
      event.preventDefault();
      this.start(event.target.elements);
    });
    for (const button of document.querySelectorAll('[data-all]')) {
      button.addEventListener('click', () => this.toAll(button.dataset.all));
    }
    this.changed();
    const draw = () => {
      requestAnimationFrame(draw);
      // In turn, so that each frame has time for what arrives.
      if (this.frame++ % 2 === 0) this.list.show();
      else this.sum();
    };
    draw();
  }

  /** @param {any} form */
  start({ count: number, items, bytes, every }) {
    const shape = { items: +items.value, bytes: +bytes.value, every: +every.value };
    // Each at a pace of its own.
    const paced = () => ({ ...shape, every: Math.round(shape.every * (0.6 + 0.8 * Math.random())) });
    const fresh = Array.from({ length: +number.value }, () => new Stream(++this.made, paced()));
    let surplus = this.all.length + fresh.length - KEPT;
    this.all = this.all.filter((stream) => !(stream.over && surplus-- > 0));
    this.all.push(...fresh);
    this.changed();
    void this.inFrames(fresh, (stream) => {
      if (!stream.wire) void stream.run(this.link.wire);
    });
  }

  /** Acts on all, a few in each frame. @param {Stream[]} streams @param {(stream: Stream) => void} act */
  async inFrames(streams, act) {
    for (let next = 0; next < streams.length; ) {
      const until = performance.now() + BATCH_MS;
      do {
        act(streams[next++]);
        // A native stream, which costs a millisecond, is made a few microtasks later: that counts as well.
        for (let n = 0; n < 4; n++) await null;
      } while (next < streams.length && performance.now() < until);
      // A page that nobody sees has no frames.
      await new Promise((resolve) => (document.hidden ? setTimeout(resolve) : requestAnimationFrame(resolve)));
    }
  }

  /** @param {string} what */
  toAll(what) {
    if (what !== 'clear') return void this.inFrames(this.all.slice(), (stream) => stream[what]());
    this.all = this.all.filter((stream) => !stream.over);
    this.changed();
    if (this.all.length === 0) $('#start button').focus();
  }

  /** There are others than before. */
  changed() {
    $('#streams').classList.toggle('empty', this.all.length === 0);
    this.list.layOut(this.all);
  }

  /** All of them at a glance. */
  sum() {
    this.field.draw(this.all, this.list.chosen);
    const sums = Object.fromEntries(Object.keys(STATES).map((state) => [state, 0]));
    for (const { look } of this.all) sums[look]++;
    const words = Object.entries(sums).filter(([, n]) => n > 0).map(([state, n]) => `${n} ${state}`);
    const tally = words.join(', ') || 'none yet';
    if (tally !== this.told) $('#tally').textContent = this.told = tally;
  }
}
