/**
 * Why a call failed, and whose doing it was: gRPC's codes, `docs/protocol.md` section 6.
 *
 * @module
 */

import { EMPTY } from './bytes.js';

/** Codes by their numbers; 0 is OK, which no status has (clause 6.1). */
export const CODES = /** @type {const} */ ([
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]);

/**
 * @typedef {Exclude<(typeof CODES)[number], 'OK'>} Code
 *
 * A limit that was reached: its name, its value, and what would have passed it.
 * @typedef {{ name: string, value: number | bigint, seen: number | bigint }} LimitSeen
 *
 * @typedef {object} StatusInit
 * @property {'caller' | 'callee'} [side] which side made it
 * @property {Uint8Array} [details] the application's bytes
 * @property {LimitSeen | null} [limit] the limit that was reached
 * @property {boolean} [neverStarted] the call has certainly not run, and may be made again
 * @property {string} [rule] the rule of the protocol that was broken, by its name there
 * @property {unknown} [cause]
 */

/**
 * How a call failed. Handlers throw it to say how theirs did; anything else that they throw is INTERNAL to the caller, and
 * its text stays here.
 */
export class Status extends Error {
  /**
   * @param {Code} code
   * @param {string} [text]
   * @param {StatusInit} [init]
   */
  constructor(code, text = '', init = {}) {
    const { limit = null } = init;
    super(`${code}${text && `: ${text}`}${limit ? ` (${limit.seen} seen, limit ${limit.name} = ${limit.value})` : ''}`, {
      cause: init.cause,
    });
    this.name = 'Status';
    /** The code, by its name in gRPC. */
    this.code = code;
    /** The text that came with it, without code and limit. */
    this.text = text;
    /** Which side made it. */
    this.side = init.side ?? 'callee';
    /** The application's bytes. */
    this.details = init.details ?? EMPTY;
    /** The limit that was reached. */
    this.limit = limit;
    /** The call has certainly not run, and may be made again, on another connection if this one is ending. */
    this.neverStarted = init.neverStarted ?? false;
    /** The rule of the protocol that was broken. */
    this.rule = init.rule ?? '';
  }
}

/** A status of this side, when it is the caller. @param {Code} code @param {string} text @param {StatusInit} [init] */
export const callerStatus = (code, text, init) => new Status(code, text, { ...init, side: 'caller' });
