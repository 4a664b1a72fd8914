/**
 * One stream of a QMux connection: two independent halves (RFC 9000 section 3), and the commands on them.
 *
 * Bytes come in order and are acknowledged as they are handed to the transport, so QUIC's states are fewer here
 * (draft-ietf-quic-qmux-02 "QUIC Frames"):
 *
 * | sending half | write | finish | reset | STOP_SENDING came |
 * |---|---|---|---|---|
 * | OPEN | stays | FINISHING | RESETTING | RESETTING, with the peer's code |
 * | FINISHING: bytes or the FIN wait | ignored | ignored | RESETTING | RESETTING |
 * | RESETTING: the RESET_STREAM waits | ignored | ignored | ignored | ignored |
 * | OVER | ignored | ignored | ignored | ignored |
 *
 * | receiving half | FIN came | RESET came | the end was read | stop |
 * |---|---|---|---|---|
 * | OPEN | COMPLETE | RESET | - | STOPPED |
 * | COMPLETE: bytes or the end are unread | - | ignored | OVER | OVER |
 * | RESET: the application was told | - | - | - | OVER |
 * | STOPPED: what comes is thrown away | OVER | OVER | - | ignored |
 *
 * A reset after the FIN changes nothing, since every byte is here. A reset before it discards what is unread.
 *
 * @module
 */

import { EMPTY } from '../bytes.js';
import { ByteQueue } from './byte_queue.js';
import { COMPLETED } from './abuse.js';
import { SendCredit, StreamCredit } from './flow.js';

/**
 * @typedef {import('../session.js').StreamHandler} StreamHandler
 * @typedef {import('../session.js').SessionStream} SessionStream
 * @typedef {import('./connection.js').Connection} Connection
 */

/** States of both halves; the tables say which has which. */
export const State = /** @type {const} */ ({
  NONE: 0,
  OPEN: 1,
  FINISHING: 2,
  COMPLETE: 2,
  RESETTING: 3,
  RESET: 3,
  STOPPED: 4,
  OVER: 5,
});

/** Control frames that a stream owes, as bits: they cannot pile up. */
export const Owed = /** @type {const} */ ({ RESET: 1, STOP: 2, CREDIT: 4, BLOCKED: 8, FIN: 16 });

/** What the application is to hear, as bits. */
export const Event = /** @type {const} */ ({ READABLE: 1, WRITABLE: 2, STOPPED: 4 });

/** @implements {SessionStream} */
export class MuxStream {
  /**
   * @param {Connection} connection
   * @param {number} id
   * @param {boolean} sends
   * @param {number} sendWindow
   * @param {boolean} receives
   * @param {number} window
   */
  constructor(connection, id, sends, sendWindow, receives, window) {
    this.connection = connection;
    this.id = id;
    /** Who is told of events. @type {StreamHandler | null} */
    this.handler = null;
    this.events = 0;
    this.owed = 0;
    /** The application holds a stream of the peer's until it lets go of it. */
    this.held = false;
    /** What it earns of the abuse budget when it is over. */
    this.earns = COMPLETED;
    this.opened = 0;

    /** @type {number} */
    this.sending = sends ? State.OPEN : State.NONE;
    this.sendCredit = new SendCredit(sendWindow);
    this.output = new ByteQueue();
    /** The code of our reset. @type {number | bigint} */
    this.resetCode = 0;
    /** The code with which the peer stopped us. @type {number | bigint | null} */
    this.stoppedBy = null;
    /** The writer waits for room. */
    this.full = false;

    /** @type {number} */
    this.receiving = receives ? State.OPEN : State.NONE;
    this.credit = new StreamCredit(window);
    /** What this stream of ours adds to the connection's window. */
    this.localWindow = 0;
    this.input = new ByteQueue();
    /** The code with which the peer gave up. @type {number | bigint | null} */
    this.resetBy = null;
    this.stopCode = 0;

    // The schedule's.
    this.priority = 0;
    /** @type {import('./schedule.js').Turn['list']} */
    this.list = null;
    /** @type {import('./schedule.js').Turn | null} */
    this.prev = null;
    /** @type {import('./schedule.js').Turn | null} */
    this.next = null;
    this.allowance = 0;
    this.awaySince = -1;
  }

  /** Whether both halves are over and nobody holds it. */
  get over() {
    const { sending, receiving } = this;
    return (
      !this.held &&
      (sending === State.NONE || sending === State.OVER) &&
      (receiving === State.NONE || receiving === State.OVER || receiving === State.RESET)
    );
  }

  // --- The sending half ---

  /** Bytes written that have not left. */
  get queued() {
    return this.output.length;
  }

  /** Whether more may be written now without waiting; if not, `onWritable` comes. */
  get writable() {
    if (this.sending !== State.OPEN) return true;
    return !(this.full = this.output.length >= this.connection.share(this.output.length));
  }

  /** Whether everything and the end have left, or were given up. */
  get sent() {
    return this.sending === State.OVER || this.sending === State.NONE;
  }

  /** Whether any byte has reached the transport. */
  get touched() {
    return this.sendCredit.sent > 0;
  }

  /** @param {Uint8Array} bytes @param {boolean} [fin] */
  write(bytes, fin = false) {
    if (this.sending !== State.OPEN) return;
    const { connection, output } = this;
    if (connection.ended) return;
    output.push(bytes);
    connection.queued += bytes.length;
    if (fin) {
      this.sending = State.FINISHING;
      if (output.length === 0) connection.owe(this, Owed.FIN);
    }
    connection.reschedule(this);
  }

  /** Nothing follows. */
  finish() {
    this.write(EMPTY, true);
  }

  /** @param {number | bigint} code */
  reset(code) {
    if (this.sending !== State.OPEN && this.sending !== State.FINISHING) return;
    const { connection } = this;
    this.sending = State.RESETTING;
    this.resetCode = code;
    connection.queued -= this.output.clear();
    this.owed &= ~(Owed.FIN | Owed.BLOCKED);
    connection.owe(this, Owed.RESET);
    connection.schedule.remove(this);
  }

  /** @param {number} priority */
  setPriority(priority) {
    this.connection.schedule.setPriority(this, priority);
  }

  // --- The receiving half ---

  /** Whether all of it has come. */
  get complete() {
    return this.receiving === State.COMPLETE || this.receiving === State.OVER;
  }

  /** Whether all of it has come and was read. */
  get ended() {
    return this.receiving === State.OVER && this.resetBy === null;
  }

  /** @returns {import('../session.js').Flow} */
  get flow() {
    const { received, granted } = this.credit;
    return { received, unread: this.input.length, credit: granted - received };
  }

  /** The next piece of what has come, whose credit goes back to the peer; null if there is none now. */
  read() {
    const piece = this.input.shift();
    const { connection, credit, receiving } = this;
    if (piece) connection.release(piece.length);
    if (receiving === State.COMPLETE) {
      if (this.input.length === 0) {
        this.receiving = State.OVER;
        connection.receivingEnded(this);
      }
    } else if (piece && receiving === State.OPEN) {
      credit.grow(this.input.length, connection.limits.max_stream_window_bytes, connection.credit);
      if (credit.wantsUpdate(this.input.length)) connection.owe(this, Owed.CREDIT);
    }
    return piece;
  }

  /** Asks the peer for no more; what is unread and what still comes is thrown away. @param {number} code */
  stop(code) {
    const { connection, receiving } = this;
    if (receiving !== State.OPEN && receiving !== State.COMPLETE) return;
    connection.release(this.input.clear());
    if (receiving === State.OPEN) {
      this.receiving = State.STOPPED;
      this.stopCode = code;
      this.owed &= ~Owed.CREDIT;
      connection.owe(this, Owed.STOP);
    } else {
      this.receiving = State.OVER;
      connection.receivingEnded(this);
    }
  }

  /** Lets go of a stream that the peer opened: its place is free once both halves are over. */
  release() {
    if (!this.held) return;
    this.held = false;
    this.connection.retire(this);
  }
}
