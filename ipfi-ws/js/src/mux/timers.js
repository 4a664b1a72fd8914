/**
 * The deadlines of a connection: handshake, silence, ping, a peer that takes nothing.
 *
 * Two idle timers: the draft's restarts with each record that was received or sent and uses the negotiated time; ours
 * counts received records only, since a peer that is gone can still swallow megabytes of what is sent to it.
 *
 * @module
 */

/** @typedef {import('../limits.js').Limits} Limits */

export class Timers {
  /** @param {Limits} limits @param {number} now */
  constructor(limits, now) {
    this.limits = limits;
    this.started = now;
    this.received = now;
    this.sent = now;
    /** Since when the transport takes nothing of what it was given; -1 while nothing waits. */
    this.stalled = -1;
    this.pinged = false;
    this.handshaken = false;
    this.negotiated = limits.idle_timeout_ms;
    this.ping = limits.ping_interval_ms;
  }

  /** The peer's parameters came (RFC 9000 section 10.1: the smaller idle timeout counts, 0 is none). @param {number} theirs */
  establish(theirs) {
    this.handshaken = true;
    const ours = this.negotiated;
    this.negotiated = ours && theirs ? Math.min(ours, theirs) : ours || theirs;
    // A peer that gives up sooner than we ping is to be kept awake (RFC 9000 section 10.1.2).
    if (this.ping && this.negotiated) this.ping = Math.min(this.ping, this.negotiated / 2);
  }

  /** This side stood still until `now`: every clock starts anew. @param {number} now */
  resume(now) {
    this.started = this.received = this.sent = now;
    if (this.stalled >= 0) this.stalled = now;
    this.pinged = false;
  }

  /** When something is due next, and what: a reason to end before a reason to ping. @returns {[number, string]} */
  next() {
    const { limits, received } = this;
    /** @type {[number, string]} */
    let first = [Infinity, ''];
    /** @type {(at: number, what: string) => void} */
    const due = (at, what) => {
      if (at < first[0]) first = [at, what];
    };
    if (this.stalled >= 0) due(this.stalled + limits.write_stall_timeout_ms, 'stall');
    if (!this.handshaken) {
      due(this.started + limits.handshake_timeout_ms, 'handshake');
      return first;
    }
    if (limits.idle_timeout_ms) due(received + limits.idle_timeout_ms, 'idle');
    if (this.negotiated) due(Math.max(received, this.sent) + this.negotiated, 'idle');
    if (this.ping && !this.pinged) due(received + this.ping, 'ping');
    return first;
  }
}
