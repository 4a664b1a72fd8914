/** The form that calls procedures, and what became of the calls. */

import { $, announce, count, duration, h, size } from './dom.js';
import { invoke, literal, PROCEDURES } from './procedures.js';

/** How many calls that have ended stay on the page, and items of a stream in view. */
const KEPT = 30;
const KEPT_ITEMS = 200;

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
    this.form.addEventListener('keydown', (event) => {
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
      ...fields.map(([name, value, max = 0]) => {
        const number = typeof value === 'number';
        return h('label', {}, name, h('input', { name, type: number ? 'number' : 'text', value, ...(number && { min: '0', max, required: true }) }));
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
    return timeout > 0 ? { timeout } : {};
  }

  /** The same in code, for both languages. */
  describe() {
    const { method, kind, args, items, fields, rust } = this.procedure;
    const { values, options } = this;
    const written = (arg) => (typeof arg === 'bigint' ? `${arg}n` : literal(arg));
    // The argument that is too large is not written out.
    const given = args && !fields ? ['"xxx…"'] : (args?.(values) ?? []).map(written);
    const words = [...given, items && 'items', options.timeout && `{ timeout: ${options.timeout} }`].filter(Boolean).join(', ');
    const call = method ? `playground.${method}(${words})` : `wire.call(42${words && `, [], ${words}`})`;
    const js = {
      many: `await Promise.all(Array.from({ length: ${values.calls} }, () => ${call}))`,
      stream: `for await (const x of ${call}) …`,
      duplex: `for await (const x of ${call}) …`,
    };
    const chained = `${method ? 'playground' : 'wire'}.${rust(values)}${options.timeout ? `.timeout(Duration::from_millis(${options.timeout}))` : ''}`;
    const awaited = kind === 'many' ? `try_join_all((0..${values.calls}).map(async |_| ${chained}.await)).await?` : `${chained}.await?`;
    $('#code').textContent = `JS    ${js[kind] ?? `await ${call}`}\nRust  ${awaited}`;
  }

  async run() {
    const { wire } = this.link;
    const { procedure, values } = this;
    const { name, kind, args, items } = procedure;
    const entry = new Entry(name);
    this.results.prepend(entry.element);
    // Those that run stay: they could not be cancelled any more.
    for (const old of [...this.results.querySelectorAll('li:not(.runs)')].slice(KEPT)) old.remove();
    try {
      if (!wire) throw new Error('There is no connection: plug it in again.');
      const options = { ...this.options, signal: entry.controller.signal };
      const given = [...(args?.(values) ?? []), ...(items ? [items(values)] : [])];
      const call = () => invoke(wire, procedure, given, options);
      if (kind === 'many') {
        await Promise.all(Array.from({ length: values.calls }, call));
        entry.done(`${count(values.calls)} answers, ${count(values.calls / (entry.elapsed / 1000))} a second`);
      } else if (kind === 'stream' || kind === 'duplex') {
        for await (const item of call()) entry.add(show(item));
        entry.done();
      } else {
        const answer = await call();
        const rate = 'MiB' in values ? `  (${size(Number(answer) / (entry.elapsed / 1000))}/s)` : '';
        entry.done(show(answer) + rate);
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
  /** The last of them. @type {string[]} */
  items = [];
  seen = 0;
  waiting = false;

  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.time = h('span', {}, 'runs');
    this.stop = h('button', { type: 'button', textContent: 'Cancel', onclick: () => this.controller.abort(new Error('somebody pressed Cancel')) });
    this.value = h('div.value');
    this.outcome = h('div.value');
    this.element = h('li.runs', {}, h('div.item-head', {}, h('code', {}, name), this.time, this.stop), this.value, this.outcome);
  }

  get elapsed() {
    return performance.now() - this.began;
  }

  /** An item of a stream: shown with the next frame, whatever their number. @param {string} item */
  add(item) {
    this.seen++;
    this.items.push(item);
    if (this.items.length > KEPT_ITEMS) this.items.shift();
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      const missing = this.seen - this.items.length;
      this.value.textContent = `${missing > 0 ? `(${count(missing)} more) … ` : ''}${this.items.join(' ')}`;
    });
  }

  /** @param {string} state @param {string} outcome */
  over(state, outcome) {
    this.time.textContent = duration(this.elapsed);
    this.element.className = state;
    if (document.activeElement === this.stop) $('#call button.primary').focus();
    this.stop.remove();
    this.outcome.textContent = outcome;
    announce(`${this.name}: ${outcome || 'done'}`);
  }

  /** @param {string} [value] */
  done(value = '') {
    this.over('good', value);
  }

  /** @param {any} error */
  fail(error) {
    this.over('bad', error.message);
    const facts = [];
    if (error.side) facts.push(`made by the ${error.side}`);
    if (error.limit) facts.push(`limit ${error.limit.name} = ${count(error.limit.value)}, seen ${count(error.limit.seen)}`);
    if (error.neverStarted) facts.push('never started: may be made again');
    if (facts.length > 0) this.element.append(h('small', {}, facts.join(' · ')));
  }
}

/** @param {unknown} value */
function show(value) {
  if (value instanceof Uint8Array) return `${size(value.length)} of bytes`;
  if (typeof value === 'bigint') return String(value);
  return value === undefined || value === null ? 'nothing, which is the answer' : typeof value === 'string' ? value : JSON.stringify(value);
}
