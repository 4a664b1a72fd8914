/**
 * What a codec is: how values become the bytes of messages, `docs/protocol.md` section 9.
 *
 * @module
 */

import { Writer } from '../bytes.js';

/**
 * A codec of one procedure's calls. Those without a schema ({@link import('./messagepack.js').messagepack} and others) serve
 * every procedure.
 *
 * @typedef {object} Codec
 * @property {number} id its number in the header's flags (clause 9.1)
 * @property {string} name
 * @property {(writer: Writer, args: readonly unknown[]) => void} encodeArgs
 * @property {(bytes: Uint8Array, limits: DecodeLimits) => unknown[]} decodeArgs
 * @property {(writer: Writer, value: unknown) => void} encodeItem what the caller streams
 * @property {(bytes: Uint8Array, limits: DecodeLimits) => unknown} decodeItem
 * @property {(writer: Writer, value: unknown) => void} encodeAnswer what the callee answers
 * @property {(bytes: Uint8Array, limits: DecodeLimits) => unknown} decodeAnswer
 *
 * @typedef {Pick<import('../limits.js').Limits, 'max_decoded_bytes' | 'max_depth'>} DecodeLimits
 *
 * Why bytes are no value: too few, some left over, no value of the type, or past a limit.
 * @typedef {'truncated' | 'trailing' | 'decode' | 'decoded_size' | 'depth'} DecodeErrorKind
 */

/** Bytes that are no value. */
export class DecodeError extends Error {
  /** @param {DecodeErrorKind} kind @param {string} what @param {import('../status.js').LimitSeen | null} [limit] */
  constructor(kind, what, limit = null) {
    super(what);
    this.kind = kind;
    this.limit = limit;
  }
}

/** What an element of unknown size is charged: a slot of an array. */
export const SLOT_BYTES = 8;

/** Bounds what decoding one message takes (clause 9.2). */
export class Guard {
  /** @param {Uint8Array} bytes @param {DecodeLimits} limits */
  constructor(bytes, limits) {
    this.bytes = bytes;
    this.at = 0;
    this.limits = limits;
    this.charged = 0;
    this.depth = 0;
    /** @type {DataView | null} */
    this.lazyView = null;
  }

  get view() {
    const { bytes } = this;
    return (this.lazyView ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  /** Takes `count` bytes, which may not be there, and gives where they begin. @param {number | bigint} count */
  take(count) {
    const from = this.at;
    if (count > this.bytes.length - from) throw new DecodeError('truncated', 'too few bytes');
    this.at = from + Number(count);
    return from;
  }

  /** Charges `count` elements whole, before the first is read. @param {number | bigint} count @param {number} [size] */
  charge(count, size = SLOT_BYTES) {
    const { max_decoded_bytes: max } = this.limits;
    const seen = this.charged + Number(count) * size;
    if (seen > max) {
      const limit = { name: 'max_decoded_bytes', value: max, seen: Math.min(seen, Number.MAX_SAFE_INTEGER) };
      throw new DecodeError('decoded_size', 'a value that is too large', limit);
    }
    this.charged = seen;
  }

  enter() {
    const { max_depth: max } = this.limits;
    if (++this.depth > max) {
      throw new DecodeError('depth', 'a value that is too deep', { name: 'max_depth', value: max, seen: this.depth });
    }
  }

  leave() {
    this.depth--;
  }

  /** A message is exactly one value. */
  finish() {
    const left = this.bytes.length - this.at;
    if (left > 0) throw new DecodeError('trailing', `${left} bytes left over`);
  }
}

/** Bytes that may be kept: a copy where a view would keep much more alive. @param {Uint8Array} bytes */
export const own = (bytes) => (bytes.length * 4 < bytes.buffer.byteLength ? bytes.slice() : bytes);

/**
 * A codec for which arguments are one value, an array of them, and every value is encoded alike.
 *
 * @param {number} id
 * @param {string} name
 * @param {(writer: Writer, value: unknown) => void} encode
 * @param {(bytes: Uint8Array, limits: DecodeLimits) => unknown} decode
 * @returns {Codec}
 */
export const schemaless = (id, name, encode, decode) => ({
  id,
  name,
  encodeArgs: encode,
  decodeArgs(bytes, limits) {
    const args = decode(bytes, limits);
    if (!Array.isArray(args)) throw new DecodeError('decode', 'arguments that are no array');
    return args;
  },
  encodeItem: encode,
  decodeItem: decode,
  encodeAnswer: encode,
  decodeAnswer: decode,
});
