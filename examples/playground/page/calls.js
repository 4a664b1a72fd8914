/** The form that calls procedures, and what became of the calls. */

import { json, messagepack } from './ipfi/index.js';
import { $, count, duration, h, size } from './dom.js';

const codecs = { messagepack, json };

/** @param {string} text */
const words = (text) => text.split(/\s+/).filter(Boolean);

/**
 * What can be tried: the procedures of `server.rs`, each with the kind of call that it takes, the fields of its form and what
 * is made of them.
 *
 * @type {{ name: string, about: string, index: number, kind: 'call' | 'stream' | 'upload' | 'duplex' | 'notify' | 'many',
 *   fields?: [name: string, value: string | number][], args?: (values: any) => unknown[], items?: (values: any) => Iterable<unknown>,
 *   rust: (values: any) => string, timeout?: number }[]}
 */
const PROCEDURES = [
  {
    name: 'hello', index: 0, kind: 'call', about: 'One value in, one value out.',
    fields: [['name', 'Ada']], args: ({ name }) => [name], rust: ({ name }) => `call::<String>(0, (${JSON.stringify(name)},))`,
  },
  {
    name: 'count', index: 1, kind: 'stream', about: 'A stream of numbers, one each 100 ms. Cancel it, and its producer is dropped.',
    fields: [['limit', 30]], args: ({ limit }) => [limit], rust: ({ limit }) => `stream::<u64>(1, (${limit}_u64,))`,
  },
  {
    name: 'sum', index: 2, kind: 'upload', about: 'A stream of numbers to the server, one answer.',
    fields: [['numbers', '1 2 3 4']], items: ({ numbers }) => words(numbers).map(Number),
    rust: ({ numbers }) => `upload::<i64, i64>(2, ()).items(iter([${words(numbers).join(', ')}]))`,
  },
  {
    name: 'shout', index: 7, kind: 'duplex', about: 'Streams in both directions: each line comes back as it arrives.',
    fields: [['words', 'what goes in comes out']], items: ({ words: text }) => words(text), rust: () => `duplex::<String, String>(7, ())`,
  },
  {
    name: 'hello, many at once', index: 0, kind: 'many', about: 'Thousands of calls on this one connection; many share a message or a packet.',
    fields: [['calls', 5000]], rust: ({ calls }) => `call::<String>(0, ("you",))    // ${calls} times, all at once`,
  },
  {
    name: 'upload', index: 10, kind: 'upload', about: 'Bytes to the server, as fast as it takes them.',
    fields: [['MiB', 50]], items: ({ MiB }) => pieces(MiB), rust: () => `upload::<Bytes, u64>(10, ()).items(pieces)`,
  },
  { name: 'slow', index: 4, kind: 'call', about: 'Takes a minute. Its deadline travels with it, and the handler is dropped when it passes.', timeout: 300, rust: () => `call::<()>(4, ())` },
  { name: 'fail', index: 5, kind: 'call', about: 'Fails, with a code, a text, and whose doing it was.', rust: () => `call::<()>(5, ())` },
  { name: 'something nobody offers', index: 42, kind: 'call', about: 'Fails this call, and nothing else.', rust: () => `call::<()>(42, ())` },
  {
    name: 'a name of 5 MiB', index: 0, kind: 'call', about: 'Runs into a limit. The error names it, its value, what was seen, and who set it.',
    args: () => ['x'.repeat(5 << 20)], rust: () => `call::<String>(0, ("x".repeat(5 << 20),))`,
  },
];

function* pieces(mebibytes) {
  const piece = new Uint8Array(32 << 10);
  for (let n = 0; n < mebibytes * 32; n++) yield piece;
}

/** How many calls stay on the page. */
const KEPT = 30;

export class Calls {
  /** @param {import('./link.js').Link} link */
  constructor(link) {
    this.link = link;
    this.form = $('#call form');
    this.results = $('#results');
    this.chooser = $('#procedure');
    this.chooser.append(...PROCEDURES.map(({ name }, value) => h('option', { value: String(value) }, name)));
    this.form.addEventListener('input', ({ target }) => (target === this.chooser ? this.choose() : this.describe()));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.run();
    });
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
    this.choose();
  }

  get procedure() {
    return PROCEDURES[this.chooser.value];
  }

  choose() {
    const { about, fields = [], timeout } = this.procedure;
    $('#about').textContent = about;
    $('#fields').replaceChildren(
      ...fields.map(([name, value]) => {
        const type = typeof value === 'number' ? 'number' : 'text';
        return h('label', {}, name, h('input', { name, type, value, required: type === 'number', min: '0', max: '1000000' }));
      }),
    );
    $('#timeout').value = timeout ?? '';
    this.describe();
  }

  /** What is in the fields. */
  get values() {
    const inputs = [...$('#fields').querySelectorAll('input')];
    return Object.fromEntries(inputs.map(({ name, type, value }) => [name, type === 'number' ? Number(value) : value]));
  }

  get options() {
    const timeout = $('#timeout').valueAsNumber;
    const { codec } = this.form.elements;
    return { ...(timeout > 0 && { timeout }), codec: codecs[codec.value] };
  }

  /** The same in code, for both languages. */
  describe() {
    const { index, kind, args, items, rust } = this.procedure;
    const { values, options } = this;
    // The one that is too large is not written out.
    const given = args && this.procedure.fields ? args(values) : args ? ['x'.repeat(3) + '…'] : [];
    const shown = [index, JSON.stringify(given), ...(items ? ['items'] : [])].join(', ');
    const extras = [options.timeout ? `timeout: ${options.timeout}` : '', options.codec === json ? 'codec: json' : ''].filter(Boolean);
    const tail = extras.length > 0 ? `, { ${extras.join(', ')} }` : '';
    const call = kind === 'many' ? `wire.call(0, ["you"]${tail})` : `wire.${kind}(${shown}${tail})`;
    const loop = kind === 'stream' || kind === 'duplex';
    const late = options.timeout ? `.timeout(Duration::from_millis(${options.timeout}))` : '';
    $('#code').textContent =
      `JS    ${loop ? `for await (const x of ${call}) …` : `await ${call}`}\nRust  wire.${rust(values)}${late}.await?`;
  }

  async run() {
    const { wire } = this.link;
    const { name, index, kind, args, items } = this.procedure;
    const { values } = this;
    const entry = new Entry(name);
    this.results.prepend(entry.element);
    while (this.results.children.length > KEPT) this.results.lastElementChild.remove();
    if (!wire) return entry.fail(new Error('There is no connection: plug it in again.'));
    const options = { ...this.options, signal: entry.controller.signal };
    try {
      if (kind === 'call') {
        entry.done(show(await wire.call(index, args?.(values), options)));
      } else if (kind === 'many') {
        const calls = Array.from({ length: values.calls }, () => wire.call(0, ['you'], options));
        await Promise.all(calls);
        entry.done(`${count(values.calls)} answers, ${count(values.calls / (entry.elapsed / 1000))} a second`);
      } else if (kind === 'upload') {
        const answer = await wire.upload(index, [], items(values), options);
        const rate = 'MiB' in values ? `  (${size(Number(answer) / (entry.elapsed / 1000))}/s)` : '';
        entry.done(show(answer) + rate);
      } else {
        const call = kind === 'stream' ? wire.stream(index, args(values), options) : wire.duplex(index, [], items(values), options);
        for await (const item of call) entry.add(show(item));
        entry.done();
      }
    } catch (error) {
      entry.fail(error);
    }
  }
}

/** A call on the page. */
class Entry {
  controller = new AbortController();
  began = performance.now();
  /** @type {string[]} */
  items = [];
  waiting = false;

  /** @param {string} name */
  constructor(name) {
    this.time = h('span', {}, 'runs');
    this.stop = h('button', { type: 'button', textContent: 'Cancel', onclick: () => this.controller.abort(new Error('somebody pressed Cancel')) });
    this.value = h('div.value');
    this.element = h('li.runs', {}, h('div.item-head', {}, h('code', {}, name), this.time, this.stop), this.value);
  }

  get elapsed() {
    return performance.now() - this.began;
  }

  /** An item of a stream: shown with the next frame, whatever their number. @param {string} item */
  add(item) {
    this.items.push(item);
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      const last = this.items.slice(-200).join(' ');
      this.value.textContent = this.items.length > 200 ? `… ${last}` : last;
    });
  }

  /** @param {string} state */
  over(state) {
    this.time.textContent = duration(this.elapsed);
    this.element.className = state;
    this.stop.remove();
  }

  /** @param {string} [value] */
  done(value) {
    this.over('good');
    if (value !== undefined) this.value.textContent = value;
  }

  /** @param {any} error */
  fail(error) {
    this.over('bad');
    const facts = [];
    if (error.side) facts.push(`made by the ${error.side}`);
    if (error.limit) facts.push(`limit ${error.limit.name} = ${count(error.limit.value)}, seen ${count(error.limit.seen)}`);
    if (error.neverStarted) facts.push('never started: may be made again');
    const before = this.items.length > 0 ? `${this.items.join(' ')}\n` : '';
    this.value.replaceChildren(before, error.message, h('br'), h('small', {}, facts.join(' · ')));
    // An item that waits for its frame must not take the error's place.
    this.items = [];
    this.add = () => {};
    const shown = this.value;
    this.value = h('div');
    return shown;
  }
}

/** @param {unknown} value */
function show(value) {
  if (value instanceof Uint8Array) return `${size(value.length)} of bytes`;
  if (typeof value === 'bigint') return String(value);
  return value === undefined || value === null ? 'nothing, which is the answer' : typeof value === 'string' ? value : JSON.stringify(value);
}
