/**
 * Bytes: a reader and a writer of QUIC variable-length integers (RFC 9000 section 16, `docs/protocol.md` 1.3) and of
 * what is made of them.
 *
 * @module
 */

/**
 * A variable-length integer: a number where it is exact, a bigint above 2^53 - 1. Both compare with `<` and `===`
 * never mixes them, because each value has one form only.
 *
 * @typedef {number | bigint} Varint
 */

/** The largest variable-length integer. */
export const VARINT_MAX = 2n ** 62n - 1n;

const HI = 2 ** 32;

/** `value` as a number: limits beyond 2^53 - 1 are as good as that. @param {Varint} value @returns {number} */
export const clamp = (value) => (typeof value === 'bigint' ? Number.MAX_SAFE_INTEGER : value);

/** How many bytes `value` takes. @param {Varint} value @returns {number} */
export const varintLength = (value) => (value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x40000000 ? 4 : 8);

/** Reads from the front of bytes, never beyond their end. */
export class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  /** Reads something else. @param {Uint8Array} bytes */
  over(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  /** Bytes that are left. */
  get left() {
    return this.end - this.at;
  }

  /**
   * One variable-length integer, or -1, and nothing taken, where more bytes are needed.
   *
   * @returns {Varint}
   */
  varint() {
    const { bytes, at } = this;
    if (at >= this.end) return -1;
    const first = bytes[at];
    if (first < 0x40) {
      this.at = at + 1;
      return first;
    }
    const size = 1 << (first >> 6);
    if (at + size > this.end) return -1;
    this.at = at + size;
    if (size === 2) return ((first & 0x3f) << 8) | bytes[at + 1];
    const hi = (((first & 0x3f) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
    if (size === 4) return hi;
    const lo = ((bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7]) >>> 0;
    return hi < 0x200000 ? hi * HI + lo : (BigInt(hi) << 32n) | BigInt(lo);
  }

  /** The next `length` bytes, which are there: a view, not a copy. @param {number} length */
  take(length) {
    const from = this.at;
    this.at = from + length;
    return this.bytes.subarray(from, this.at);
  }
}

/** Appends to a buffer that grows by what is written, never by what a peer announces. */
export class Writer {
  /** @param {number} [capacity] */
  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.at = 0;
    /** @type {DataView | null} */
    this.lazyView = null;
  }

  /** A view on the buffer; taken anew after it grew. */
  get view() {
    return (this.lazyView ??= new DataView(this.bytes.buffer));
  }

  /** Makes room for `more` bytes. @param {number} more */
  reserve(more) {
    const needed = this.at + more;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.lazyView = null;
  }

  /** @param {number} byte */
  u8(byte) {
    this.reserve(1);
    this.bytes[this.at++] = byte;
  }

  /** The shortest form of `value`. @param {Varint} value */
  varint(value) {
    this.reserve(8);
    const { bytes } = this;
    let at = this.at;
    if (value < 0x40) {
      bytes[at++] = Number(value);
    } else if (value < 0x4000) {
      const low = Number(value);
      bytes[at++] = 0x40 | (low >> 8);
      bytes[at++] = low;
    } else {
      let low = Number(BigInt.asUintN(32, BigInt(value)));
      if (value < 0x40000000) {
        low |= 0x80000000;
      } else {
        const high = Number(BigInt(value) >> 32n);
        bytes[at++] = 0xc0 | (high >>> 24);
        bytes[at++] = high >>> 16;
        bytes[at++] = high >>> 8;
        bytes[at++] = high;
      }
      bytes[at++] = low >>> 24;
      bytes[at++] = low >>> 16;
      bytes[at++] = low >>> 8;
      bytes[at++] = low;
    }
    this.at = at;
  }

  /** @param {Uint8Array} bytes */
  put(bytes) {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** What was written, as a view that the next `clear` invalidates. */
  written() {
    return this.bytes.subarray(0, this.at);
  }

  /** What was written, as bytes of their own; the writer is empty afterwards. */
  finish() {
    const bytes = this.bytes.slice(0, this.at);
    this.clear();
    return bytes;
  }

  /** Forgets what was written, and a buffer that has grown large. */
  clear() {
    this.at = 0;
    if (this.bytes.length > 1 << 20) {
      this.bytes = new Uint8Array(256);
      this.lazyView = null;
    }
  }
}

/** No bytes. */
export const EMPTY = new Uint8Array(0);

const encoder = new TextEncoder();
// A byte order mark is a character like any other here.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

/** @param {string} text */
export const utf8 = (text) => encoder.encode(text);

/** Text, with U+FFFD for what is not UTF-8. @param {Uint8Array} bytes */
export const lossyText = (bytes) => lossy.decode(bytes);

/** Short text is faster without crossing into the engine's decoder. */
const SHORT = 32;

/**
 * The text in `bytes` from `at` to `end`.
 *
 * @param {Uint8Array} bytes
 * @param {number} [at]
 * @param {number} [end]
 * @returns {string}
 * @throws {TypeError} if it is not UTF-8
 */
export function text(bytes, at = 0, end = bytes.length) {
  if (end - at <= SHORT) {
    let out = '';
    for (let i = at; i < end; i++) {
      const byte = bytes[i];
      if (byte > 0x7f) return decoder.decode(bytes.subarray(at, end));
      out += String.fromCharCode(byte);
    }
    return out;
  }
  return decoder.decode(bytes.subarray(at, end));
}

/**
 * Appends `value` in UTF-8, after what `length` writes of its size in bytes.
 *
 * @param {Writer} writer
 * @param {string} value
 * @param {(writer: Writer, bytes: number) => void} length
 */
export function putText(writer, value, length) {
  const chars = value.length;
  if (chars <= SHORT) {
    let ascii = true;
    for (let i = 0; i < chars && ascii; i++) ascii = value.charCodeAt(i) < 0x80;
    if (ascii) {
      length(writer, chars);
      writer.reserve(chars);
      for (let i = 0; i < chars; i++) writer.bytes[writer.at++] = value.charCodeAt(i);
      return;
    }
  }
  const bytes = encoder.encode(value);
  length(writer, bytes.length);
  writer.put(bytes);
}

/**
 * The parts one after another.
 *
 * @param {readonly Uint8Array[]} parts
 * @param {number} total their length together
 */
export function concat(parts, total) {
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
