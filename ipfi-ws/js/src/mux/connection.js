/**
 * One end of a QMux connection (draft-ietf-quic-qmux-02) over messages: a state machine that is given bytes and the time
 * and gives bytes, events and the next deadline. It fetches nothing: no socket, no clock, no timer.
 *
 * A driver
 *
 * 1. gives each record that comes to {@link Connection.handleRecord}, and never stops reading because of anything that
 *    waits to be sent or to be read ("Forward Progress and Flow Control");
 * 2. hands {@link takeAccepted}, {@link takeReady} and {@link takeDatagrams} to the application after each input, then
 *    calls {@link settle};
 * 3. while {@link hasOutput} and the transport takes more, sends what {@link transmit} gives;
 * 4. calls {@link handleTimeout} when {@link deadline} has passed, and asks for the deadline again after every call;
 * 5. closes the transport once {@link writeClosed}.
 *
 * No method throws for what a peer does: that ends the connection, and {@link ended} says why.
 *
 * @module
 */

import { Reader, Writer, clamp, lossyText, utf8 } from '../bytes.js';
import { CloseCode, TransportCode } from '../close_code.js';
import { ConnectionError, Violation, words } from '../error.js';
import { AbuseBudget } from './abuse.js';
import { ConnectionCredit, SendCredit } from './flow.js';
import { handleFrames } from './input.js';
import { Schedule } from './schedule.js';
import { MuxStream, Event, Owed, State } from './stream.js';
import { Table } from '../table.js';
import { Timers } from './timers.js';
import { transmit, hasOutput } from './transmit.js';

/**
 * @typedef {import('../limits.js').Limits} Limits
 * @typedef {import('./params.js').Params} Params
 * @typedef {'client' | 'server'} Side
 *
 * Streams of one kind that this side opens: the next index, the peer's limit, how many live, whether more are
 * wanted, what the peer was told.
 * @typedef {{ next: number, max: number, live: number, wanted: boolean, told: number }} Local
 *
 * Streams of one kind that the peer opens: how many it has, the places there are, the limit told, how many are over.
 * @typedef {{ opened: number, places: number, granted: number, closed: number, blockedAt: number, window: number }} Remote
 */

/** Until the peer's parameters came, no record is larger (draft-ietf-quic-qmux-02 "max_record_size"). */
const MIN_RECORD = 16_382;
const MAX_REASON = 256;
/** Where records are put together: one at a time, so one for all connections. */
const OUT = new Writer(MIN_RECORD);
/** A deadline that is found to have passed this long ago was not waited for. */
const SUSPENDED_MS = 2000;

export class Connection {
  /**
   * @param {Side} side
   * @param {Limits} limits
   * @param {number} now
   */
  constructor(side, limits, now) {
    this.side = side;
    this.limits = limits;
    this.now = now;
    /** The peer's parameters, once they came. @type {Params | null} */
    this.peer = null;
    /** Why the connection ended, once it has. @type {ConnectionError | null} */
    this.ended = null;
    /** A CLOSE that is still to be sent. @type {{ application: boolean, code: number, reason: Uint8Array } | null} */
    this.farewell = null;
    this.parametersSent = false;

    /** @type {Table<MuxStream>} */
    this.streams = new Table();
    const notifications = limits.max_inbound_notifications * limits.notification_window_bytes;
    const calls = limits.max_inbound_calls * limits.stream_window_bytes;
    const window = calls + Math.max(limits.window_pool_bytes, notifications);
    this.credit = new ConnectionCredit(
      window,
      calls + notifications,
      Math.max(0, limits.window_pool_bytes - notifications),
    );
    this.initialWindow = window;
    this.sendCredit = new SendCredit(0);
    /** @type {[Local, Local]} bidirectional, unidirectional */
    this.local = [
      { next: 0, max: 0, live: 0, wanted: false, told: -1 },
      { next: 0, max: 0, live: 0, wanted: false, told: -1 },
    ];
    /** @type {[Remote, Remote]} */
    this.remote = [
      remote(limits.max_inbound_calls, limits.stream_window_bytes),
      remote(limits.max_inbound_notifications, limits.notification_window_bytes),
    ];
    this.dataBlockedAt = -1;
    /** Bytes in all send queues. */
    this.queued = 0;
    this.schedule = new Schedule();
    this.budget = new AbuseBudget(limits.abuse_budget, now);
    this.timers = new Timers(limits, now);
    /** @type {{ due: boolean, sent: number, answered: number, received: import('../bytes.js').Varint, pong: import('../bytes.js').Varint }} */
    this.pings = { due: false, sent: 0, answered: 0, received: -1, pong: -1 };

    /** Streams that owe control frames. @type {MuxStream[]} */
    this.control = [];
    /** Streams with events. @type {MuxStream[]} */
    this.ready = [];
    /** @type {MuxStream[]} */
    this.accepted = [];
    /** Writers that wait for room in the send buffer of all. @type {Set<MuxStream>} */
    this.roomWaiters = new Set();
    /** @type {Uint8Array[]} */
    this.datagramsIn = [];
    /** @type {Uint8Array[]} */
    this.datagramsOut = [];
    /** Places to open streams may have become free. */
    this.placesFreed = false;
    this.out = OUT;
    /** A command of the application has made output, or freed a place: the driver is to look. */
    this.wake = () => {};
  }

  // --- What there is ---

  /** Whether {@link transmit} would give anything. */
  get hasOutput() {
    return hasOutput(this);
  }

  /** Whether nothing more will be sent. */
  get writeClosed() {
    return this.ended !== null && this.farewell === null;
  }

  /** When {@link handleTimeout} is to be called; Infinity for never. */
  get deadline() {
    return this.ended ? Infinity : this.timers.next()[0];
  }

  /** The largest datagram that can be sent: 0 if the peer takes none. */
  get maxDatagram() {
    if (!this.peer) return 0;
    const frame = Math.min(clamp(this.peer.max_datagram_frame_size), this.maxRecord);
    return Math.max(0, frame - 5);
  }

  /** The largest record to send: as large as both sides take. */
  get maxRecord() {
    return this.peer ? Math.min(clamp(this.peer.max_record_size), this.limits.max_record_bytes) : MIN_RECORD;
  }

  // --- What happened outside ---

  /** A message of the transport, which is one record. The bytes are kept until {@link settle}. @param {number} now @param {Uint8Array} record */
  handleRecord(now, record) {
    if (this.ended) return;
    this.tellTime(now);
    this.timers.received = this.now;
    this.timers.pinged = false;
    const { max_record_bytes } = this.limits;
    try {
      if (record.length > max_record_bytes) {
        const what = `a record of ${record.length} bytes, limit max_record_bytes = ${max_record_bytes}`;
        throw new Violation(TransportCode.FRAME_ENCODING_ERROR, what);
      }
      if (record.length === 0) throw new Violation(TransportCode.PROTOCOL_VIOLATION, 'a record without frames');
      handleFrames(this, new Reader(record));
    } catch (error) {
      this.violated(error);
    }
  }

  /** A breach that the transport has seen. @param {unknown} error */
  violated(error) {
    const violation = error instanceof Violation;
    const code = violation ? error.code : TransportCode.INTERNAL_ERROR;
    const what = words(error);
    const kind = violation ? 'violation' : 'misuse';
    this.end(new ConnectionError(kind, what, code), { application: false, code, reason: reasonBytes(what) });
  }

  /** The transport ended, or broke. @param {string} detail */
  handleLost(detail) {
    this.end(new ConnectionError('lost', detail));
  }

  /** A deadline may have passed. @param {number} now */
  handleTimeout(now) {
    this.tellTime(now);
    while (!this.ended) {
      const [at, what] = this.timers.next();
      if (at > this.now) return;
      if (this.now - at > SUSPENDED_MS) {
        // Asked this late, this side stood still (a tab in the background, a closed lid): what the peer sent meanwhile may
        // wait to be read, and silence says nothing about it.
        this.timers.resume(this.now);
      } else if (what === 'ping') {
        this.timers.pinged = true;
        this.pings.due = true;
      } else {
        const { limits } = this;
        /** @type {Record<string, string>} */
        const texts = {
          handshake: `handshake timeout: the peer did not complete its handshake within ${limits.handshake_timeout_ms} ms`,
          stall: `write stall: the peer took no bytes for ${limits.write_stall_timeout_ms} ms (limit write_stall_timeout_ms)`,
          idle: `idle timeout: nothing received from the peer for ${this.now - this.timers.received} ms`,
        };
        this.end(new ConnectionError('timeout', texts[what]));
      }
    }
  }

  /** How much of what was given to the transport it still holds. @param {number} now @param {number} held @param {boolean} progress */
  handleTransport(now, held, progress) {
    this.tellTime(now);
    const { timers } = this;
    if (held === 0) {
      if (timers.stalled >= 0) timers.sent = this.now;
      timers.stalled = -1;
    } else if (progress || timers.stalled < 0) {
      timers.stalled = this.now;
    }
  }

  // --- What the application wants ---

  /** Closes at once, telling the peer. @param {number} code one of {@link CloseCode} @param {string} reason @param {ConnectionError} [cause] */
  close(code, reason, cause = new ConnectionError('local', reason, code)) {
    this.end(cause, { application: true, code, reason: reasonBytes(reason) });
  }

  /** Whether a stream can be opened now; if not, {@link placesFreed} becomes true when it may. @param {boolean} uni */
  canOpen(uni) {
    const local = this.local[uni ? 1 : 0];
    const { max_outbound_calls, send_buffer_bytes } = this.limits;
    local.wanted = local.next >= local.max;
    return !this.ended && !local.wanted && local.live < max_outbound_calls && this.queued < send_buffer_bytes;
  }

  /** Opens a stream; {@link canOpen} has said that it can. @param {boolean} uni */
  open(uni) {
    const local = this.local[uni ? 1 : 0];
    const id = local.next++ * 4 + (uni ? 2 : 0) + (this.side === 'client' ? 0 : 1);
    local.live++;
    const peer = /** @type {Params} */ (this.peer);
    const sendWindow = clamp(uni ? peer.initial_max_stream_data_uni : peer.initial_max_stream_data_bidi_remote);
    const window = uni ? 0 : this.limits.stream_window_bytes;
    const stream = new MuxStream(this, id, true, sendWindow, !uni, window);
    stream.localWindow = window;
    this.credit.window += window;
    this.credit.committed += window;
    this.streams.add(stream);
    return stream;
  }

  /** Queues a datagram, or loses it: false. @param {Uint8Array} bytes */
  sendDatagram(bytes) {
    if (this.ended || bytes.length > this.maxDatagram) return false;
    if (this.datagramsOut.length >= this.limits.max_queued_datagrams) return false;
    this.datagramsOut.push(bytes);
    return true;
  }

  // --- What is to be done outside ---

  /** The next record to send; null if there is none. @param {number} now @returns {Uint8Array | null} */
  transmit(now) {
    this.tellTime(now);
    return transmit(this);
  }

  /** Streams that the peer opened, in order; the application holds each until it releases it. */
  takeAccepted() {
    const { accepted } = this;
    if (accepted.length > 0) this.accepted = [];
    return accepted;
  }

  /** Streams that have events (`events`, which the taker clears). */
  takeReady() {
    const { ready } = this;
    if (ready.length > 0) this.ready = [];
    return ready;
  }

  /** Datagrams that came. */
  takeDatagrams() {
    const { datagramsIn } = this;
    if (datagramsIn.length > 0) this.datagramsIn = [];
    return datagramsIn;
  }

  /** Copies what of the last record waits to be read by `stream`, if it would keep the record alive. @param {MuxStream} stream */
  settle(stream) {
    stream.input.settle();
  }

  // --- Steps of the other files ---

  /** @param {number} now */
  tellTime(now) {
    if (now > this.now) this.now = now;
    this.budget.time(this.now);
  }

  /** @param {MuxStream} stream @param {number} event */
  notify(stream, event) {
    if (stream.events === 0) this.ready.push(stream);
    stream.events |= event;
  }

  /** @param {MuxStream} stream @param {number} what */
  owe(stream, what) {
    if (this.ended) return;
    if (stream.owed === 0) this.control.push(stream);
    stream.owed |= what;
    this.wake();
  }

  /** How many bytes `own` may become, with what others have queued: less, by the square, the fuller the shared buffer is. @param {number} own */
  share(own) {
    const { send_buffer_bytes: all, stream_send_buffer_bytes: cap } = this.limits;
    const free = Math.max(0, 1 - (this.queued - own) / all);
    return Math.max(1, Math.min(cap, all) * free * free);
  }

  /** Puts `stream` where the schedule has it: with something to send and credit, or away. @param {MuxStream} stream */
  reschedule(stream) {
    if (stream.output.length === 0) return this.schedule.remove(stream);
    if (stream.sendCredit.available > 0) {
      this.schedule.add(stream);
      return this.wake();
    }
    this.schedule.remove(stream);
    if (stream.sendCredit.blocked) this.owe(stream, Owed.BLOCKED);
  }

  /** The one place where received bytes are accounted as gone. @param {number} count */
  release(count) {
    this.credit.released += count;
    if (this.credit.wantsUpdate) this.wake();
  }

  /** The receiving half of `stream` holds nothing any more: what its window took goes back. @param {MuxStream} stream */
  receivingEnded(stream) {
    const { credit } = stream;
    this.credit.pool += credit.window - credit.initial;
    credit.window = credit.initial;
    this.credit.window -= stream.localWindow;
    stream.localWindow = 0;
    this.retire(stream);
  }

  /** Removes `stream` if it is over: the one place where a place becomes free. @param {MuxStream} stream */
  retire(stream) {
    if (!stream.over || !this.streams.delete(stream.id)) return;
    this.budget.earn(stream.earns);
    const kind = stream.id & 2 ? 1 : 0;
    if (this.isLocal(stream.id)) {
      this.local[kind].live--;
      this.placesFreed = true;
    } else {
      this.remote[kind].closed++;
    }
    this.wake();
  }

  /** Whether this side opened the stream `id`. @param {number} id */
  isLocal(id) {
    return id % 2 === (this.side === 'client' ? 0 : 1);
  }

  /**
   * Ends everything, once. What had come whole before can still be read.
   *
   * @param {ConnectionError} cause
   * @param {{ application: boolean, code: number, reason: Uint8Array } | null} [farewell]
   */
  end(cause, farewell = null) {
    if (this.ended) return;
    this.ended = cause;
    this.farewell = farewell;
    this.datagramsOut = [];
    this.control = [];
    this.schedule = new Schedule();
    this.roomWaiters.clear();
    for (const stream of this.streams.values()) {
      stream.output.clear();
      if (!stream.complete) stream.input.clear();
    }
    this.queued = 0;
  }

  /** The peer closed. @param {boolean} application @param {import('../bytes.js').Varint} code @param {Uint8Array} reason */
  closedByPeer(application, code, reason) {
    const text = lossyText(reason.subarray(0, MAX_REASON));
    this.end(new ConnectionError(application ? 'peer' : 'peer-transport', text, code));
  }
}

/** @param {number} places @param {number} window @returns {Remote} */
function remote(places, window) {
  return { opened: 0, places, granted: places, closed: 0, blockedAt: -1, window };
}

/** A reason, as long as a receiver keeps. @param {string} text */
function reasonBytes(text) {
  let bytes = utf8(text);
  if (bytes.length > MAX_REASON) {
    let end = MAX_REASON;
    while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
    bytes = bytes.subarray(0, end);
  }
  return bytes;
}

export { CloseCode, Event, MuxStream, State };
