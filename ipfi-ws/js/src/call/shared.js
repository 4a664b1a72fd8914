/**
 * What both ends of a call share: encoding with limits, what errors and resets stand for, sources of items.
 *
 * @module
 */

import { Writer } from '../bytes.js';
import { StreamCode } from '../close_code.js';
import { DecodeError } from '../codec/codec.js';
import { item } from '../proto/item.js';
import { Status } from '../status.js';

/**
 * @typedef {import('../status.js').Code} Code
 * @typedef {import('../codec/codec.js').Codec} Codec
 * @typedef {import('../proto/metadata.js').Direction} Direction
 */

const scratch = new Writer(1024);
let busy = false;

/**
 * The bytes that `put` writes, as a view that the next encoding invalidates; encoding may nest, through a `toJSON`.
 *
 * @param {(writer: Writer) => void} put
 * @returns {Uint8Array}
 */
export function encoded(put) {
  if (busy) {
    const writer = new Writer();
    put(writer);
    return writer.written();
  }
  busy = true;
  try {
    scratch.clear();
    put(scratch);
    return scratch.written();
  } finally {
    busy = false;
  }
}

/**
 * A message as an item.
 *
 * @param {(writer: Writer) => void} put
 * @param {number | bigint} max what the peer takes
 * @param {'caller' | 'callee'} side who sends it
 * @throws {Status} if it is larger, before it leaves
 */
export function messageItem(put, max, side) {
  const bytes = encoded(put);
  checkSize(bytes.length, max, side);
  return item(bytes);
}

/** @param {number} size @param {number | bigint} max @param {'caller' | 'callee'} side @param {string} [name] */
export function checkSize(size, max, side, name = 'max_message_bytes') {
  if (size <= max) return;
  const what = name === 'max_message_bytes' ? 'message' : 'metadata';
  const text = `${what} too large, the limit is set by the ${side === 'caller' ? 'callee' : 'caller'}`;
  throw new Status('RESOURCE_EXHAUSTED', text, { side, limit: { name, value: max, seen: size } });
}

/**
 * Runs `decode`, whose errors become a status of this side (clause 9.2).
 *
 * @template T
 * @param {Direction} direction
 * @param {Codec} codec
 * @param {() => T} decode
 * @returns {T}
 */
export function decoded(direction, codec, decode) {
  try {
    return decode();
  } catch (error) {
    const side = direction === 'request' ? 'callee' : 'caller';
    const limit = error instanceof DecodeError ? error.limit : null;
    const code = limit ? 'RESOURCE_EXHAUSTED' : direction === 'request' ? 'INVALID_ARGUMENT' : 'INTERNAL';
    const sender = direction === 'request' ? 'caller' : 'callee';
    const words = error instanceof Error ? error.message : String(error);
    throw new Status(code, `the ${sender} sent what ${codec.name} cannot decode: ${words}`, { side, limit });
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
  switch (code) {
    case 'CANCELLED':
      return StreamCode.CANCELLED;
    case 'DEADLINE_EXCEEDED':
      return StreamCode.DEADLINE;
    case 'UNAVAILABLE':
      return StreamCode.SHUTDOWN;
    case 'RESOURCE_EXHAUSTED':
      return StreamCode.RESOURCE_EXHAUSTED;
    default:
      return StreamCode.INTERNAL;
  }
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
      // A source that has everything at once lets others run now and then.
      else if (sync && burst % BURST === 0) await undefined;
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

const BURST = 256;

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
