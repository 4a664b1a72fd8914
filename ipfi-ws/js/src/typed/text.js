/**
 * Types that are text for people and something else in bincode: strings here, exactly as Rust prints them.
 *
 * @module
 */

import { bytes, enumeration } from '../codec/bincode.js';
import { DecodeError } from '../codec/codec.js';
import { octetArray } from './types.js';

/**
 * @template T
 * @typedef {import('../codec/bincode.js').Type<T>} Type
 */

/**
 * A type whose values are text here, and `binary` in bytes.
 *
 * @template T
 * @param {Type<T>} binary
 * @param {(text: string) => T} parse
 * @param {(value: T) => string} print
 * @returns {Type<string>}
 */
const textOf = (binary, parse, print) => ({
  size: binary.size,
  write: (writer, text) => binary.write(writer, parse(text)),
  read: (guard) => print(binary.read(guard)),
  of: binary.of,
});

/** @param {string} text @param {string} what @returns {never} */
function isNo(text, what) {
  throw new TypeError(`${JSON.stringify(text)} is no ${what}`);
}

/** @param {number} byte @param {number} radix @param {number} digits */
const digits = (byte, radix, digits) => byte.toString(radix).padStart(digits, '0');

/** `67e55044-10b1-426f-9247-bb680e5fe0c8`. */
export const uuid = textOf(
  bytes,
  (text) => {
    if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)) isNo(text, 'UUID');
    return Uint8Array.from(/** @type {string[]} */ (text.replaceAll('-', '').match(/../g)), (pair) => parseInt(pair, 16));
  },
  (value) => {
    if (value.length !== 16) throw new DecodeError('decode', `a UUID of ${value.length} bytes`);
    return [...value].map((byte) => digits(byte, 16, 2)).join('').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  },
);

/** @param {string} text @returns {number[] | null} */
function parseV4(text) {
  const parts = text.split('.');
  const valid = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return valid ? parts.map(Number) : null;
}

/** @param {string} text @returns {number[] | null} */
function parseV6(text) {
  // The last four bytes may be written as an address of IPv4.
  const dotted = text.includes('.') ? text.lastIndexOf(':') + 1 : -1;
  const four = dotted > 0 ? parseV4(text.slice(dotted)) : null;
  if (dotted >= 0 && !four) return null;
  if (four) text = `${text.slice(0, dotted)}${(four[0] * 256 + four[1]).toString(16)}:${(four[2] * 256 + four[3]).toString(16)}`;
  const [head, tail, ...more] = text.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const groups = [...head, ...(tail ?? [])];
  const missing = 8 - groups.length;
  if (more.length > 0 || (tail ? missing < 1 : missing !== 0) || groups.some((group) => !/^[\da-f]{1,4}$/i.test(group))) return null;
  const all = [...head, ...Array(missing).fill('0'), ...(tail ?? [])].map((group) => parseInt(group, 16));
  return all.flatMap((group) => [group >> 8, group & 255]);
}

/** @param {Uint8Array} value */
const printV4 = (value) => value.join('.');

/** The longest run of two zeros and more is `::`, the first of them (RFC 5952). @param {Uint8Array} value */
function printV6(value) {
  const groups = Array.from({ length: 8 }, (_, n) => value[2 * n] * 256 + value[2 * n + 1]);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return `::ffff:${printV4(value.subarray(12))}`;
  let [from, length] = [0, 0];
  for (let n = 0; n < 8; n++) {
    let end = n;
    while (groups[end] === 0) end++;
    if (end - n > length) [from, length] = [n, end - n];
  }
  const text = (/** @type {number[]} */ part) => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`;
}

/** @param {(text: string) => number[] | null} parse @param {string} what @returns {(text: string) => Uint8Array} */
const orThrow = (parse, what) => (text) => Uint8Array.from(parse(text) ?? isNo(text, what));

/** `192.0.2.1`. */
export const ipv4 = textOf(octetArray(4), orThrow(parseV4, 'address of IPv4'), printV4);

/** `2001:db8::1`. */
export const ipv6 = textOf(octetArray(16), orThrow(parseV6, 'address of IPv6'), printV6);

/** Either of them. */
export const ip = textOf(
  enumeration({ V4: octetArray(4), V6: octetArray(16) }),
  (text) => {
    const v4 = parseV4(text);
    return v4 ? { V4: Uint8Array.from(v4) } : { V6: orThrow(parseV6, 'address')(text) };
  },
  ({ V4, V6 }) => (V4 ? printV4(V4) : printV6(V6)),
);
