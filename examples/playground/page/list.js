/** The list of streams: rows for what is in view alone, each written to only where it has changed. */

import { count, h, size } from './dom.js';

/** Below this width in CSS pixels a row has two lines. */
const NARROW = 700;

/** @typedef {import('./streams.js').Streams['all'][number]} Stream */

export class List {
  /** @type {Stream[]} */
  streams = [];
  chosen = 0;
  /** Rows that are reused as the list scrolls. @type {Row[]} */
  rows = [];
  height = 44;
  top = 0;
  /** What the chosen stream's line says. */
  told = '';

  /** @param {HTMLElement} element @param {HTMLElement} detail where the chosen one's reason stands in full @param {Record<string, string>} states */
  constructor(element, detail, states) {
    this.element = element;
    this.detail = detail;
    this.states = states;
    this.inner = /** @type {HTMLElement} */ (element.firstElementChild);
    element.addEventListener('keydown', (event) => this.key(event));
    // Asked for when it changes, and not in each frame, where it would cost a layout.
    element.addEventListener('scroll', () => (this.top = element.scrollTop), { passive: true });
    new ResizeObserver(() => this.layOut(this.streams)).observe(element);
  }

  /** The list has another size, or other streams. @param {Stream[]} streams */
  layOut(streams) {
    const { element } = this;
    this.streams = streams;
    const narrow = element.clientWidth < NARROW;
    element.classList.toggle('narrow', narrow);
    this.height = narrow ? 88 : 44;
    element.style.height = `${Math.max(2, Math.min(narrow ? 5 : 10, streams.length)) * this.height + 2}px`;
    this.inner.style.height = `${streams.length * this.height}px`;
    const visible = Math.min(Math.ceil(element.clientHeight / this.height) + 1, streams.length);
    while (this.rows.length < visible) this.rows.push(new Row(this));
    this.rows.splice(visible).forEach((row) => row.element.remove());
    this.rows.forEach((row) => (row.shown = ''));
    this.chosen = Math.min(this.chosen, Math.max(0, streams.length - 1));
    this.top = element.scrollTop;
  }

  show() {
    const { rows, streams, element } = this;
    const first = Math.max(0, Math.min(Math.floor(this.top / this.height), streams.length - rows.length));
    // A stream keeps its row while it is in view.
    for (let index = first; index < first + rows.length; index++) rows[index % rows.length].put(index);
    const stream = streams[this.chosen];
    const active = stream && this.chosen >= first && this.chosen < first + rows.length ? `stream-${stream.id}` : '';
    if (element.getAttribute('aria-activedescendant') !== active) element.setAttribute('aria-activedescendant', active);
    const told = stream?.reason ? `#${stream.id} ${stream.state}: ${stream.reason}` : '';
    if (told !== this.told) this.detail.textContent = this.told = told;
  }

  /** @param {number} index */
  choose(index) {
    this.chosen = Math.max(0, Math.min(index, this.streams.length - 1));
    const top = this.chosen * this.height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.element.scrollTop = top + this.height - clientHeight;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const page = Math.max(1, this.rows.length - 2);
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    const stream = this.streams[this.chosen];
    if (event.key in steps) this.choose(this.chosen + steps[event.key]);
    else if (event.key === ' ' && stream) toggle(stream);
    else if (event.key === 'Delete' && stream) stream.stop();
    else return;
    event.preventDefault();
  }
}

/** @param {Stream} stream */
const toggle = (stream) => (stream.state === 'paused' ? stream.resume() : stream.pause());

/** One row, of whichever stream is there. */
class Row {
  /** What stands in it. */
  shown = '';
  index = 0;

  /** @param {List} list */
  constructor(list) {
    this.list = list;
    this.id = h('span.number');
    this.state = h('b');
    this.fill = h('i');
    this.count = h('span.number');
    this.credit = h('i');
    this.creditBar = h('span.bar', {}, this.credit);
    this.words = h('span');
    this.pause = this.button('', toggle);
    this.stop = this.button('Stop', (stream) => stream.stop());
    const reason = h('span.reason', {}, this.creditBar, this.words);
    this.element = h('div.stream', {}, this.id, this.state, h('span.bar', {}, this.fill), this.count, reason, this.pause, this.stop);
    this.element.setAttribute('role', 'option');
    this.element.addEventListener('pointerdown', () => list.choose(this.index));
    list.inner.append(this.element);
  }

  /** For pointers: the list's keys do the same, and keep the focus. @param {string} textContent @param {(stream: Stream) => void} act */
  button(textContent, act) {
    const onclick = () => {
      act(this.list.streams[this.index]);
      this.list.element.focus();
    };
    return h('button', { type: 'button', tabIndex: -1, ariaHidden: 'true', textContent, onclick });
  }

  /** @param {number} index */
  put(index) {
    const { list } = this;
    const stream = list.streams[index];
    const flow = stream.call?.flow ?? null;
    const chosen = index === list.chosen;
    const { look } = stream;
    const shown = `${stream.id} ${index} ${look} ${stream.got} ${flow?.credit} ${flow?.unread} ${chosen} ${stream.reason}`;
    if (shown === this.shown) return;
    this.shown = shown;
    this.index = index;
    const { items } = stream.shape;
    const { element } = this;
    element.id = `stream-${stream.id}`;
    element.style.transform = `translateY(${index * list.height}px)`;
    element.style.setProperty('--of', `var(--${list.states[look]})`);
    element.ariaSelected = String(chosen);
    element.ariaPosInSet = String(index + 1);
    element.ariaSetSize = String(list.streams.length);
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
