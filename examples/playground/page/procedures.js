/** What the form can try: the procedures of `server.rs`. */

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
 * Each with the kind of call that it takes, the fields of its form (with the most that a number may be) and what is made of
 * them: arguments, items, and the same in Rust.
 *
 * @type {{ name: string, about: string, index: number, kind: 'call' | 'stream' | 'upload' | 'duplex' | 'many',
 *   fields?: [name: string, value: string | number, max?: number][], args?: (values: any) => unknown[],
 *   items?: (values: any) => Iterable<unknown>, rust: (values: any) => string, timeout?: number }[]}
 */
export const PROCEDURES = [
  {
    name: 'hello', index: 0, kind: 'call', about: 'One value in, one value out.',
    fields: [['name', 'Ada']], args: ({ name }) => [name], rust: ({ name }) => `call::<String>(0, (${literal(name)},))`,
  },
  {
    name: 'count', index: 1, kind: 'stream', about: 'A stream of numbers, one each 100 ms. Cancel it, and its producer is dropped.',
    fields: [['limit', 30, 1_000_000]], args: ({ limit }) => [limit], rust: ({ limit }) => `stream::<u64>(1, (${limit}_u64,))`,
  },
  {
    name: 'sum', index: 2, kind: 'upload', about: 'A stream of numbers to the server, one answer.',
    fields: [['numbers', '1 2 3 4']], items: ({ numbers }) => words(numbers).map(BigInt),
    rust: ({ numbers }) => `upload::<i64, i64>(2, ()).items(iter([${words(numbers).slice(0, 20).join(', ')}]))`,
  },
  {
    name: 'shout', index: 7, kind: 'duplex', about: 'Streams in both directions: each word comes back as it arrives.',
    fields: [['words', 'what goes in comes out']], items: ({ words: text }) => words(text), rust: () => 'duplex::<String, String>(7, ())',
  },
  {
    name: 'hello, many at once', index: 0, kind: 'many', about: 'Thousands of calls on this one connection; many share a message or a packet.',
    fields: [['calls', 5000, 20_000]], args: () => ['you'], rust: () => 'call::<String>(0, ("you",))',
  },
  {
    name: 'upload', index: 10, kind: 'upload', about: 'Bytes to the server, as fast as it takes them.',
    fields: [['MiB', 50, 10_000]], items: ({ MiB }) => pieces(MiB), rust: () => 'upload::<Bytes, u64>(10, ()).items(pieces)',
  },
  { name: 'slow', index: 4, kind: 'call', about: 'Takes a minute. Its deadline travels with it, and the handler is dropped when it passes.', timeout: 300, rust: () => 'call::<()>(4, ())' },
  { name: 'fail', index: 5, kind: 'call', about: 'Fails, with a code, a text, and whose doing it was.', rust: () => 'call::<()>(5, ())' },
  { name: 'something nobody offers', index: 42, kind: 'call', about: 'Fails this call, and nothing else.', rust: () => 'call::<()>(42, ())' },
  {
    name: 'a name of 5 MiB', index: 0, kind: 'call', about: 'Runs into a limit. The error names it, its value, what was seen, and who set it.',
    args: () => ['x'.repeat(5 << 20)], rust: () => 'call::<String>(0, ("x".repeat(5 << 20),))',
  },
];
