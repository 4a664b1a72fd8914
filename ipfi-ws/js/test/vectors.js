// The golden bytes of `docs/vectors/`, which every language reads.
import { readFileSync } from 'node:fs';

/** @param {string} name */
export const vectors = (name) =>
  JSON.parse(readFileSync(new URL(`../../../docs/vectors/${name}.json`, import.meta.url), 'utf8'));

/** @param {string} text */
export const hex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** @param {Uint8Array} bytes */
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** An integer as the vectors write it. @param {number | bigint | null} value */
export const integer = (value) =>
  typeof value === 'bigint' ? value.toString() : typeof value === 'number' && value > 2 ** 53 - 1 ? String(value) : value;
