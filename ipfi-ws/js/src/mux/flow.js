/**
 * Credit: how many bytes may be sent, on a stream and on the connection (RFC 9000 section 4).
 *
 * Limits are absolute offsets, so that they can be merged and repeated safely. **The connection window covers every
 * stream window**: streams that nobody reads must not take the credit of those that are read (hyper#2899). So
 * {@link ConnectionCredit} keeps what it has *committed*: the bytes that streams were granted and have not received, and
 * the first windows of streams that the peer may still open. Always
 *
 * ```text
 * max(granted, released + window) - received  >=  committed
 * ```
 *
 * that is, sending MAX_DATA, which goes out before any stream's frame, always suffices. Credit is returned when the
 * application reads, or when bytes are thrown away, once a quarter of the window is newly free, and on a stream never
 * after its final size is known.
 *
 * @module
 */

import { TransportCode } from '../close_code.js';
import { Violation } from '../error.js';

/** @typedef {import('../bytes.js').Varint} Varint */

/** @param {string} what @returns {never} */
function exceeded(what) {
  throw new Violation(TransportCode.FLOW_CONTROL_ERROR, what);
}

/** Credit that the peer granted us, on a stream or on the connection. */
export class SendCredit {
  /** @param {number} max */
  constructor(max) {
    this.max = max;
    /** Bytes that have left; charged only then (h2#863). */
    this.sent = 0;
    /** The limit that the peer was last told to be blocking us. */
    this.told = -1;
  }

  /** Bytes that may leave now. */
  get available() {
    return this.max - this.sent;
  }

  /** The peer's limit is now `max`: false where that is no news (RFC 9000 section 4.1). @param {number} max */
  raise(max) {
    if (max <= this.max) return false;
    this.max = max;
    return true;
  }

  /** Whether the peer is to be told that its limit blocks us: once for each limit. */
  get blocked() {
    return this.max === this.sent && this.told !== this.max;
  }
}

/** Credit that we grant the peer on one stream. */
export class StreamCredit {
  /** @param {number} window */
  constructor(window) {
    /** Bytes that came, read or not: the offset of the next, and in the end the final size. */
    this.received = 0;
    this.granted = window;
    this.window = window;
    this.initial = window;
    /** The largest limit at which the peer said, truly, to be blocked: one doubling for each. */
    this.blockedAt = -1;
    this.wantsGrowth = false;
  }

  /** @param {Varint} end @param {number} id */
  check(end, id) {
    if (end > this.granted) exceeded(`stream ${id}: bytes up to offset ${end}, limit ${this.granted}`);
  }

  /** @param {number} unread */
  wantsUpdate(unread) {
    const fresh = this.received - unread + this.window - this.granted;
    return fresh > 0 && fresh >= this.window / 4;
  }

  /** Grants what is free, and says by how much the limit rose. @param {number} unread */
  grant(unread) {
    const rise = Math.max(0, this.received - unread + this.window - this.granted);
    this.granted += rise;
    return rise;
  }

  /**
   * The peer says that it is blocked at `limit`. On an ordered pipe that is true exactly when everything up to the limit
   * has come; a lie would have to be paid for in bytes.
   *
   * @param {Varint} limit
   */
  isHonestlyBlocked(limit) {
    if (limit !== this.received || limit <= this.blockedAt) return false;
    this.blockedAt = this.received;
    return (this.wantsGrowth = true);
  }

  /**
   * Doubles the window, within what `pool` has, if the peer is blocked by it and the application keeps up (has at most a
   * quarter unread): without a clock, so also in tests and in tabs whose timers are held back.
   *
   * @param {number} unread
   * @param {number} max
   * @param {{ pool: number }} connection
   */
  grow(unread, max, connection) {
    if (!this.wantsGrowth || unread > this.window / 4) return;
    this.wantsGrowth = false;
    const more = Math.min(this.window, max - this.window, connection.pool);
    connection.pool -= more;
    this.window += more;
  }
}

/** Credit that we grant the peer on the whole connection. */
export class ConnectionCredit {
  /** @param {number} window @param {number} committed @param {number} pool */
  constructor(window, committed, pool) {
    this.received = 0;
    this.released = 0;
    this.granted = window;
    this.window = window;
    this.committed = committed;
    /** Bytes that stream windows may still grow by. */
    this.pool = pool;
  }

  /** @param {number} count */
  check(count) {
    if (count > this.granted - this.received) {
      exceeded(`${this.received + count} bytes on the connection, limit ${this.granted}`);
    }
  }

  /** Takes note of bytes that were committed. @param {number} count */
  receive(count) {
    this.received += count;
    this.committed -= count;
  }

  /** Whether MAX_DATA is due: a quarter is newly free, or streams are not covered without it. */
  get wantsUpdate() {
    const fresh = this.released + this.window - this.granted;
    return fresh > 0 && (fresh >= this.window / 4 || this.granted - this.received < this.committed);
  }

  /** The new limit. */
  grant() {
    return (this.granted = Math.max(this.granted, this.released + this.window));
  }

  /** What must always hold, for tests. */
  get holds() {
    const offer = Math.max(this.granted, this.released + this.window);
    return (
      this.released <= this.received && this.received <= this.granted && offer - this.received >= this.committed
    );
  }
}
