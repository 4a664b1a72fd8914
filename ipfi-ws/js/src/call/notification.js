/**
 * Notifications of the peer, by stream or by datagram, which may be lost. Nobody is answered: what cannot run is counted and
 * dropped.
 *
 * @module
 */

import { Reader, Writer, clamp } from '../bytes.js';
import { StreamCode } from '../close_code.js';
import { decodeHeader } from '../proto/header.js';
import { ItemReader } from '../proto/item.js';
import { Metadata } from '../proto/metadata.js';
import { Status } from '../status.js';
import { Context } from './context.js';
import { find } from './callee.js';
import { decoded } from './shared.js';

/**
 * @typedef {import('../session.js').SessionStream} SessionStream
 * @typedef {import('../session.js').StreamHandler} StreamHandler
 * @typedef {import('../wire.js').Wire} Wire
 * @typedef {import('../proto/header.js').Header} Header
 */

/** @implements {StreamHandler} */
export class Notification {
  /** @param {Wire} wire @param {SessionStream} stream @param {Uint8Array} first what has come after its type */
  constructor(wire, stream, first) {
    this.wire = wire;
    this.stream = stream;
    /** What has come of the header. */
    this.partial = new Writer(32);
    /** @type {Header | null} */
    this.header = null;
    this.items = new ItemReader('request', wire.limits, wire.reassembly);
    this.over = false;
    /** @type {Context | null} */
    this.context = null;
    stream.handler = this;
    const at = wire.runtime.now() + wire.limits.request_timeout_ms;
    this.deadline = wire.deadlines.add(at, () => this.drop(new Status('DEADLINE_EXCEEDED')));
    this.onReadable(first);
  }

  /** @param {Uint8Array | null} [first] */
  onReadable(first = null) {
    const { stream } = this;
    try {
      for (let piece = first ?? stream.read(); piece && !this.over; piece = stream.read()) this.take(piece);
    } catch (error) {
      return this.drop(error);
    }
    if (!this.over && (stream.ended || stream.resetBy !== null)) this.drop(null);
  }

  onClosed() {
    this.context?.cancel('connection');
    this.drop(null);
  }

  /** @param {Uint8Array} piece */
  take(piece) {
    if (this.header) return this.items_(piece);
    if (this.wire.draining) throw new Status('UNAVAILABLE', '', { neverStarted: true });
    this.partial.put(piece);
    const reader = new Reader(this.partial.written());
    this.header = decodeHeader(reader, this.wire.limits);
    if (this.header && reader.left > 0) this.items_(reader.take(reader.left));
  }

  /** @param {Uint8Array} piece */
  items_(piece) {
    this.items.push(piece);
    for (let part = this.items.next(); part !== null && !this.over; part = this.items.next()) {
      if (part instanceof Metadata) continue;
      // What follows message 0 is not looked at (clause 2.1).
      this.over = true;
      this.wire.deadlines.remove(this.deadline);
      this.items.release();
      this.stream.stop(StreamCode.NO_ERROR);
      runNotification(this.wire, /** @type {Header} */ (this.header), /** @type {Uint8Array} */ (part), false, (context) => {
        this.context = context;
      }).then(() => this.stream.release());
    }
  }

  /** Counts and drops it (clause 13.1). @param {unknown} error */
  drop(error) {
    if (this.over) return;
    const status = error instanceof Status ? error : null;
    /** @type {number} */
    let code = status?.limit ? StreamCode.RESOURCE_EXHAUSTED : StreamCode.CANCELLED;
    if (status?.code === 'DEADLINE_EXCEEDED') code = StreamCode.DEADLINE;
    if (status?.neverStarted) code = StreamCode.REFUSED;
    this.wire.droppedNotifications++;
    this.stream.stop(code);
    this.over = true;
    this.items.release();
    this.wire.deadlines.remove(this.deadline);
    this.stream.release();
  }
}

/** A datagram: a header and message 0 (clause 11.1). @param {Wire} wire @param {Uint8Array} bytes */
export function datagram(wire, bytes) {
  try {
    const reader = new Reader(bytes);
    const header = decodeHeader(reader, wire.limits);
    if (header && !wire.draining) return void runNotification(wire, { ...header, timeout: null }, reader.take(reader.left), true, () => {});
  } catch {
    // Counted like all others that cannot be read.
  }
  wire.droppedNotifications++;
}

/**
 * Runs the handler of a notification; never fails.
 *
 * @param {Wire} wire
 * @param {Header} header
 * @param {Uint8Array} message
 * @param {boolean} byDatagram
 * @param {(context: Context) => void} started
 */
async function runNotification(wire, header, message, byDatagram, started) {
  let counted = false;
  /** @type {import('../deadlines.js').Deadline | null} */
  let deadline = null;
  try {
    const { offer, codec } = find(wire, header);
    const { timeout } = header;
    const full = byDatagram && wire.notifications >= wire.limits.max_inbound_notifications;
    if (offer.kind !== 'notification' || (byDatagram && !offer.datagrams) || full || timeout === 0) {
      wire.droppedNotifications++;
      return;
    }
    const args = decoded('request', codec, codec.decodeArgs, message, wire.limits);
    const at = timeout === null ? Infinity : wire.runtime.now() + clamp(timeout);
    const context = new Context(wire, Number(header.procedure), header.metadata, codec.name, at);
    started(context);
    wire.notifications++;
    counted = true;
    const passed = new Promise((resolve) => {
      deadline = wire.deadlines.add(at, () => resolve(context.cancel('deadline')));
    });
    await Promise.race([offer.handler(args, context, /** @type {any} */ (null)), passed]);
  } catch (error) {
    wire.droppedNotifications++;
    if (!(error instanceof Status)) wire.onHandlerError(error, Number(header.procedure));
  } finally {
    wire.deadlines.remove(deadline);
    if (counted) {
      wire.notifications--;
      wire.callEnded();
    }
  }
}
