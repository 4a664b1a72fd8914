/**
 * One queue for all deadlines of a connection, with one timer: a call that is answered in time costs two moves in a heap
 * and no timer of its own.
 *
 * @module
 */

/**
 * Where time comes from, in milliseconds. Tests put their own in its place.
 *
 * @typedef {object} Runtime
 * @property {() => number} now
 * @property {(callback: () => void, ms: number) => unknown} setTimer
 * @property {(timer: unknown) => void} clearTimer
 */

/** The clock of the machine, which does not go backwards. @type {Runtime} */
export const systemRuntime = {
  now: () => performance.now(),
  // Timers hold 31 bits; what is later is asked for again.
  setTimer: (callback, ms) => setTimeout(callback, Math.min(ms, 0x7fffffff)),
  clearTimer: (timer) => clearTimeout(/** @type {any} */ (timer)),
};

/** @typedef {{ at: number, slot: number, passed: () => void }} Deadline */

export class Deadlines {
  /** @param {Runtime} runtime */
  constructor(runtime) {
    this.runtime = runtime;
    /** A heap, the earliest first; each knows its slot. @type {Deadline[]} */
    this.heap = [];
    /** When the timer is set for. */
    this.armed = Infinity;
    /** @type {unknown} */
    this.timer = null;
  }

  /** Calls `passed` at `at`, unless it is removed before. @param {number} at @param {() => void} passed @returns {Deadline} */
  add(at, passed) {
    return this.put({ at, slot: -1, passed });
  }

  /** The same for one who keeps its own place. @param {Deadline} deadline @returns {Deadline} */
  put(deadline) {
    deadline.slot = this.heap.length;
    this.heap.push(deadline);
    this.up(deadline);
    if (deadline.at < this.armed) this.arm(deadline.at);
    return deadline;
  }

  /** @param {Deadline | null} deadline */
  remove(deadline) {
    if (!deadline || deadline.slot < 0) return;
    const { slot } = deadline;
    deadline.slot = -1;
    const last = /** @type {Deadline} */ (this.heap.pop());
    if (last === deadline) return;
    this.heap[slot] = last;
    last.slot = slot;
    this.up(last);
    this.down(last);
  }

  /** Nothing passes any more. */
  clear() {
    for (const deadline of this.heap) deadline.slot = -1;
    this.heap = [];
    this.runtime.clearTimer(this.timer);
    this.armed = Infinity;
  }

  /** @param {number} at */
  arm(at) {
    const { runtime } = this;
    if (this.armed < Infinity) runtime.clearTimer(this.timer);
    this.armed = at;
    this.timer = runtime.setTimer(() => this.fire(), Math.max(0, Math.ceil(at - runtime.now())));
  }

  fire() {
    this.armed = Infinity;
    const now = this.runtime.now();
    while (this.heap.length > 0 && this.heap[0].at <= now) {
      const first = this.heap[0];
      this.remove(first);
      first.passed();
    }
    if (this.heap.length > 0 && this.heap[0].at < this.armed) this.arm(this.heap[0].at);
  }

  /** @param {Deadline} deadline */
  up(deadline) {
    const { heap } = this;
    let { slot } = deadline;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (heap[parent].at <= deadline.at) break;
      heap[slot] = heap[parent];
      heap[slot].slot = slot;
      slot = parent;
    }
    heap[slot] = deadline;
    deadline.slot = slot;
  }

  /** @param {Deadline} deadline */
  down(deadline) {
    const { heap } = this;
    let { slot } = deadline;
    for (;;) {
      let child = slot * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++;
      if (heap[child].at >= deadline.at) break;
      heap[slot] = heap[child];
      heap[slot].slot = slot;
      slot = child;
    }
    heap[slot] = deadline;
    deadline.slot = slot;
  }
}
