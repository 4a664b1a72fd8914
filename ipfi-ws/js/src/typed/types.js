/**
 * What tables are made of beside the types of `ipfi/bincode`: forms of values that generated clients choose.
 *
 * @module
 */

import { bytes, option, u8, unit } from '../codec/bincode.js';
import { own } from '../codec/codec.js';

/**
 * @template T
 * @typedef {import('../codec/bincode.js').Type<T>} Type
 */

/**
 * A struct of one field without a name: its value, one level deeper (clause 9.2).
 *
 * @template T
 * @param {Type<T>} inner
 * @returns {Type<T>}
 */
export const newtype = (inner) => ({
  ...inner,
  read(guard) {
    guard.enter();
    const value = inner.read(guard);
    guard.leave();
    return value;
  },
  of: { lazy: () => inner },
});

/**
 * An option of what may be null or nothing by itself: `{ Some: value }`, or null.
 *
 * @template T
 * @param {Type<T>} inner
 * @returns {Type<{ Some: T } | null>}
 */
export const some = (inner) =>
  option({
    size: inner.size,
    write: (writer, { Some }) => inner.write(writer, Some),
    read: (guard) => ({ Some: inner.read(guard) }),
    of: { lazy: () => inner },
  });

/** @param {ArrayLike<unknown>} value @param {number} length */
function hasLength(value, length) {
  if (value.length !== length) throw new TypeError(`${length} elements are expected, not ${value.length}`);
}

/**
 * `[T; length]`.
 *
 * @template T
 * @param {Type<T>} inner
 * @param {number} length
 * @returns {Type<T[]>}
 */
export const array = (inner, length) => ({
  size: inner.size * length,
  write(writer, values) {
    hasLength(values, length);
    for (const value of values) inner.write(writer, value);
  },
  read(guard) {
    guard.enter();
    // Elements that take no bytes take memory here.
    guard.charge(length, 1);
    const values = [];
    for (let n = 0; n < length; n++) values.push(inner.read(guard));
    guard.leave();
    return values;
  },
  of: { array: [inner, length] },
});

/** `Vec<u8>`: what bytes are in bincode, too. @type {Type<Uint8Array>} */
export const octets = { ...bytes, of: { seq: u8 } };

/** `[u8; length]`. @param {number} length @returns {Type<Uint8Array>} */
export const octetArray = (length) => ({
  size: length,
  write(writer, value) {
    hasLength(value, length);
    writer.put(value);
  },
  read(guard) {
    const from = guard.take(length);
    return own(guard.bytes.subarray(from, guard.at));
  },
  of: { array: [u8, length] },
});

/** A struct without fields, which is told apart from others and from nothing. @returns {Type<undefined>} */
export const nothing = () => ({ ...unit });

/** A whole message as it is: `Raw`. @type {Type<Uint8Array>} */
export const raw = {
  size: 24,
  write(writer, value) {
    if (!(value instanceof Uint8Array)) throw new TypeError('a message as it is is a Uint8Array');
    writer.put(value);
  },
  read(guard) {
    const from = guard.take(guard.bytes.length - guard.at);
    return own(guard.bytes.subarray(from, guard.at));
  },
  of: 'raw',
};
