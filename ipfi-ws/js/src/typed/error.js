/** What a typed method fails with, of its own. @module */

/**
 * The error of a method's own: what a Rust method that answers `Result<T, E>` gave for `E`. Whatever else goes wrong with a
 * call is a {@link import('../status.js').Status}. Handlers throw it as well.
 *
 * ```js
 * try {
 *   await greeter.sum(numbers);
 * } catch (error) {
 *   if (!(error instanceof TypedError)) throw error;
 *   console.log(error.value.after);
 * }
 * ```
 *
 * @template [E=any]
 */
export class TypedError extends Error {
  /** @param {E} value */
  constructor(value) {
    super(typeof value === 'string' ? value : 'the method answers with an error of its own');
    this.name = 'TypedError';
    /** The error, as its type has it. */
    this.value = value;
  }
}

/**
 * What a caller and a callee do not have alike: the method, where in it, and what each has there.
 *
 * @typedef {{ method: string, place: string, caller: string, callee: string }} Mismatch
 */

/** Why a client and its peer do not fit together, or cannot be compared. */
export class CheckError extends Error {
  /** @param {string} message @param {readonly Mismatch[]} [mismatches] @param {unknown} [cause] */
  constructor(message, mismatches = [], cause) {
    super(message, { cause });
    this.name = 'CheckError';
    /** What does not fit; empty where nothing could be compared. */
    this.mismatches = mismatches;
  }
}
