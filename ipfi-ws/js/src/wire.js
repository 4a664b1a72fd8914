/**
 * The handle of one connection: what this side calls, and what it serves.
 *
 * @module
 */

import { Writer } from './bytes.js';
import { CloseCode, StreamCode } from './close_code.js';
import { Deadlines, systemRuntime } from './deadlines.js';
import { ConnectionError, words } from './error.js';
import { Call, StreamingCall } from './call/call.js';
import { Incoming } from './call/incoming.js';
import { abortStatus } from './call/outbound.js';
import { assemble, checkSize, encode, encodedLength, listen } from './call/shared.js';
import { UnaryCall } from './call/unary.js';
import { messagepack } from './codec/messagepack.js';
import { resolveLimits } from './limits.js';
import { AbuseBudget } from './mux/abuse.js';
import { ControlError, ControlReader, defaultSettings, encodeControl, encodeGoaway } from './proto/control.js';
import { putHeader } from './proto/header.js';
import { Metadata } from './proto/metadata.js';
import { CODES, callerStatus } from './status.js';
import { Bag, Line } from './table.js';

/**
 * @typedef {import('./session.js').Session} Session
 * @typedef {import('./session.js').SessionStream} SessionStream
 * @typedef {import('./session.js').SessionHandler} SessionHandler
 * @typedef {import('./call/outbound.js').CallOptions} CallOptions
 * @typedef {import('./call/outbound.js').Outbound} Outbound
 * @typedef {import('./interface.js').Interface} Interface
 * @typedef {import('./call/callee.js').Callee} Callee
 * @typedef {import('./limits.js').Limits} Limits
 * @typedef {import('./deadlines.js').Runtime} Runtime
 *
 * @typedef {object} WireOptions
 * @property {Interface} [interface] what the peer may call here; without it this side only calls
 * @property {import('./codec/codec.js').Codec} [codec] of calls that name none: MessagePack by default
 * @property {Partial<Limits>} [limits]
 * @property {(error: unknown, procedure: number) => void} [onHandlerError] is told what handlers throw that is no Status;
 *   by default it goes to the console. The caller is only told INTERNAL.
 * @property {Runtime} [runtime] where time comes from
 *
 * What a shutdown did: calls that ended within the grace period, calls of the peer that were cut, calls of this side that
 * were given up.
 * @typedef {{ finished: number, cut: number, abandoned: number }} ShutdownReport
 */

/** How many control messages of unknown types are taken (clause 13.4). */
const MAX_UNKNOWN = 1000;

/** The item of a status without text. */
const NOT_SERVED = new Uint8Array([14, CODES.indexOf('UNIMPLEMENTED'), 0, 0]);

/** One connection, until {@link Wire.closed}. @implements {SessionHandler} */
export class Wire {
  /**
   * @param {(deadlines: Deadlines, limits: Limits) => Session} open
   * @param {WireOptions} [options]
   */
  constructor(open, options = {}) {
    /** @type {Limits} */
    this.limits = resolveLimits(options.limits);
    this.runtime = options.runtime ?? systemRuntime;
    this.deadlines = new Deadlines(this.runtime);
    this.codec = options.codec ?? messagepack;
    this.offered = options.interface ?? null;
    this.reportHandler = options.onHandlerError ?? ((error) => console.error('ipfi: a handler failed', error));
    /** Calls that this side has made and that have not ended. @type {Bag<Outbound>} */
    this.outbound = new Bag();
    /** Those of them that wait, since the peer runs no more at once. @type {Line<Outbound>} */
    this.line = new Line();
    this.admitting = false;
    /** Calls of the peer whose places are taken. @type {Bag<Callee>} */
    this.inbound = new Bag();
    /** Notifications whose handlers run. */
    this.notifications = 0;
    /** Notifications of the peer that were dropped, for whatever reason. */
    this.droppedNotifications = 0;
    /** What handlers that run in vain may cost (clause 13.4). */
    this.waste = new AbuseBudget(this.limits.abuse_budget, this.runtime.now());
    /** Bytes of half-received messages. */
    this.reassembly = { bytes: 0 };
    /** What the peer says it takes; the defaults until it has. */
    this.settings = defaultSettings();
    this.settled = false;
    /** This side shuts down. */
    this.draining = false;
    /** The peer does. */
    this.goaway = false;
    this.controlReader = new ControlReader();
    this.controlTaken = false;
    this.unknown = 0;
    /** @type {SessionStream | null} */
    this.controlStream = null;
    /** Those who wait for calls to end. @type {(() => void)[]} */
    this.idleWaiters = [];
    /** @type {() => void} */
    this.ready = () => {};
    /** Fulfilled when the peer's SETTINGS came; fails with the cause if the connection ends before. @type {Promise<void>} */
    this.opened = new Promise((resolve, reject) => {
      this.ready = resolve;
      this.failed = reject;
    });
    this.opened.catch(() => {});
    /** @type {(cause: ConnectionError) => void} */
    this.tellClosed = () => {};
    /**
     * Fulfilled when the connection has ended, with the cause; it never fails.
     *
     * @type {Promise<ConnectionError>}
     */
    this.closed = new Promise((resolve) => (this.tellClosed = resolve));

    const { limits } = this;
    this.handshake = this.deadlines.add(this.runtime.now() + limits.handshake_timeout_ms, () => {
      const reason = `handshake timeout: no SETTINGS within ${limits.handshake_timeout_ms} ms`;
      this.session.close(CloseCode.PROTOCOL, reason, new ConnectionError('timeout', reason));
    });
    /** What carries it. @type {Session} */
    this.session = open(this.deadlines, limits);
    this.session.handler = this;
    this.openControl();
  }

  /** `client` or `server`. */
  get side() {
    return this.session.side;
  }

  /** What carries this connection: `websocket`, `webtransport`, `pipe`. */
  get carrier() {
    return this.session.carrier;
  }

  /** Why the connection ended; null while it lives. @returns {ConnectionError | null} */
  get closeReason() {
    return this.session.ended;
  }

  /** What has passed, in bytes without the carrier's framing, and what runs: calls of this side and of the peer. */
  get stats() {
    const { sentBytes, receivedBytes } = this.session;
    return { sentBytes, receivedBytes, callsOut: this.outbound.size, callsIn: this.inbound.size };
  }

  // --- Calls ---

  /**
   * Calls a procedure that answers with one value.
   *
   * @param {number} procedure
   * @param {readonly unknown[]} [args]
   * @template [T=any]
   * @param {CallOptions} [options]
   * @returns {Promise<T>} it fails with a {@link import('./status.js').Status}
   */
  call(procedure, args = [], options = {}) {
    return new UnaryCall(this, procedure, options, this.limits.default_timeout_ms || Infinity).run(args);
  }

  /**
   * Calls a sequence: `for await (const item of wire.stream(1, [10]))`. Items come no faster than the loop takes them;
   * leaving it cancels the call.
   *
   * @param {number} procedure
   * @param {readonly unknown[]} [args]
   * @template [T=any]
   * @param {CallOptions} [options]
   * @returns {Call<T>}
   */
  stream(procedure, args = [], options = {}) {
    const call = new StreamingCall(this, procedure, options, Infinity);
    call.sendingOver = true;
    call.begin(args, true);
    return new Call(call);
  }

  /**
   * Calls a procedure with a stream of items, which answers with one value.
   *
   * @param {number} procedure
   * @param {readonly unknown[]} args
   * @param {Iterable<unknown> | AsyncIterable<unknown> | ReadableStream<unknown>} items sent no faster than they are taken
   * @template [T=any]
   * @param {CallOptions} [options]
   * @returns {Promise<T>}
   */
  upload(procedure, args, items, options = {}) {
    return this.duplex(procedure, args, items, options).answer();
  }

  /**
   * Calls a procedure with streams in both directions. Without `items` they are sent by {@link Call.send} or
   * {@link Call.writable}.
   *
   * @param {number} procedure
   * @param {readonly unknown[]} [args]
   * @param {Iterable<unknown> | AsyncIterable<unknown> | ReadableStream<unknown> | null} [items]
   * @template [T=any]
   * @param {CallOptions} [options]
   * @returns {Call<T>}
   */
  duplex(procedure, args = [], items = null, options = {}) {
    const call = new StreamingCall(this, procedure, options, Infinity);
    call.begin(args, false);
    if (items) call.feed(items);
    return new Call(call);
  }

  /**
   * Sends a notification, which nobody answers. The promise is fulfilled when it was handed over.
   *
   * @param {number} procedure
   * @param {readonly unknown[]} [args]
   * @param {CallOptions} [options]
   * @returns {Promise<void>}
   */
  async notify(procedure, args = [], options = {}) {
    const refusal = this.refusal();
    if (refusal) throw refusal;
    const { signal, timeout = Infinity, priority } = options;
    const at = this.runtime.now() + timeout;
    let request = this.encodeNotification(procedure, args, options);
    let stream = this.session.open(true);
    if (!stream) {
      stream = await this.waitForStream(at, signal);
      // What remains is less by the wait.
      if (timeout < Infinity) {
        request = this.encodeNotification(procedure, args, { ...options, timeout: at - this.runtime.now() });
      }
    }
    if (priority) stream.setPriority(priority);
    stream.write(request, true);
  }

  /**
   * A stream for a notification, when there is a place.
   *
   * @param {number} at when it is too late
   * @param {AbortSignal} [signal]
   * @returns {Promise<SessionStream>}
   */
  waitForStream(at, signal) {
    return new Promise((resolve, reject) => {
      const waiter = {
        at,
        slot: -1,
        passed: () => giveUp(callerStatus('DEADLINE_EXCEEDED', 'there was no place in time', { neverStarted: true })),
        aborted: () => giveUp(abortStatus(/** @type {AbortSignal} */ (signal), true)),
      };
      const over = () => {
        this.deadlines.remove(waiter);
        listen(signal, waiter, false);
      };
      /** @param {import('./status.js').Status} status */
      const giveUp = (status) => {
        over();
        stop();
        reject(status);
      };
      const stop = this.session.openLater(true, (stream) => {
        over();
        if (stream) resolve(stream);
        else reject(this.lostStatus(true));
      });
      if (at < Infinity) this.deadlines.put(waiter);
      if (signal?.aborted) waiter.aborted();
      else listen(signal, waiter, true);
    });
  }

  /**
   * Sends a notification that may be lost. False where it is lost already: the peer takes none, or too many wait.
   *
   * @param {number} procedure
   * @param {readonly unknown[]} [args]
   * @param {CallOptions} [options]
   * @throws {RangeError} if it is larger than {@link Wire.maxDatagramBytes}
   */
  sendDatagram(procedure, args = [], options = {}) {
    const bytes = this.encodeNotification(procedure, args, options, true);
    if (bytes.length > this.maxDatagramBytes && this.maxDatagramBytes > 0) {
      throw new RangeError(`a datagram of ${bytes.length} bytes, limit ${this.maxDatagramBytes}`);
    }
    return !this.goaway && this.session.sendDatagram(bytes);
  }

  /** The largest datagram, header included; 0 where none are taken. */
  get maxDatagramBytes() {
    return this.session.maxDatagram;
  }

  // --- The end ---

  /** Ends everything at once. @param {number} [code] one of {@link CloseCode} @param {string} [reason] */
  close(code = CloseCode.NO_ERROR, reason = '') {
    this.session.close(code, reason);
  }

  /**
   * Shuts down in order (clause 5.13): tells the peer, refuses what arrives, lets calls run for `grace` milliseconds, ends
   * those that are left, closes.
   *
   * @param {number} [grace]
   * @returns {Promise<ShutdownReport>}
   */
  async shutdown(grace = 5000) {
    if (!this.draining && !this.session.ended) {
      this.draining = true;
      this.controlStream?.write(encodeGoaway());
    }
    const began = this.outbound.size + this.inbound.size;
    if (!this.idle && !this.session.ended) {
      /** @type {Promise<void>} */
      const idle = new Promise((resolve) => this.idleWaiters.push(resolve));
      const late = this.deadlines.add(this.runtime.now() + grace, () => this.stopWaiting());
      await idle;
      this.deadlines.remove(late);
    }
    const cut = this.inbound.size;
    const abandoned = this.outbound.size;
    for (const callee of this.inbound) callee.cut();
    // None is let in for another that goes.
    this.admitting = true;
    for (const call of this.outbound) {
      call.giveUp(StreamCode.SHUTDOWN, callerStatus('UNAVAILABLE', 'this side shuts down'));
    }
    const left = cut + abandoned > 0;
    this.session.close(left ? CloseCode.SHUTDOWN : CloseCode.NO_ERROR, left ? 'shutdown' : '');
    await this.closed;
    return { finished: Math.max(0, began - cut - abandoned), cut, abandoned };
  }

  [Symbol.dispose]() {
    this.close();
  }

  async [Symbol.asyncDispose]() {
    this.close();
    await this.closed;
  }

  // --- The session ---

  /** @param {SessionStream} stream @param {boolean} uni */
  onStream(stream, uni) {
    if (uni) {
      new Incoming(this, stream);
    } else if (this.draining) {
      // Never started, and may be made elsewhere (clause 5.8).
      stream.reset(StreamCode.REFUSED);
      stream.stop(StreamCode.REFUSED);
      stream.release();
    } else if (this.offered) {
      this.offered.serveCall(this, stream);
    } else {
      // UNIMPLEMENTED, without words: the settings said so.
      stream.write(NOT_SERVED, true);
      stream.stop(StreamCode.NO_ERROR);
      stream.release();
    }
  }

  /** @param {Uint8Array} bytes */
  onDatagram(bytes) {
    if (this.offered) this.offered.serveDatagram(this, bytes);
    else this.droppedNotifications++;
  }

  /** @param {ConnectionError} cause */
  onClosed(cause) {
    this.failed?.(cause);
    for (const call of this.outbound) call.onClosed(cause);
    for (const callee of this.inbound) callee.onClosed();
    this.stopWaiting();
    this.deadlines.clear();
    this.tellClosed(cause);
  }

  // --- Control streams ---

  /** Opens this side's, before any other stream (clause 2.2). */
  openControl() {
    this.session.openLater(true, (stream) => {
      if (!stream) return;
      this.controlStream = stream;
      // A side whose own is stopped goes on without it.
      stream.handler = { onReadable() {}, onClosed() {} };
      const { max_message_bytes, max_metadata_bytes, max_inbound_calls } = this.limits;
      const serves = this.offered !== null;
      const settings = { ...defaultSettings(), max_message_bytes, max_metadata_bytes, serves };
      stream.write(encodeControl(serves ? { ...settings, max_inbound_calls } : settings));
      if (this.draining) stream.write(encodeGoaway());
    });
  }

  /** The peer's control stream has come: whether it is its first. */
  takeControl() {
    if (this.controlTaken) this.breach(new ControlError(CloseCode.PROTOCOL, 'control-twice', 'a second control stream'));
    const first = !this.controlTaken;
    this.controlTaken = true;
    return first;
  }

  /** Bytes of the peer's control stream. @param {Uint8Array} bytes */
  control(bytes) {
    try {
      for (const message of this.controlReader.push(bytes)) {
        if (message === 'goaway') {
          this.goaway = true;
          for (let call = this.line.first; call; call = this.line.first) {
            call.fail(/** @type {import('./status.js').Status} */ (this.refusal()));
          }
        } else if ('settings' in message) {
          this.settings = message.settings;
          this.settled = true;
          this.deadlines.remove(this.handshake);
          this.ready();
          this.admit();
        } else if (++this.unknown > MAX_UNKNOWN) {
          throw new ControlError(CloseCode.RESOURCE_EXHAUSTED, 'control-unknown', 'too many unknown control messages');
        }
      }
    } catch (error) {
      this.breach(/** @type {ControlError} */ (error));
    }
  }

  controlEnded() {
    this.breach(this.controlReader.end());
  }

  /** The peer broke the call protocol. @param {ControlError} error */
  breach({ code, message }) {
    const kind = code === CloseCode.VERSION ? 'lost' : 'violation';
    const text = kind === 'lost' ? message : `the peer broke the protocol: ${message}`;
    this.session.close(code, message, new ConnectionError(kind, message, code, text));
  }

  // --- What calls need ---

  /** Whether one more call, which is among the others already and not in line, may open its stream (clause 2.5). */
  get hasPlace() {
    return this.outbound.size - this.line.size <= this.settings.max_inbound_calls && !this.line.first;
  }

  /** Lets calls in that wait in line, as many as there are places. */
  admit() {
    // A call that fails as it is let in makes room for the next.
    if (this.admitting || this.session.ended) return;
    this.admitting = true;
    for (let call = this.line.first; call; call = this.line.first) {
      if (this.outbound.size - this.line.size >= this.settings.max_inbound_calls) break;
      call.leaveLine()?.();
    }
    this.admitting = false;
  }

  /** Why no call can be made; null if one can. */
  refusal() {
    if (this.session.ended) return this.lostStatus(true);
    /** @type {import('./status.js').StatusInit} */
    const init = { neverStarted: true };
    if (this.draining) return callerStatus('UNAVAILABLE', 'this side shuts down, the call never started', init);
    if (this.goaway) {
      return callerStatus('UNAVAILABLE', 'the peer shuts down, the call never started and may be made elsewhere', init);
    }
    return this.settings.serves ? null : callerStatus('UNIMPLEMENTED', 'the peer serves no calls', init);
  }

  /** The connection ended under a call. @param {boolean} neverStarted */
  lostStatus(neverStarted) {
    const cause = this.session.ended;
    const words = neverStarted ? 'the call never started and may be made again' : 'the call may have run';
    return callerStatus('UNAVAILABLE', `${cause?.message}; ${words}`, { cause, neverStarted });
  }

  /** The largest message that the peer takes, as far as it is known (clause 2.5). */
  get peerMaxMessage() {
    return this.settled ? this.settings.max_message_bytes : Infinity;
  }

  /** @param {number} size @param {Metadata | null} metadata @throws {import('./status.js').Status} */
  checkRequest(size, metadata) {
    checkSize(size, this.peerMaxMessage, 'caller');
    if (!metadata) return;
    checkSize(metadata.encode().length, this.settings.max_metadata_bytes, 'caller', 'max_metadata_bytes');
  }

  /** @param {number} procedure @param {readonly unknown[]} args @param {CallOptions} options @param {boolean} [bare] */
  encodeNotification(procedure, args, options, bare = false) {
    const { codec = this.codec, timeout, priority = 0 } = options;
    const metadata = options.metadata ? new Metadata(options.metadata) : null;
    const message = encode(codec.encodeArgs, args);
    this.checkRequest(encodedLength(message), metadata);
    const head = new Writer(32);
    // The type of the stream; a datagram has none, and its end is the message's (clause 11.1).
    if (!bare) head.u8(1);
    const ms = bare || timeout === undefined || timeout === Infinity ? null : Math.max(0, Math.ceil(timeout));
    putHeader(head, procedure, codec.id, ms, metadata, bare ? 0 : priority);
    return assemble(message, head, bare);
  }

  get idle() {
    return this.outbound.size + this.inbound.size + this.notifications === 0;
  }

  /** A call has ended, of whichever side. */
  callEnded() {
    if (this.idleWaiters.length > 0 && this.idle) this.stopWaiting();
  }

  /** Nobody waits any longer for calls to end. */
  stopWaiting() {
    for (const waiter of this.idleWaiters.splice(0)) waiter();
  }

  /** Charges the peer for what comes to nothing, where no frame is at fault. @param {AbuseBudget} budget @param {number} tokens @param {string} what */
  charge(budget, tokens, what) {
    try {
      budget.time(this.runtime.now());
      budget.spend(tokens, what);
    } catch (error) {
      this.breach(new ControlError(CloseCode.RESOURCE_EXHAUSTED, 'abuse', words(error)));
    }
  }

  /** @param {unknown} error @param {number} procedure */
  onHandlerError(error, procedure) {
    try {
      this.reportHandler(error, procedure);
    } catch {
      // Whoever reports errors may fail as well.
    }
  }
}

