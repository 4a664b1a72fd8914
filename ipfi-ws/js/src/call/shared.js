/**
 * What both ends of a call share: encoding with limits, what errors and resets stand for, sources of items.
 *
 * @module
 */

import { Writer, concat } from '../bytes.js';
import { StreamCode } from '../close_code.js';
import { DecodeError } from '../codec/codec.js';
import { words } from '../error.js';
import { itemSize, putItem } from '../proto/item.js';
import { Status } from '../status.js';

/**
 * @typedef {import('../status.js').Code} Code
 * @typedef {import('../codec/codec.js').Codec} Codec
 * @typedef {import('../proto/metadata.js').Direction} Direction
 * @typedef {import('../limits.js').Limits} Limits
 */

/** Room for what goes before a message: a header without metadata, and the item's integer. */
const ROOM = 64;
const scratch = new Writer(1024);
let busy = false;

/**
 * A value as a message, with room before it, to be {@link assemble}d before anything else is encoded. Encoding may nest,
 * through a `toJSON`.
 *
 * @template T
 * @param {(writer: Writer, value: T) => void} put a codec's, called without `this`
 * @param {T} value
 * @returns {Writer}
 */
export function encode(put, value) {
  const nested = busy;
  const writer = nested ? new Writer() : scratch;
  busy = true;
  try {
    writer.clear();
    writer.reserve(ROOM);
    writer.at = ROOM;
    put(writer, value);
    return writer;
  } finally {
    busy = nested;
  }
}

/** How long the message is. @param {Writer} writer */
export const encodedLength = (writer) => writer.at - ROOM;

/**
 * The message as an item, behind `head`: bytes of their own, made with one copy.
 *
 * @param {Writer} writer
 * @param {Writer | null} [head]
 * @param {boolean} [bare] without the item's integer
 */
export function assemble(writer, head = null, bare = false) {
  const end = writer.at;
  let from = ROOM;
  if (!bare) {
    const length = end - ROOM;
    from -= itemSize(length);
    writer.at = from;
    putItem(writer, length, 0);
    writer.at = end;
  }
  if (!head) return writer.bytes.slice(from, end);
  if (head.at > from) return concat([head.written(), writer.bytes.subarray(from, end)], head.at + end - from);
  from -= head.at;
  for (let at = 0; at < head.at; at++) writer.bytes[from + at] = head.bytes[at];
  return writer.bytes.slice(from, end);
}

/**
 * A value as an item.
 *
 * @template T
 * @param {(writer: Writer, value: T) => void} put
 * @param {T} value
 * @param {number | bigint} max what the peer takes
 * @param {'caller' | 'callee'} side who sends it
 * @throws {Status} if it is larger, before it leaves
 */
export function messageItem(put, value, max, side) {
  const writer = encode(put, value);
  checkSize(encodedLength(writer), max, side);
  return assemble(writer);
}

/** @param {number} size @param {number | bigint} max @param {'caller' | 'callee'} side @param {string} [name] */
export function checkSize(size, max, side, name = 'max_message_bytes') {
  if (size <= max) return;
  const what = name === 'max_message_bytes' ? 'message' : 'metadata';
  const text = `${what} too large, the limit is set by the ${side === 'caller' ? 'callee' : 'caller'}`;
  throw new Status('RESOURCE_EXHAUSTED', text, { side, limit: { name, value: max, seen: size } });
}

/**
 * What `bytes` are in `codec`; errors become a status of this side (clause 9.2).
 *
 * @template T
 * @param {Direction} direction
 * @param {Codec} codec
 * @param {(bytes: Uint8Array, limits: Limits) => T} decode one of the codec's, called without `this`
 * @param {Uint8Array} bytes
 * @param {Limits} limits
 * @returns {T}
 */
export function decoded(direction, codec, decode, bytes, limits) {
  try {
    return decode(bytes, limits);
  } catch (error) {
    const side = direction === 'request' ? 'callee' : 'caller';
    const limit = error instanceof DecodeError ? error.limit : null;
    const code = limit ? 'RESOURCE_EXHAUSTED' : direction === 'request' ? 'INVALID_ARGUMENT' : 'INTERNAL';
    const sender = direction === 'request' ? 'caller' : 'callee';
    throw new Status(code, `the ${sender} sent what ${codec.name} cannot decode: ${words(error)}`, { side, limit });
  }
}

/** What a reset of the response stands for (clause 6.6). @param {number | bigint | null} code */
export function resetStatus(code) {
  /** @type {Record<number, [Code, string]>} */
  const known = {
    [StreamCode.CANCELLED]: ['CANCELLED', 'the callee cancelled the call'],
    [StreamCode.REFUSED]: ['UNAVAILABLE', 'the callee refused the call before it started, it may be made again'],
    [StreamCode.DEADLINE]: ['DEADLINE_EXCEEDED', 'the deadline passed at the callee'],
    [StreamCode.SHUTDOWN]: ['UNAVAILABLE', 'the callee shuts down'],
    [StreamCode.RESOURCE_EXHAUSTED]: ['RESOURCE_EXHAUSTED', 'a limit of the callee was reached'],
    [StreamCode.INTERNAL]: ['INTERNAL', 'the callee failed'],
  };
  const [name, text] = known[Number(code)] ?? ['UNKNOWN', `the callee reset the call with code ${code}`];
  return new Status(name, text, { side: 'caller', neverStarted: code === StreamCode.REFUSED });
}

/** What is sent instead of a status that cannot leave (clause 6.6). @param {Code} code */
export function resetCodeOf(code) {
  const { CANCELLED, DEADLINE, SHUTDOWN, RESOURCE_EXHAUSTED, INTERNAL } = StreamCode;
  /** @type {Partial<Record<Code, number>>} */
  const known = { CANCELLED, DEADLINE_EXCEEDED: DEADLINE, UNAVAILABLE: SHUTDOWN, RESOURCE_EXHAUSTED };
  return known[code] ?? INTERNAL;
}

/** Where items to be sent come from. */
export class Source {
  /** @param {Iterator<unknown> | AsyncIterator<unknown>} iterator @param {boolean} sync */
  constructor(iterator, sync) {
    this.iterator = iterator;
    this.sync = sync;
    this.over = false;
  }

  /** Of an iterable, an async iterable or a ReadableStream; null of anything else. @param {unknown} value */
  static of(value) {
    const any = /** @type {any} */ (value);
    if (any === null || (typeof any !== 'object' && typeof any !== 'function')) return null;
    if (any[Symbol.asyncIterator]) return new Source(any[Symbol.asyncIterator](), false);
    if (any[Symbol.iterator]) return new Source(any[Symbol.iterator](), true);
    return typeof any.getReader === 'function' ? new Source(ofReader(any.getReader()), false) : null;
  }

  /** No more is wanted: the source is told, once. What it says to that is its own affair. */
  end() {
    if (this.over) return;
    this.over = true;
    Promise.resolve()
      .then(() => this.iterator.return?.())
      .catch(() => {});
  }

  /**
   * Sends its items, under the reader's backpressure, until it ends or nobody wants more.
   *
   * @param {(value: unknown) => Promise<unknown> | null} send null where more may be sent at once
   */
  async pump(send) {
    const { iterator, sync } = this;
    let turn = performance.now();
    for (let burst = 1; !this.over; burst++) {
      let result;
      try {
        const next = iterator.next();
        result = sync ? /** @type {IteratorResult<unknown>} */ (next) : await next;
      } catch (error) {
        this.over = true;
        throw error;
      }
      if (this.over) return;
      if (result.done) {
        this.over = true;
        return;
      }
      const room = send(result.value);
      if (room) await room;
      // A source that has everything at once, and a reader that takes it all or has left, would let nobody else run.
      if (burst % BURST === 0 && performance.now() - turn > TURN_MS) {
        await new Promise(laterTurn);
        turn = performance.now();
      }
    }
  }
}

/** @param {ReadableStreamDefaultReader<unknown>} reader @returns {AsyncIterator<unknown>} */
const ofReader = (reader) => ({
  next: () => /** @type {Promise<IteratorResult<unknown>>} */ (reader.read()),
  async return() {
    await reader.cancel();
    return { done: true, value: undefined };
  },
});

/** Items between two looks at the clock, and how long a source may go on before others have a turn of the event loop. */
const BURST = 64;
const TURN_MS = 8;

/** Calls back in another turn of the event loop. @type {(callback: (value: unknown) => void) => unknown} */
const laterTurn = /** @type {any} */ (globalThis).setImmediate ?? ((/** @type {() => void} */ callback) => setTimeout(callback, 0));

/** Runs what a user gave; what it throws ends nothing here. @param {() => void} act */
export function guarded(act) {
  try {
    act();
  } catch (error) {
    reportError(error);
  }
}

/** Shows an error as the platform shows one that nobody caught. @param {unknown} error */
function reportError(error) {
  const report = /** @type {any} */ (globalThis).reportError;
  if (typeof report === 'function') report(error);
  else console.error(error);
}

/**
 * Those whom a signal ends. It has one listener, however many calls share it: Chromium looks through all for each that comes
 * or goes, and 20 000 calls took 25 times as long.
 *
 * @extends {Set<{ aborted(): void }>}
 */
class Waiting extends Set {
  handleEvent() {
    for (const each of this) each.aborted();
  }
}

/** @type {WeakMap<AbortSignal, Waiting>} */
const signals = new WeakMap();

/**
 * Begins to listen for one, or ends it; nobody listens where nobody waits.
 *
 * @param {AbortSignal | undefined} signal which is not aborted
 * @param {{ aborted(): void }} each
 * @param {boolean} waits
 */
export function listen(signal, each, waits) {
  if (!signal) return;
  const all = signals.get(signal) ?? new Waiting();
  signals.set(signal, all);
  if (waits) all.add(each);
  else all.delete(each);
  signal[all.size ? 'addEventListener' : 'removeEventListener']('abort', all);
}
