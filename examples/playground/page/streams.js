/**
 * Hundreds of streaming calls at once, each with its own pace. What arrives changes numbers alone; what is seen is brought up
 * to date once a frame, for the rows that are in view, whatever the number of streams is.
 */

import { $, count, h, size } from './dom.js';
import { Field } from './field.js';

/** How a stream is, with its colour. @type {Record<string, string>} */
export const STATES = { waiting: 'quiet', running: 'accent', paused: 'warm', done: 'good', stopped: 'second', failed: 'bad' };

/** The procedure of `server.rs`. */
const PIECES = 6;

/** So long calls are begun in one frame, that the page stays smooth. */
const BATCH_MS = 2;

class Stream {
  got = 0;
  state = 'running';
  reason = '';
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

  /** Reads to the end; on another wire from where it is. @param {import('./ipfi/index.js').Wire} wire */
  async run(wire) {
    const { items, bytes, every } = this.shape;
    const call = wire.stream(PIECES, [items - this.got, bytes, every]);
    this.call = call;
    try {
      for (;;) {
        while (this.state === 'paused') await new Promise((resolve) => (this.wake = () => resolve(null)));
        const { done } = await call.next();
        if (this.call !== call) return;
        if (done) break;
        this.got++;
      }
      this.end('done', '');
    } catch (status) {
      if (this.call !== call) return;
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
    this.call?.cancel();
    this.wake();
  }

  /** Goes on over another wire, without a gap. @param {import('./ipfi/index.js').Wire} wire */
  move(wire) {
    const { call } = this;
    if (this.over) return;
    void this.run(wire);
    call?.cancel();
    this.wake();
  }
}

/** All of them, and their list. */
export class Streams {
  /** @type {Stream[]} */
  all = [];
  made = 0;
  chosen = 0;
  /** Rows that are reused as the list scrolls. @type {Row[]} */
  rows = [];
  frame = 0;
  top = 0;
  told = '';

  /** @param {import('./link.js').Link} link */
  constructor(link) {
    this.link = link;
    this.list = $('#list');
    this.inner = this.list.firstElementChild;
    this.tally = $('#tally');
    this.field = new Field($('#field'), $('#legend'), STATES, (index) => this.choose(index));
    link.on('up', ({ wire, before }) => {
      if (before) this.eachFrame(this.all.slice(), (stream) => stream.move(wire));
    });
    // Who pauses hears of it as well.
    link.on('down', () => this.all.forEach((stream) => stream.resume()));
    $('#start').addEventListener('submit', (event) => {
      event.preventDefault();
      this.start(event.target.elements);
    });
    for (const button of document.querySelectorAll('[data-all]')) {
      button.addEventListener('click', () => this.toAll(button.dataset.all));
    }
    this.list.addEventListener('keydown', (event) => this.key(event));
    // Asked for when it changes, and not in each frame, where it would cost a layout.
    this.list.addEventListener('scroll', () => (this.top = this.list.scrollTop), { passive: true });
    new ResizeObserver(() => this.layOut()).observe(this.list);
    this.layOut();
    const draw = () => {
      requestAnimationFrame(draw);
      // Each thirty times a second, which is smooth, and leaves the frame to what arrives.
      if (this.frame++ % 2 === 0) this.show();
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
    this.all.push(...fresh);
    this.layOut();
    this.eachFrame(fresh, (stream) => {
      const { wire } = this.link;
      if (stream.over || stream.call) return;
      if (wire) void stream.run(wire);
      else stream.end('failed', 'there is no connection');
    });
  }

  /** @param {Stream[]} streams @param {(stream: Stream) => void} act */
  async eachFrame(streams, act) {
    const until = performance.now() + BATCH_MS;
    let done = 0;
    while (done < streams.length && (done === 0 || performance.now() < until)) {
      act(streams[done++]);
      // A native stream, which costs a millisecond, is made a few microtasks later: that counts as well.
      for (let n = 0; n < 4; n++) await null;
    }
    streams.splice(0, done);
    if (streams.length > 0) requestAnimationFrame(() => this.eachFrame(streams, act));
  }

  /** @param {string} what */
  toAll(what) {
    if (what === 'clear') this.all = this.all.filter((stream) => !stream.over);
    else this.eachFrame(this.all.slice(), (stream) => stream[what]());
    this.layOut();
  }

  // --- What is seen ---

  /** The list has another size, or another number of streams. */
  layOut() {
    this.row = matchMedia('(max-width: 700px)').matches ? 72 : 44;
    const visible = Math.min(Math.ceil(this.list.clientHeight / this.row) + 1, this.all.length);
    while (this.rows.length < visible) this.rows.push(new Row(this));
    this.rows.splice(visible).forEach((row) => row.element.remove());
    $('#streams').classList.toggle('empty', this.all.length === 0);
    this.inner.style.height = `${this.all.length * this.row}px`;
    this.list.style.height = `${Math.max(2, Math.min(10, this.all.length)) * this.row + 2}px`;
    this.chosen = Math.min(this.chosen, Math.max(0, this.all.length - 1));
    this.rows.forEach((row) => (row.shown = ''));
  }

  show() {
    const first = Math.max(0, Math.min(Math.floor(this.top / this.row), this.all.length - this.rows.length));
    this.rows.forEach((row, n) => {
      const index = first + n;
      // A stream keeps its row while it is in view.
      this.rows[index % this.rows.length].put(index);
    });
  }

  /** All of them at a glance. */
  sum() {
    this.field.draw(this.all, this.chosen);
    const sums = Object.fromEntries(Object.keys(STATES).map((state) => [state, 0]));
    for (const { look } of this.all) sums[look]++;
    const words = Object.entries(sums).filter(([, n]) => n > 0).map(([state, n]) => `${count(n)} ${state}`);
    const tally = words.join(', ') || 'none yet';
    if (tally !== this.told) this.tally.value = this.told = tally;
  }

  /** @param {number} index */
  choose(index) {
    this.chosen = Math.max(0, Math.min(index, this.all.length - 1));
    const top = this.chosen * this.row;
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop) this.list.scrollTop = top;
    else if (top + this.row > scrollTop + clientHeight) this.list.scrollTop = top + this.row - clientHeight;
    const stream = this.all[this.chosen];
    if (stream) this.list.setAttribute('aria-activedescendant', `stream-${stream.id}`);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const page = Math.max(1, this.rows.length - 2);
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    const stream = this.all[this.chosen];
    if (event.key in steps) this.choose(this.chosen + steps[event.key]);
    else if (event.key === ' ' && stream) stream.state === 'paused' ? stream.resume() : stream.pause();
    else if (event.key === 'Delete' && stream) stream.stop();
    else return;
    event.preventDefault();
  }
}

/** One row, of whichever stream is there. */
class Row {
  /** What stands in it, so that only changes are written. */
  shown = '';

  /** @param {Streams} streams */
  constructor(streams) {
    this.streams = streams;
    this.id = h('span.number');
    this.state = h('b');
    this.fill = h('i');
    this.count = h('span.number');
    this.credit = h('i');
    this.creditBar = h('span.bar', {}, this.credit);
    this.words = h('span');
    const act = (action) => () => action(this.streams.all[this.index]);
    // Keys of the list do the same.
    const quiet = { type: 'button', tabIndex: -1 };
    this.pause = h('button', { ...quiet, onclick: act((stream) => (stream.state === 'paused' ? stream.resume() : stream.pause())) });
    this.stop = h('button', { ...quiet, textContent: 'Stop', onclick: act((stream) => stream.stop()) });
    const reason = h('span.reason', {}, this.creditBar, this.words);
    this.element = h('div.stream', {}, this.id, this.state, h('span.bar', {}, this.fill), this.count, reason, this.pause, this.stop);
    this.element.setAttribute('role', 'option');
    this.element.addEventListener('pointerdown', () => streams.choose(this.index));
    streams.inner.append(this.element);
  }

  /** @param {number} index */
  put(index) {
    const stream = this.streams.all[index];
    const flow = stream.call?.flow ?? null;
    const chosen = index === this.streams.chosen;
    const { look } = stream;
    const shown = `${stream.id} ${index} ${look} ${stream.got} ${flow?.credit} ${flow?.unread} ${chosen} ${stream.reason}`;
    if (shown === this.shown) return;
    this.shown = shown;
    this.index = index;
    const { items } = stream.shape;
    const { element } = this;
    element.id = `stream-${stream.id}`;
    element.style.transform = `translateY(${index * this.streams.row}px)`;
    element.style.setProperty('--of', `var(--${STATES[look]})`);
    element.ariaSelected = String(chosen);
    element.classList.toggle('over', stream.over);
    this.id.textContent = `#${stream.id}`;
    this.state.textContent = look;
    this.fill.style.transform = `scaleX(${items > 0 ? stream.got / items : 1})`;
    this.count.textContent = `${count(stream.got)} / ${count(items)}`;
    this.pause.textContent = stream.state === 'paused' ? 'Resume' : 'Pause';
    const known = flow !== null && flow.credit !== null;
    this.creditBar.hidden = !known;
    if (known) this.credit.style.transform = `scaleX(${flow.credit / Math.max(1, flow.credit + flow.unread)})`;
    this.words.textContent = stream.reason || told(flow);
    this.words.title = stream.reason;
  }
}

/** @param {import('./ipfi/session.js').Flow | null} flow */
function told(flow) {
  if (!flow) return '';
  // A browser keeps the credit of native streams to itself.
  if (flow.credit === null) return `${size(flow.received)} came`;
  return flow.unread > flow.credit ? `${size(flow.unread)} unread` : `credit ${size(flow.credit)}`;
}
