/**
 * Streams of one direction that the peer opens, up to their type: its control stream, notifications, and what is neither.
 *
 * @module
 */

import { Reader, Writer } from '../bytes.js';
import { StreamCode } from '../close_code.js';

/**
 * @typedef {import('../session.js').SessionStream} SessionStream
 * @typedef {import('../session.js').StreamHandler} StreamHandler
 */

const CONTROL = 0;
const NOTIFICATION = 1;

/** @implements {StreamHandler} */
export class Incoming {
  /** @param {import('../wire.js').Wire} wire @param {SessionStream} stream */
  constructor(wire, stream) {
    this.wire = wire;
    this.stream = stream;
    /** What has come of the type. */
    this.partial = new Writer(16);
    this.control = false;
    stream.handler = this;
  }

  onReadable() {
    const { stream, wire } = this;
    for (let piece = stream.read(); piece; piece = stream.read()) {
      if (this.control) wire.control(piece);
      else if (this.typed(piece)) return;
    }
    if (!stream.ended && stream.resetBy === null) return;
    // An end inside the type is ignored (clause 2.8); that of the control stream is not (clause 2.2).
    if (this.control) wire.controlEnded();
    stream.release();
  }

  onClosed() {}

  /** @param {Uint8Array} piece @returns {boolean} whether another has the stream now */
  typed(piece) {
    const { stream, wire, partial } = this;
    partial.put(piece);
    const reader = new Reader(partial.written());
    const type = reader.varint();
    if (type === -1) return false;
    const rest = reader.take(reader.left);
    if (type === CONTROL) {
      if (!wire.takeControl()) return true;
      this.control = true;
      wire.control(rest);
      return false;
    }
    if (type === NOTIFICATION && wire.offered) {
      wire.offered.serveNotification(wire, stream, rest);
      return true;
    }
    if (type === NOTIFICATION) wire.droppedNotifications++;
    stream.stop(type === NOTIFICATION ? StreamCode.CANCELLED : StreamCode.REFUSED);
    stream.release();
    return true;
  }
}
