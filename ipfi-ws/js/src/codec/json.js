/** Codec 4: JSON. @module */

import { text, utf8 } from '../bytes.js';
import { words } from '../error.js';
import { DecodeError, Guard, schemaless } from './codec.js';

/** `JSON.rawJSON`, where the engine has it: a bigint is written by its digits. @type {(text: string) => unknown} */
const rawJson = /** @type {any} */ (JSON).rawJSON ?? Number;

/** Digits that a number may not hold exactly. */
const LONG = /\d{16}/;

/** @param {string} _ @param {unknown} value */
const replace = (_, value) => (typeof value === 'bigint' ? rawJson(String(value)) : value);

/** An integer beyond 2^53, of up to 128 bits, becomes a bigint where the engine shows its digits. @param {string} _ @param {unknown} value @param {{ source?: string }} [context] */
const revive = (_, value, context) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d{1,39}$/.test(context?.source ?? '')
    ? BigInt(/** @type {{ source: string }} */ (context).source)
    : value;

/** Nesting and the number of elements, before anything is made of them. @param {Uint8Array} bytes @param {import('./codec.js').DecodeLimits} limits */
function scan(bytes, limits) {
  const guard = new Guard(bytes, limits);
  let elements = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x22) {
      for (at++; at < bytes.length && bytes[at] !== 0x22; at++) if (bytes[at] === 0x5c) at++;
    } else if (byte === 0x2c || byte === 0x3a) {
      elements++;
    } else if (byte === 0x5b || byte === 0x7b) {
      elements++;
      guard.enter();
    } else if (byte === 0x5d || byte === 0x7d) {
      guard.leave();
    }
  }
  guard.charge(elements);
}

/** JSON: values as `JSON.stringify` has them, integers beyond 2^53 as bigints. */
export const json = schemaless(
  4,
  'JSON',
  (writer, value) => {
    writer.put(utf8(JSON.stringify(value, replace) ?? 'null'));
  },
  (bytes, limits) => {
    scan(bytes, limits);
    try {
      const source = text(bytes);
      return JSON.parse(source, LONG.test(source) ? revive : undefined);
    } catch (error) {
      throw new DecodeError('decode', words(error));
    }
  },
);
