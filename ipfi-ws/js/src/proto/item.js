/**
 * Items, `docs/protocol.md` section 4: `length << 2 | kind` (i), then as many bytes.
 *
 * | kind | item | request | response |
 * |---|---|---|---|
 * | 0 | the last, or only, fragment of a message | yes | yes |
 * | 1 | a fragment; the message goes on | yes | yes |
 * | 2 | status | no | once, then FIN |
 * | 3 | metadata | between messages | once, and first |
 *
 * @module
 */

import { EMPTY, Reader, Writer, clamp, concat } from '../bytes.js';
import { Status } from '../status.js';
import { Metadata, decodeMetadata, fault, overLimit } from './metadata.js';
import { decodeStatus } from './status_body.js';

/**
 * @typedef {import('./metadata.js').Direction} Direction
 * @typedef {import('../limits.js').Limits} Limits
 *
 * Bytes of half-received messages, all calls of a connection together.
 * @typedef {{ bytes: number }} Reassembly
 *
 * What {@link ItemReader.next} gives: a message, or one of the others.
 * @typedef {Uint8Array | Metadata | Status} Part
 */

const FRAGMENT = 1;
const STATUS = 2;
const METADATA = 3;

/** How much of a message is made room for before it has come: so many times what has. */
const AHEAD = 4;

/** Cuts one direction of a call, after its header, into messages. Memory follows what has come, never a length. */
export class ItemReader {
  /**
   * @param {Direction} direction
   * @param {Limits} limits
   * @param {Reassembly} reassembly
   */
  constructor(direction, limits, reassembly) {
    this.direction = direction;
    this.limits = limits;
    this.reassembly = reassembly;
    this.reader = new Reader(EMPTY);
    /** An item's integer that has not come whole. */
    this.partial = EMPTY;
    /** Bytes of the item that are still to come; -1 between items. */
    this.left = -1;
    this.kind = 0;
    /** What has come of a message, or of another item. @type {Writer | null} */
    this.buffer = null;
    /** Bytes of the message as announced. */
    this.announced = 0;
    this.inMessage = false;
    this.first = true;
    this.messages = 0;
    this.metadataBytes = 0;
    this.metadataEntries = 0;
    this.over = false;
  }

  /** The next bytes; those before have been taken by `next`. @param {Uint8Array} bytes */
  push(bytes) {
    const { reader } = this;
    if (this.partial.length > 0) {
      bytes = concat([this.partial, bytes], this.partial.length + bytes.length);
      this.partial = EMPTY;
    }
    reader.over(bytes);
  }

  /** Whether bytes are left that `next` has not looked at. */
  get pending() {
    return this.reader.left > 0;
  }

  /** Makes what is left our own where it keeps a much larger buffer alive. */
  settle() {
    const { reader } = this;
    if (reader.left > 0 && reader.left * 4 < reader.bytes.buffer.byteLength) {
      reader.over(reader.bytes.slice(reader.at));
    }
  }

  /**
   * What is whole; null where more bytes are needed.
   *
   * @returns {Part | null}
   * @throws {Status}
   */
  next() {
    const { reader } = this;
    for (;;) {
      if (this.left < 0) {
        if (reader.left === 0) return null;
        if (this.over) throw this.fault('after-status', 'something after its status');
        const head = reader.varint();
        if (head === -1) {
          this.partial = reader.take(reader.left).slice();
          return null;
        }
        this.begin(head);
      }
      const { left } = this;
      if (reader.left < left) {
        const some = reader.take(reader.left);
        if (some.length > 0) {
          this.keep(some);
          this.left -= some.length;
        }
        return null;
      }
      const bytes = reader.take(left);
      this.left = -1;
      const part = this.finish(bytes);
      if (part) return part;
    }
  }

  /** The direction has ended. @throws {Status} if that is not where it may */
  end() {
    if (this.left >= 0 || this.partial.length > 0) throw this.fault('end-inside-item', 'an item that is not whole');
    if (this.inMessage) throw this.fault('end-inside-message', 'a message that is not whole');
    if (this.direction === 'request' && this.messages === 0) {
      throw this.fault('no-arguments', 'no message 0: a request has its arguments, if empty');
    }
  }

  /** Gives back what is reserved of the connection's reassembly. */
  release() {
    this.reassembly.bytes -= this.reserved;
    this.reserved = 0;
    this.buffer = null;
  }

  reserved = 0;

  /** @param {string} rule @param {string} what */
  fault(rule, what) {
    return fault(this.direction, rule, what);
  }

  /** An item begins: its place, then its length (clause 13.1). @param {import('../bytes.js').Varint} head */
  begin(head) {
    const { direction, limits } = this;
    const kind = typeof head === 'number' ? head % 4 : Number(head & 3n);
    const length = typeof head === 'number' ? (head - kind) / 4 : head >> 2n;
    if (kind === STATUS) {
      if (direction === 'request') throw this.fault('status-in-request', 'a status in a request');
      const max = Math.max(3, limits.max_metadata_bytes);
      if (length > max) throw overLimit(direction, 'status-too-large', 'max_metadata_bytes', max, length);
      // It may come inside a message, which is then given up (clause 4.7).
      this.release();
    } else if (kind === METADATA) {
      if (this.inMessage) throw this.fault('metadata-inside-message', 'metadata inside a message');
      if (direction === 'response' && !this.first) {
        throw this.fault('metadata-not-first', 'metadata that is not the first of its response');
      }
      const seen = this.metadataBytes + clamp(length);
      const { max_metadata_bytes: max } = limits;
      if (seen > max) throw overLimit(direction, 'metadata-too-large', 'max_metadata_bytes', max, seen);
      this.metadataBytes = seen;
    } else {
      if (kind === FRAGMENT && length === 0) {
        throw this.fault('fragment-empty', 'an empty fragment that is not the last of its message');
      }
      const seen = this.announced + clamp(length);
      const { max_message_bytes: max } = limits;
      if (seen > max) throw overLimit(direction, 'message-too-large', 'max_message_bytes', max, seen);
      this.announced = seen;
      this.inMessage = true;
    }
    this.first = false;
    this.kind = kind;
    this.left = Number(length);
  }

  /** Keeps bytes of a message that is not whole. @param {Uint8Array} bytes */
  keep(bytes) {
    const { reassembly, limits } = this;
    if (this.inMessage && this.kind <= FRAGMENT) {
      const more = this.announced - this.reserved;
      const { max_reassembly_bytes: max } = limits;
      if (reassembly.bytes + more > max) {
        throw overLimit(this.direction, 'reassembly-full', 'max_reassembly_bytes', max, reassembly.bytes + more);
      }
      reassembly.bytes += more;
      this.reserved += more;
    }
    this.buffer ??= new Writer(Math.min(bytes.length * AHEAD, Math.max(this.left, bytes.length)));
    this.buffer.put(bytes);
  }

  /** The last bytes of an item have come. @param {Uint8Array} bytes @returns {Part | null} */
  finish(bytes) {
    const { kind } = this;
    if (kind === FRAGMENT) {
      this.keep(bytes);
      return null;
    }
    if (this.buffer) {
      this.buffer.put(bytes);
      bytes = this.buffer.written();
      this.release();
    }
    if (kind === STATUS) {
      this.over = true;
      this.inMessage = false;
      return decodeStatus(bytes);
    }
    if (kind === METADATA) {
      const { max_metadata_entries: max } = this.limits;
      // An empty one counts as one entry (clause 7.4).
      const most = max - this.metadataEntries;
      if (bytes.length === 0 && most < 1) {
        throw overLimit(this.direction, 'metadata-too-many-entries', 'max_metadata_entries', max, max + 1);
      }
      const metadata = decodeMetadata(bytes, this.direction, most, max);
      this.metadataEntries += Math.max(1, metadata.entries.length);
      return metadata;
    }
    this.announced = 0;
    this.inMessage = false;
    this.messages++;
    return bytes;
  }
}

/**
 * The one message that the rest of `reader` is, if it is just that: nothing is taken otherwise.
 *
 * @param {Reader} reader
 * @param {number} max
 */
export function wholeMessage(reader, max) {
  const from = reader.at;
  const head = reader.varint();
  const { left } = reader;
  if (typeof head === 'number' && head === left * 4 && left <= max) return reader.take(left);
  reader.at = from;
  return null;
}

/** Appends the integer of an item. @param {Writer} writer @param {number} length @param {number} kind */
export const putItem = (writer, length, kind) => writer.varint(length * 4 + kind);

/** How many bytes the integer of an item takes. @param {number} length */
export const itemSize = (length) => (length < 1 << 4 ? 1 : length < 1 << 12 ? 2 : length < 1 << 28 ? 4 : 8);

/** A whole item: a message (kind 0) if nothing else is said. @param {Uint8Array} bytes @param {number} [kind] */
export function item(bytes, kind = 0) {
  const writer = new Writer(8 + bytes.length);
  putItem(writer, bytes.length, kind);
  writer.put(bytes);
  return writer.finish();
}

export const ITEM = /** @type {const} */ ({ MESSAGE: 0, FRAGMENT, STATUS, METADATA });
