/** Codec 3: MessagePack, structs as named maps. @module */

import { putText, text } from '../bytes.js';
import { DecodeError, Guard, own, schemaless } from './codec.js';

/** @typedef {import('../bytes.js').Writer} Writer */

/** How deep what is sent may nest: a cycle ends here, with an error, and not on the stack. */
const MAX_DEPTH = 256;

/** Appends a marker for up to 8, 16 and 32 bits of length. @param {Writer} writer @param {number} length @param {number} m8 none if 0 @param {number} m16 @param {number} m32 */
function putLength(writer, length, m8, m16, m32) {
  writer.reserve(5);
  const { bytes } = writer;
  if (m8 && length < 0x100) {
    bytes[writer.at++] = m8;
  } else {
    if (length < 0x10000) {
      bytes[writer.at++] = m16;
    } else {
      bytes[writer.at++] = m32;
      bytes[writer.at++] = length >>> 24;
      bytes[writer.at++] = length >>> 16;
    }
    bytes[writer.at++] = length >>> 8;
  }
  bytes[writer.at++] = length;
}

/** @param {Writer} writer @param {number} length */
function textLength(writer, length) {
  if (length < 32) writer.u8(0xa0 | length);
  else putLength(writer, length, 0xd9, 0xda, 0xdb);
}

/** @param {Writer} writer @param {number} length @param {number} fix @param {number} m16 */
function countOf(writer, length, fix, m16) {
  if (length < 16) writer.u8(fix | length);
  else putLength(writer, length, 0, m16, m16 + 1);
}

/** Makes room for `size` bytes behind a marker, and says where it is. @param {Writer} writer @param {number} marker @param {number} size */
function behind(writer, marker, size) {
  writer.u8(marker);
  writer.reserve(size);
  return (writer.at += size) - size;
}

/** The shortest integer that holds a safe one. @param {Writer} writer @param {number} value @returns {void} */
function putInteger(writer, value) {
  if (value >= -32 && value < 0x80) return writer.u8(value);
  if (value < -0x80000000 || value > 0xffffffff) return putBigint(writer, BigInt(value));
  if (value >= 0) return putLength(writer, value, 0xcc, 0xcd, 0xce);
  const size = value >= -0x80 ? 1 : value >= -0x8000 ? 2 : 4;
  const at = behind(writer, 0xd0 + (size >> 1), size);
  for (let n = size; n-- > 0; value >>= 8) writer.bytes[at + n] = value;
}

/** @param {Writer} writer @param {bigint} value @returns {void} */
function putBigint(writer, value) {
  if (value >= -0x80000000n && value <= 0xffffffffn) return putInteger(writer, Number(value));
  /** @param {number} at @param {bigint} part */
  const put = (at, part) => writer.view.setBigUint64(at, BigInt.asUintN(64, part));
  /** @param {number} bits */
  const fits = (bits) => BigInt.asUintN(bits, value) === value || BigInt.asIntN(bits, value) === value;
  if (fits(64)) return put(behind(writer, value < 0n ? 0xd3 : 0xcf, 8), value);
  if (!fits(128)) throw new RangeError(`${value} does not fit 128 bits`);
  // An integer of 128 bits is `bin` of 16 bytes, big-endian (clause 9.3).
  const at = behind(writer, 0xc4, 17);
  writer.bytes[at] = 16;
  put(at + 1, value >> 64n);
  put(at + 9, value);
}

/** @param {Writer} writer @param {unknown} value @param {number} [depth] @returns {void} */
function encode(writer, value, depth = 0) {
  switch (typeof value) {
    case 'string':
      return putText(writer, value, textLength);
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) return putInteger(writer, value);
      const at = behind(writer, 0xcb, 8);
      return writer.view.setFloat64(at, value);
    case 'boolean':
      return writer.u8(value ? 0xc3 : 0xc2);
    case 'bigint':
      return putBigint(writer, value);
    case 'undefined':
      return writer.u8(0xc0);
    case 'object':
      return value === null ? writer.u8(0xc0) : encodeObject(writer, value, depth + 1);
  }
  throw new TypeError(`MessagePack has no ${typeof value}`);
}

/** @param {Writer} writer @param {object} value @param {number} depth @returns {void} */
function encodeObject(writer, value, depth) {
  if (depth > MAX_DEPTH) throw new RangeError(`a value deeper than ${MAX_DEPTH}, or in itself`);
  if (Array.isArray(value)) {
    countOf(writer, value.length, 0x90, 0xdc);
    for (let i = 0; i < value.length; i++) encode(writer, value[i], depth);
  } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    putLength(writer, bytes.length, 0xc4, 0xc5, 0xc6);
    writer.put(bytes);
  } else if (value instanceof Map) {
    countOf(writer, value.size, 0x80, 0xde);
    for (const [key, entry] of value) {
      encode(writer, key, depth);
      encode(writer, entry, depth);
    }
  } else if (Symbol.iterator in value) {
    encodeObject(writer, [.../** @type {Iterable<unknown>} */ (value)], depth);
  } else {
    if (typeof (/** @type {any} */ (value).toJSON) === 'function') {
      return encode(writer, /** @type {any} */ (value).toJSON(), depth);
    }
    const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
    countOf(writer, entries.length, 0x80, 0xde);
    for (const [key, entry] of entries) {
      putText(writer, key, textLength);
      encode(writer, entry, depth);
    }
  }
}

/** @param {Guard} guard @param {number} from @param {number} length */
function decodeText(guard, from, length) {
  try {
    return text(guard.bytes, from, from + length);
  } catch {
    throw new DecodeError('decode', 'text that is not UTF-8');
  }
}

/** @param {Guard} guard @param {number} width bytes of the length */
function lengthOf(guard, width) {
  const from = guard.take(width);
  const { bytes } = guard;
  let length = bytes[from];
  for (let at = from + 1; at < guard.at; at++) length = length * 256 + bytes[at];
  return length;
}

/** A number where it is exact. @param {bigint} value */
const narrow = (value) =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

/** @param {Guard} guard @returns {unknown} */
function decode(guard) {
  const { bytes } = guard;
  const marker = bytes[guard.take(1)];
  if (marker < 0x80) return marker;
  if (marker >= 0xe0) return marker - 0x100;
  if (marker < 0x90) return decodeMap(guard, marker & 0x0f);
  if (marker < 0xa0) return decodeArray(guard, marker & 0x0f);
  if (marker < 0xc0) return decodeText(guard, guard.take(marker & 0x1f), marker & 0x1f);
  switch (marker) {
    case 0xc0:
      return null;
    case 0xc2:
    case 0xc3:
      return marker === 0xc3;
    case 0xc4:
    case 0xc5:
    case 0xc6: {
      const from = guard.take(lengthOf(guard, 1 << (marker - 0xc4)));
      return own(bytes.subarray(from, guard.at));
    }
    case 0xca:
      return guard.view.getFloat32(guard.take(4));
    case 0xcb:
      return guard.view.getFloat64(guard.take(8));
    case 0xcc:
    case 0xcd:
    case 0xce:
      return lengthOf(guard, 1 << (marker - 0xcc));
    case 0xcf:
      return narrow(guard.view.getBigUint64(guard.take(8)));
    case 0xd0:
      return guard.view.getInt8(guard.take(1));
    case 0xd1:
      return guard.view.getInt16(guard.take(2));
    case 0xd2:
      return guard.view.getInt32(guard.take(4));
    case 0xd3:
      return narrow(guard.view.getBigInt64(guard.take(8)));
    case 0xd9:
    case 0xda:
    case 0xdb: {
      const length = lengthOf(guard, 1 << (marker - 0xd9));
      return decodeText(guard, guard.take(length), length);
    }
    case 0xdc:
    case 0xdd:
      return decodeArray(guard, lengthOf(guard, marker === 0xdc ? 2 : 4));
    case 0xde:
    case 0xdf:
      return decodeMap(guard, lengthOf(guard, marker === 0xde ? 2 : 4));
  }
  throw new DecodeError('decode', `the MessagePack marker 0x${marker.toString(16)}, which has no meaning here`);
}

/** @param {Guard} guard @param {number} count */
function decodeArray(guard, count) {
  guard.charge(count);
  guard.enter();
  const array = [];
  for (let i = 0; i < count; i++) array.push(decode(guard));
  guard.leave();
  return array;
}

/** An object where every key is text, else a Map. @param {Guard} guard @param {number} count */
function decodeMap(guard, count) {
  guard.charge(count * 2);
  guard.enter();
  /** @type {Record<string, unknown>} */
  const object = {};
  /** @type {Map<unknown, unknown> | null} */
  let map = null;
  for (let i = 0; i < count; i++) {
    const key = decode(guard);
    const value = decode(guard);
    if (!map && typeof key !== 'string') map = new Map(Object.entries(object));
    if (map) map.set(key, value);
    else if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
    else object[/** @type {string} */ (key)] = value;
  }
  guard.leave();
  return map ?? object;
}

/**
 * MessagePack: values without a schema. Integers are numbers where those are exact, else bigints; bytes are Uint8Array;
 * a map is an object where all its keys are text, else a Map.
 */
export const messagepack = schemaless(3, 'MessagePack', encode, (bytes, limits) => {
  const guard = new Guard(bytes, limits);
  const value = decode(guard);
  guard.finish();
  return value;
});
