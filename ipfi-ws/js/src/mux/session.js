/**
 * A {@link Session} over a QMux {@link Connection} and a transport of messages: the driver. Everything that is written in
 * one turn of the event loop leaves in as few messages as possible, because many frames share one.
 *
 * @module
 */

import { Connection } from './connection.js';
import { Event, MuxStream } from './stream.js';

/**
 * @typedef {import('../session.js').Session} Session
 * @typedef {import('../session.js').SessionHandler} SessionHandler
 * @typedef {import('../session.js').SessionStream} SessionStream
 * @typedef {import('../deadlines.js').Deadlines} Deadlines
 * @typedef {import('../error.js').ConnectionError} ConnectionError
 *
 * What carries messages, each whole and in order. Its owner calls `received`, `drained` and `lost` of the session.
 *
 * @typedef {object} MessageTransport
 * @property {string} name
 * @property {(bytes: Uint8Array) => void} send Takes a message; the bytes are its own from then on.
 * @property {number} buffered Bytes that it has taken and not passed on.
 * @property {() => void} watch `drained` is to be called when `buffered` has fallen.
 * @property {(end: ConnectionError) => void} close Nothing more is sent: goes away when what was sent has left.
 */

/** More than this the transport is not given: what it holds cannot be overtaken by what is more urgent. */
const HIGH_WATER = 64 * 1024;

/** How often a flush lets others write first, as long as they do. */
const MAX_YIELDS = 4;

/** @implements {Session} */
export class MuxSession {
  /**
   * @param {import('./connection.js').Side} side
   * @param {import('../limits.js').Limits} limits
   * @param {MessageTransport} transport
   * @param {Deadlines} deadlines
   */
  constructor(side, limits, transport, deadlines) {
    this.side = side;
    this.carrier = transport.name;
    this.transport = transport;
    this.deadlines = deadlines;
    this.connection = new Connection(side, limits, deadlines.runtime.now());
    /** @type {SessionHandler | null} */
    this.handler = null;
    /** Who waits to open a stream, first come first served: bidirectional, unidirectional. @type {[Opening[], Opening[]]} */
    this.waiting = [[], []];
    this.scheduled = false;
    /** What was queued when a flush last yielded. */
    this.seen = 0;
    this.yields = 0;
    /** Bytes that the transport held when it was last looked at. */
    this.held = 0;
    this.closed = false;
    this.sentBytes = 0;
    this.receivedBytes = 0;
    /** @type {import('../deadlines.js').Deadline | null} */
    this.deadline = null;
    this.connection.wake = () => this.schedule();
    this.schedule();
  }

  get ended() {
    return this.connection.ended;
  }

  get maxDatagram() {
    return this.connection.maxDatagram;
  }

  // --- The session ---

  /** @param {boolean} uni @returns {SessionStream | null} */
  open(uni) {
    if (this.waiting[uni ? 1 : 0].length > 0 || !this.connection.canOpen(uni)) return null;
    this.schedule();
    return this.connection.open(uni);
  }

  /** @param {boolean} uni @param {(stream: SessionStream | null) => void} opened */
  openLater(uni, opened) {
    const opening = { opened };
    const queue = this.waiting[uni ? 1 : 0];
    queue.push(opening);
    this.connection.canOpen(uni);
    this.schedule();
    return () => {
      const at = queue.indexOf(opening);
      if (at >= 0) queue.splice(at, 1);
    };
  }

  /** @param {Uint8Array} bytes */
  sendDatagram(bytes) {
    this.schedule();
    return this.connection.sendDatagram(bytes);
  }

  /** @param {number} code @param {string} reason @param {ConnectionError} [cause] */
  close(code, reason, cause) {
    const { connection } = this;
    if (connection.ended) return;
    // What was written before goes first, as far as the peer takes it.
    this.send(Infinity);
    connection.close(code, reason, cause);
    this.schedule();
  }

  flush() {
    this.schedule();
  }

  // --- The transport ---

  /** A message came. @param {Uint8Array} record */
  received(record) {
    this.receivedBytes += record.length;
    this.connection.handleRecord(this.now(), record);
    this.dispatch();
    this.schedule();
  }

  /** The transport holds less than it did. */
  drained() {
    this.schedule();
  }

  /** The transport is gone. @param {string} detail */
  lost(detail) {
    this.connection.handleLost(detail);
    this.dispatch();
  }

  /** The peer broke the carrier's own rules. @param {import('../error.js').Violation} violation */
  violated(violation) {
    this.connection.violated(violation);
    this.schedule();
  }

  // --- Steps ---

  now() {
    return this.deadlines.runtime.now();
  }

  /** Something may be there to be sent: at the end of this turn. */
  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    this.yields = 0;
    this.seen = -1;
    queueMicrotask(() => this.turn());
  }

  /** Lets others write first, as long as they do, so that what they write shares a message. */
  turn() {
    const { connection } = this;
    const pending = connection.queued + connection.streams.size;
    if (pending !== this.seen && this.yields < MAX_YIELDS && connection.queued < HIGH_WATER) {
      this.seen = pending;
      this.yields++;
      queueMicrotask(() => this.turn());
      return;
    }
    this.scheduled = false;
    this.send(HIGH_WATER);
    this.dispatch();
    this.arm();
  }

  /** Sends what there is, as long as the transport holds less than `most`. @param {number} most */
  send(most) {
    const { connection, transport } = this;
    if (this.closed) return;
    const before = transport.buffered;
    let progress = before < this.held;
    while (connection.hasOutput && transport.buffered < most) {
      const record = connection.transmit(this.now());
      if (!record) break;
      this.sentBytes += record.length;
      transport.send(record);
    }
    this.held = transport.buffered;
    connection.handleTransport(this.now(), this.held, progress);
    if (this.held > 0) transport.watch();
    if (connection.writeClosed) {
      this.closed = true;
      transport.close(/** @type {ConnectionError} */ (connection.ended));
    }
  }

  /** Tells of what has happened, until nothing more does. */
  dispatch() {
    const { connection } = this;
    for (let rounds = 0; ; rounds++) {
      for (const stream of connection.takeAccepted()) this.handler?.onStream(stream, (stream.id & 2) !== 0);
      for (const stream of connection.takeReady()) this.tell(stream);
      for (const datagram of connection.takeDatagrams()) this.handler?.onDatagram(datagram);
      if (connection.placesFreed) {
        connection.placesFreed = false;
        this.grant();
      } else if (this.waiting[0].length > 0 && connection.canOpen(false)) {
        this.grant();
      }
      if (connection.ready.length === 0 && !connection.placesFreed) break;
    }
    if (connection.ended && this.handler) this.tellEnd(connection.ended);
  }

  /** @param {MuxStream} stream */
  tell(stream) {
    const { events, handler } = stream;
    stream.events = 0;
    if (handler) {
      if (events & Event.STOPPED) handler.onStopped?.(/** @type {number} */ (stream.stoppedBy));
      if (events & Event.READABLE) handler.onReadable();
      if (events & Event.WRITABLE) handler.onWritable?.();
    }
    if (stream.input.length > 0) this.connection.settle(stream);
  }

  /** Streams, unidirectional ones first, to those who wait for them. */
  grant() {
    for (const kind of [1, 0]) {
      const queue = this.waiting[kind];
      let granted = 0;
      while (granted < queue.length && this.connection.canOpen(kind === 1)) {
        queue[granted++].opened(this.connection.open(kind === 1));
      }
      queue.splice(0, granted);
    }
  }

  /** @param {ConnectionError} cause */
  tellEnd(cause) {
    const { handler } = this;
    this.handler = null;
    this.deadlines.remove(this.deadline);
    for (const queue of this.waiting) {
      for (const { opened } of queue.splice(0)) opened(null);
    }
    const streams = this.connection.streams.values();
    for (const stream of streams) stream.handler?.onClosed(cause);
    handler?.onClosed(cause);
    this.send(Infinity);
  }

  /** Sets the deadline of the connection anew, where it has moved to an earlier time or passed. */
  arm() {
    const { connection, deadlines } = this;
    const at = connection.deadline;
    if (this.deadline && this.deadline.slot >= 0 && this.deadline.at <= at) return;
    deadlines.remove(this.deadline);
    this.deadline = at === Infinity ? null : deadlines.add(at, () => this.timeout());
  }

  timeout() {
    this.deadline = null;
    // Whether the transport has taken something meanwhile decides whether it stalls.
    this.send(HIGH_WATER);
    this.connection.handleTimeout(this.now());
    this.dispatch();
    this.schedule();
  }
}

/** @typedef {{ opened: (stream: SessionStream | null) => void }} Opening */
