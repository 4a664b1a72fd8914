/**
 * Compares a client with what its peer serves, before the first call: clauses 15.2 and 15.4. Loaded by whoever does.
 *
 * @module
 */

import { compatible } from './compatible.js';
import { describe } from './description.js';
import { CheckError } from './error.js';

/**
 * @typedef {import('./error.js').Mismatch} Mismatch
 * @typedef {import('./description.js').Description} Description
 */

/** The procedure that answers with what is served (clause 15.2). */
const REFLECTION = 2 ** 30 + 1;

/** One line, whatever names the peer gives its types. @param {string} text */
const oneLine = (text) =>
  text.replace(/[\p{Cc}]/gu, (character) => `\\u{${/** @type {number} */ (character.codePointAt(0)).toString(16)}}`);

/** @param {Mismatch} mismatch */
const print = ({ method, place, caller, callee }) =>
  oneLine(`${method}${place && `, ${place}`}: the caller has ${caller}, the callee ${callee}`);

/**
 * @param {import('../wire.js').Wire} wire
 * @param {import('./method.js').Typed<any>} typed
 * @throws {CheckError}
 */
export async function check(wire, typed) {
  const incomparable = (/** @type {unknown} */ cause) =>
    new CheckError(`what the peer serves cannot be compared: ${/** @type {any} */ (cause)?.message}`, [], cause);
  /** @type {Description[]} */
  const served = await wire.call(REFLECTION).catch((status) => Promise.reject(incomparable(status)));
  const expected = describe(typed);
  /** @type {Mismatch[]} */
  let mismatches;
  try {
    const callee = served.find(({ name }) => name === expected.name);
    if (!callee) {
      const others = served.map(({ name }) => name).join(', ');
      throw new CheckError(oneLine(`the peer does not serve ${expected.name}, but ${others}`));
    }
    mismatches = compatible(expected, callee);
  } catch (error) {
    // What came need not be a description.
    throw error instanceof CheckError ? error : incomparable(error);
  }
  if (mismatches.length > 0) {
    throw new CheckError(`the peer serves another version: ${mismatches.map(print).join('; ')}`, mismatches);
  }
}
