/**
 * Records over one ordered pipe of bytes (TCP, a Unix socket, standard streams): each begins with its Size
 * (draft-ietf-quic-qmux-02 "QMux Records"). Over WebSocket each message is one and this is not needed.
 *
 * @module
 */

import { Reader, Writer, varintLength } from './bytes.js';
import { badFrame } from './error.js';

/** Cuts what comes into records, whose memory follows what has come. */
export class RecordReader {
  /** @param {number} max the max_record_size that this side declares */
  constructor(max) {
    this.max = max;
    this.buffer = new Writer(1024);
  }

  /**
   * The records that `bytes` complete: views.
   *
   * @param {Uint8Array} bytes
   * @returns {Generator<Uint8Array>}
   * @throws {import('./error.js').Violation} on a record that is too large, by its Size alone
   */
  *push(bytes) {
    const { buffer } = this;
    let reader;
    if (buffer.at > 0) {
      buffer.put(bytes);
      reader = new Reader(buffer.written());
    } else {
      reader = new Reader(bytes);
    }
    let taken = 0;
    try {
      for (;;) {
        const size = reader.varint();
        if (size === -1) break;
        if (size > this.max) throw badFrame(`a record of ${size} bytes, limit max_record_bytes = ${this.max}`);
        if (reader.left < size) break;
        yield reader.take(Number(size));
        taken = reader.at;
      }
    } finally {
      // A new buffer, since what was given out may be kept.
      if (buffer.at > 0) this.buffer = new Writer(1024);
      this.buffer.put(reader.bytes.subarray(taken, reader.end));
    }
  }
}

/** A record with its Size. @param {Uint8Array} frames */
export function putRecord(frames) {
  const writer = new Writer(varintLength(frames.length) + frames.length);
  writer.reserve(8 + frames.length);
  writer.varint(frames.length);
  writer.put(frames);
  return writer.finish();
}
