/**
 * Two ends in memory under a clock that a test moves: minutes of protocol time run in milliseconds, each time alike.
 *
 * ```js
 * const { client, server, clock } = await pair({ interface: offered });
 * const late = client.call(5, [60_000], { timeout: 100 });
 * await clock.advance(100);
 * ```
 *
 * @module
 */

import { MuxSession } from './mux/session.js';
import { Wire } from './wire.js';

/** Time that stands still until it is moved. @implements {Runtime} */
export class Clock {
  constructor() {
    this.time = 0;
    /** @type {{ at: number, callback: () => void }[]} */
    this.timers = [];
    this.now = () => this.time;
  }

  /** @param {() => void} callback @param {number} ms */
  setTimer(callback, ms) {
    const timer = { at: this.time + ms, callback };
    this.timers.push(timer);
    return timer;
  }

  /** @param {unknown} timer */
  clearTimer(timer) {
    this.timers = this.timers.filter((each) => each !== timer);
  }

  /** A promise that is fulfilled after `ms` of this clock. @param {number} ms @returns {Promise<void>} */
  sleep(ms) {
    return new Promise((resolve) => this.setTimer(resolve, ms));
  }

  /** Moves time, and runs what is due, in order. @param {number} ms */
  async advance(ms) {
    const until = this.time + ms;
    await this.settle();
    for (;;) {
      const next = this.timers.reduce((a, b) => (b.at < a.at ? b : a), { at: Infinity, callback: () => {} });
      if (next.at > until) break;
      this.time = Math.max(this.time, next.at);
      this.clearTimer(next);
      next.callback();
      await this.settle();
    }
    this.time = until;
    await this.settle();
  }

  /** Lets everything run that can without time. */
  async settle() {
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/**
 * One direction of a memory link.
 *
 * @implements {MessageTransport}
 */
export class MemoryTransport {
  name = 'memory';
  buffered = 0;
  /** @type {MemoryTransport | null} */
  peer = null;
  /** @type {MuxSession | null} */
  session = null;
  /** Messages that have not arrived. @type {Uint8Array[]} */
  messages = [];
  /** Nothing is passed on while it is stalled. */
  stalled = false;
  broken = false;
  /** Everything that was sent, where a test wants it. @type {Uint8Array[] | null} */
  log = null;
  delivering = false;
  watched = false;

  /** @param {Uint8Array} bytes */
  send(bytes) {
    if (this.broken) return;
    this.log?.push(bytes);
    this.messages.push(bytes);
    this.buffered += bytes.length;
    this.deliver();
  }

  watch() {
    this.watched = true;
  }

  close() {
    this.closing = true;
    this.deliver();
  }

  closing = false;

  /** Passes messages on, each in a turn of its own. */
  deliver() {
    if (this.delivering || this.stalled) return;
    this.delivering = true;
    queueMicrotask(() => {
      this.delivering = false;
      if (this.stalled || this.broken) return;
      const message = this.messages.shift();
      if (message) {
        this.buffered -= message.length;
        this.peer?.session?.received(message);
        if (this.messages.length > 0 || this.closing) this.deliver();
        if (this.watched) {
          this.watched = false;
          this.session?.drained();
        }
      } else if (this.closing) {
        this.broken = true;
        this.peer?.session?.lost('the peer closed the transport without saying goodbye');
      }
    });
  }

  /** The link takes nothing, or again something. @param {boolean} stalled */
  stall(stalled) {
    this.stalled = stalled;
    if (!stalled) this.deliver();
  }

  /** The link breaks. @param {string} detail */
  cut(detail) {
    for (const end of [this, this.peer]) {
      if (!end) continue;
      end.broken = true;
      end.messages = [];
      end.session?.lost(detail);
    }
  }
}

/**
 * Two wires in memory, opened.
 *
 * @param {WireOptions} [server] what the server is made with
 * @param {WireOptions} [client]
 * @param {{ clock?: Clock, wait?: boolean }} [how]
 */
export async function pair(server = {}, client = {}, { clock = new Clock(), wait = true } = {}) {
  const ends = [new MemoryTransport(), new MemoryTransport()];
  ends[0].peer = ends[1];
  ends[1].peer = ends[0];
  /** @type {(side: 'client' | 'server', transport: MemoryTransport, options: WireOptions) => Wire} */
  const open = (side, transport, options) =>
    new Wire((deadlines, limits) => (transport.session = new MuxSession(side, limits, transport, deadlines)), {
      runtime: clock,
      onHandlerError: () => {},
      ...options,
    });
  const wires = {
    server: open('server', ends[1], server),
    client: open('client', ends[0], client),
  };
  if (wait) await Promise.all([wires.client.opened, wires.server.opened]);
  return { ...wires, clock, toServer: ends[0], toClient: ends[1] };
}

/**
 * @typedef {import('./deadlines.js').Runtime} Runtime
 * @typedef {import('./mux/session.js').MessageTransport} MessageTransport
 * @typedef {import('./wire.js').WireOptions} WireOptions
 */
