/**
 * Which stream's bytes leave next.
 *
 * Priorities are strict bands (higher first). Within a band there is a *fresh* list and a *ring*, after the sparse-flow
 * rule of fq_codel (RFC 8290 section 4.1): a stream's first quantum goes before the ring, so that a small call waits for
 * other small calls and not for bulk; one stream of the ring is served after every 16 fresh ones, so that bulk never
 * starves. A stream is fresh again once the connection has sent 16 quanta since it last had something to send.
 *
 * @module
 */

/** Bytes that a stream sends in one turn. */
export const QUANTUM = 16 * 1024;
const FRESH_PER_RING = 16;
const REFRESH_BYTES = 16 * QUANTUM;

/**
 * What the schedule keeps in each stream.
 *
 * @typedef {object} Turn
 * @property {number} priority
 * @property {List | null} list where it is
 * @property {Turn | null} prev
 * @property {Turn | null} next
 * @property {number} allowance bytes left of this turn
 * @property {number} awaySince what the connection had sent when it was last away; -1 for never served
 */

/** A doubly linked list threaded through the streams. */
class List {
  constructor() {
    /** @type {Turn | null} */
    this.head = null;
    /** @type {Turn | null} */
    this.tail = null;
  }

  /** @param {Turn} turn */
  push(turn) {
    turn.list = this;
    turn.prev = this.tail;
    turn.next = null;
    if (this.tail) this.tail.next = turn;
    else this.head = turn;
    this.tail = turn;
  }

  /** @param {Turn} turn */
  remove(turn) {
    if (turn.prev) turn.prev.next = turn.next;
    else this.head = turn.next;
    if (turn.next) turn.next.prev = turn.prev;
    else this.tail = turn.prev;
    turn.list = turn.prev = turn.next = null;
  }
}

class Band {
  /** @param {number} priority */
  constructor(priority) {
    this.priority = priority;
    this.fresh = new List();
    this.ring = new List();
    this.served = 0;
  }

  /** @returns {Turn | null} */
  first() {
    const { fresh, ring } = this;
    return this.served >= FRESH_PER_RING && ring.head ? ring.head : (fresh.head ?? ring.head);
  }
}

export class Schedule {
  constructor() {
    /** Bands with streams, the highest priority first. @type {Band[]} */
    this.bands = [];
    /** Bytes that left, all streams together. */
    this.sent = 0;
  }

  /** Whether nobody has anything to send. */
  get empty() {
    return this.bands.length === 0;
  }

  /** Whose turn it is. @returns {Turn | null} */
  first() {
    return this.bands.length === 0 ? null : this.bands[0].first();
  }

  /** `turn` has something to send and may. Does nothing if it is known. @param {Turn} turn */
  add(turn) {
    if (turn.list) return;
    const band = this.band(turn.priority);
    const fresh = turn.awaySince < 0 || this.sent - turn.awaySince >= REFRESH_BYTES;
    if (fresh || turn.allowance <= 0) turn.allowance = QUANTUM;
    (fresh ? band.fresh : band.ring).push(turn);
  }

  /** `turn` has nothing to send, or may not. @param {Turn} turn */
  remove(turn) {
    if (!turn.list) return;
    const at = this.bands.findIndex((band) => band.priority === turn.priority);
    const band = this.bands[at];
    turn.list.remove(turn);
    turn.awaySince = this.sent;
    if (!band.fresh.head && !band.ring.head) this.bands.splice(at, 1);
  }

  /** `turn`, whose turn it was, sent `count` bytes; it has more to send and may if `more`. @param {Turn} turn @param {number} count @param {boolean} more */
  charge(turn, count, more) {
    this.sent += count;
    turn.allowance -= count;
    const band = this.bands[0];
    if (turn.list === band.fresh) band.served++;
    else band.served = 0;
    if (!more) return this.remove(turn);
    if (turn.allowance > 0) return;
    turn.allowance = QUANTUM;
    turn.list?.remove(turn);
    band.ring.push(turn);
  }

  /** @param {Turn} turn @param {number} priority */
  setPriority(turn, priority) {
    const waits = turn.list !== null;
    this.remove(turn);
    turn.priority = priority;
    if (waits) this.add(turn);
  }

  /** @param {number} priority @returns {Band} */
  band(priority) {
    const { bands } = this;
    let at = 0;
    while (at < bands.length && bands[at].priority > priority) at++;
    if (at === bands.length || bands[at].priority !== priority) bands.splice(at, 0, new Band(priority));
    return bands[at];
  }
}
