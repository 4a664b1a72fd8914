/** What the form can try: the methods of `server.rs`, by the client that `ipfi gen ts` made of it. */

import { PlaygroundClient } from './playground.js';

/** @param {string} text */
const words = (text) => text.split(/\s+/).filter(Boolean);

/** A string literal of Rust, cut where it is long. @param {string} text */
export function literal(text) {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(shown).replace(/\\u([0-9a-f]{4})/g, '\\u{$1}').replace(/\\b/g, '\\u{8}').replace(/\\f/g, '\\u{c}');
}

function* pieces(mebibytes) {
  const piece = new Uint8Array(32 << 10);
  for (let n = 0; n < mebibytes * 32; n++) yield piece;
}

/**
 * Each with the kind of call that it takes, the method, the fields of its form (with the most that a number may be) and what is
 * made of them: arguments, items, and the same in Rust.
 *
 * @type {{ name: string, about: string, kind: 'call' | 'stream' | 'upload' | 'duplex' | 'many', method?: string,
 *   fields?: [name: string, value: string | number, max?: number][], args?: (values: any) => unknown[],
 *   items?: (values: any) => Iterable<unknown>, rust: (values: any) => string, timeout?: number }[]}
 */
export const PROCEDURES = [
  {
    name: 'hello', method: 'hello', kind: 'call', about: 'One value in, one value out.',
    fields: [['name', 'Ada']], args: ({ name }) => [name], rust: ({ name }) => `hello(${literal(name)}.into())`,
  },
  {
    name: 'count', method: 'count', kind: 'stream', about: 'A stream of numbers, one each 100 ms. Cancel it, and its producer is dropped.',
    fields: [['limit', 30, 1_000_000]], args: ({ limit }) => [BigInt(limit)], rust: ({ limit }) => `count(${limit})`,
  },
  {
    name: 'sum', method: 'sum', kind: 'upload', about: 'A stream of numbers to the server, one answer.',
    fields: [['numbers', '1 2 3 4']], items: ({ numbers }) => words(numbers).map(BigInt),
    rust: ({ numbers }) => `sum().items(iter([${words(numbers).slice(0, 20).join(', ')}]))`,
  },
  {
    name: 'shout', method: 'shout', kind: 'duplex', about: 'Streams in both directions: each word comes back as it arrives.',
    fields: [['words', 'what goes in comes out']], items: ({ words: text }) => words(text), rust: () => 'shout()',
  },
  {
    name: 'hello, many at once', method: 'hello', kind: 'many', about: 'Thousands of calls on this one connection; many share a message or a packet.',
    fields: [['calls', 5000, 20_000]], args: () => ['you'], rust: () => 'hello("you".into())',
  },
  {
    name: 'upload', method: 'upload', kind: 'upload', about: 'Bytes to the server, as fast as it takes them.',
    fields: [['MiB', 50, 10_000]], items: ({ MiB }) => pieces(MiB), rust: () => 'upload().items(pieces)',
  },
  { name: 'slow', method: 'slow', kind: 'call', about: 'Takes a minute. Its deadline travels with it, and the handler is dropped when it passes.', timeout: 300, rust: () => 'slow()' },
  { name: 'fail', method: 'fail', kind: 'call', about: 'Fails, with a code, a text, and whose doing it was.', rust: () => 'fail()' },
  // By a number, as there is no method for it.
  { name: 'something nobody offers', kind: 'call', about: 'Fails this call, and nothing else.', rust: () => 'call::<()>(42, ())' },
  {
    name: 'a name of 5 MiB', method: 'hello', kind: 'call', about: 'Runs into a limit. The error names it, its value, what was seen, and who set it.',
    args: () => ['x'.repeat(5 << 20)], rust: () => 'hello("x".repeat(5 << 20))',
  },
];

/** Makes a call of one of them. @param {import('./ipfi/index.js').Wire} wire @param {any} procedure @param {unknown[]} given @param {object} options */
export const invoke = (wire, { method }, given, options) =>
  method ? new PlaygroundClient(wire)[method](...given, options) : wire.call(42, [], options);
