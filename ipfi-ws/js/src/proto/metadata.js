/**
 * Metadata, `docs/protocol.md` section 7: entries to the end of a block, each
 *
 * ```text
 * key length (i), key, value length (i), value
 * ```
 *
 * @module
 */

import { EMPTY, Reader, Writer, text, utf8 } from '../bytes.js';
import { Status } from '../status.js';

/**
 * @typedef {import('../limits.js').Limits} Limits
 * @typedef {'request' | 'response'} Direction
 *
 * What users give: an object of texts or bytes, or pairs where a key comes more than once.
 * @typedef {Record<string, string | Uint8Array> | Iterable<readonly [string, string | Uint8Array]>} MetadataInit
 */

const KEY = /^[a-z0-9._-]{1,64}$/;

/** Metadata of a call: pairs of a key and bytes, in order; a key may come more than once. */
export class Metadata {
  /** @param {MetadataInit} [init] */
  constructor(init = []) {
    /** @type {[string, Uint8Array][]} */
    this.entries = [];
    const pairs = Symbol.iterator in init ? init : Object.entries(init);
    for (const [key, value] of /** @type {Iterable<readonly [string, string | Uint8Array]>} */ (pairs)) {
      this.append(key, value);
    }
  }

  /** @param {string} key 1 to 64 of a to z, 0 to 9, `.`, `_`, `-` @param {string | Uint8Array} value */
  append(key, value) {
    if (!KEY.test(key)) throw new TypeError(`a metadata key is 1 to 64 of a-z 0-9 . _ -, not ${JSON.stringify(key)}`);
    this.entries.push([key, typeof value === 'string' ? utf8(value) : value]);
  }

  /** The first value of `key` as text. @param {string} key */
  get(key) {
    const bytes = this.getBytes(key);
    return bytes && text(bytes);
  }

  /** The first value of `key`. @param {string} key */
  getBytes(key) {
    return this.entries.find(([known]) => known === key)?.[1];
  }

  [Symbol.iterator]() {
    return this.entries[Symbol.iterator]();
  }

  /** The block. */
  encode() {
    if (this.entries.length === 0) return EMPTY;
    const writer = new Writer();
    for (const [key, value] of this.entries) {
      writer.varint(key.length);
      writer.put(utf8(key));
      writer.varint(value.length);
      writer.put(value);
    }
    return writer.finish();
  }
}

/** A status about what came. The callee makes those of requests, the caller those of responses (clause 13.1). @param {Direction} direction @param {string} rule @param {string} what */
export function fault(direction, rule, what) {
  const request = direction === 'request';
  const sender = request ? 'caller' : 'callee';
  return new Status(request ? 'INVALID_ARGUMENT' : 'INTERNAL', `the ${sender} sent ${what}`, {
    side: request ? 'callee' : 'caller',
    rule,
  });
}

/** A status about a limit of this side. @param {Direction} direction @param {string} rule @param {string} name @param {number | bigint} value @param {number | bigint} seen */
export function overLimit(direction, rule, name, value, seen) {
  return new Status('RESOURCE_EXHAUSTED', rule.replaceAll('-', ' '), {
    side: direction === 'request' ? 'callee' : 'caller',
    rule,
    limit: { name, value, seen },
  });
}

/**
 * @param {Uint8Array} block
 * @param {Direction} direction
 * @param {number} most entries that are taken
 * @param {number} maxEntries the limit of which `most` is what is left
 * @returns {Metadata}
 * @throws {Status}
 */
export function decodeMetadata(block, direction, most, maxEntries) {
  const metadata = new Metadata();
  const reader = new Reader(block);
  const truncated = () => fault(direction, 'metadata-truncated', 'metadata that end inside an entry');
  while (reader.left > 0) {
    if (metadata.entries.length >= most) {
      const seen = maxEntries + 1;
      throw overLimit(direction, 'metadata-too-many-entries', 'max_metadata_entries', maxEntries, seen);
    }
    const length = reader.varint();
    if (length === -1) throw truncated();
    if (length < 1 || length > 64) throw fault(direction, 'metadata-key-length', `a metadata key of ${length} bytes`);
    if (length > reader.left) throw truncated();
    const key = String.fromCharCode(...reader.take(Number(length)));
    if (!KEY.test(key)) throw fault(direction, 'metadata-key-byte', `the metadata key ${JSON.stringify(key)}`);
    const size = reader.varint();
    if (size === -1 || size > reader.left) throw truncated();
    metadata.entries.push([key, reader.take(Number(size)).slice()]);
  }
  return metadata;
}
