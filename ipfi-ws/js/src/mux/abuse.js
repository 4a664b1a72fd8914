/**
 * The abuse budget: tokens that costly or useless frames spend and useful work earns back (`docs/protocol.md` 13.4, 13.5).
 *
 * | event | tokens |
 * |---|--:|
 * | a ping; a run of PADDING; an empty STREAM frame without FIN; an empty datagram that is dropped | -1 |
 * | a MAX_* that raises nothing; a BLOCKED that is untrue or repeated; a frame for a stream that is closed | -1 |
 * | RESET_STREAM or STOP_SENDING of the peer's stream before a byte was sent on it | -2, and 1 back when it is let go |
 * | the same once it was open for 100 ms | 0 |
 * | 1024 bytes of useful payload, either way | +1 |
 * | a stream that ends otherwise, whoever opened it | +8 |
 * | a tenth of a second | +1 |
 *
 * Another of the kind is kept above the carrier, for handlers that run in vain (`call/callee.js`).
 *
 * Each flood that has a CVE consists of frames that are legal one by one; one budget for all of them needs no limit for
 * each and does not hurt honest traffic, which earns.
 *
 * @module
 */

import { TransportCode } from '../close_code.js';
import { Violation } from '../error.js';

/** What the peer pays for giving a stream up before it got anything; half comes back when the stream is let go. */
export const GIVEN_UP = 2;
/** What a stream earns that was not given up. */
export const COMPLETED = 8;
/** Giving a stream up is free once it was open for so long. */
export const LONG_RUN_MS = 100;

const MS_PER_TOKEN = 100;

export class AbuseBudget {
  /** @param {number} limit @param {number} now */
  constructor(limit, now) {
    this.limit = limit;
    this.tokens = limit;
    this.refilled = now;
    this.bytes = 0;
  }

  /** @param {number} tokens @param {string} what @throws {Violation} when none are left */
  spend(tokens, what) {
    this.tokens -= tokens;
    if (this.tokens > 0) return;
    const text = `enhance your calm: too much that costs work and brings nothing, the last ${what} `;
    throw new Violation(TransportCode.PROTOCOL_VIOLATION, `${text}(abuse_budget = ${this.limit})`);
  }

  /** @param {number} tokens */
  earn(tokens) {
    this.tokens = Math.min(this.limit, this.tokens + tokens);
  }

  /** Useful payload came or left. @param {number} bytes */
  payload(bytes) {
    this.bytes += bytes;
    if (this.bytes >= 1024) {
      this.earn(Math.floor(this.bytes / 1024));
      this.bytes %= 1024;
    }
  }

  /** @param {number} now */
  time(now) {
    const tokens = Math.floor((now - this.refilled) / MS_PER_TOKEN);
    if (tokens <= 0) return;
    this.earn(tokens);
    this.refilled += tokens * MS_PER_TOKEN;
  }
}
