/**
 * The header of a request, a notification and a datagram, `docs/protocol.md` 3.1:
 *
 * ```text
 * procedure (i)
 * flags, one byte                  low four bits: codec
 * [timeout (i)]                    0x10, milliseconds that remain
 * [metadata length (i), metadata]  0x20
 * [priority (i)]                   0x40, zigzag
 * ```
 *
 * @module
 */

import { Reader, Writer } from '../bytes.js';
import { Status } from '../status.js';
import { Metadata, decodeMetadata, fault, overLimit } from './metadata.js';

/**
 * @typedef {import('../bytes.js').Varint} Varint
 *
 * @typedef {object} Header
 * @property {Varint} procedure
 * @property {number} codec
 * @property {Varint | null} timeout milliseconds
 * @property {Metadata} metadata
 * @property {number} priority
 */

const TIMEOUT = 0x10;
const METADATA = 0x20;
const PRIORITY = 0x40;
const RESERVED = 0x80;

/** No metadata, shared by all that have none. */
const NONE = new Metadata();

/**
 * The header at the front of `reader`; null where more bytes are needed, and then nothing is said of what was taken.
 *
 * @param {Reader} reader
 * @param {import('../limits.js').Limits} limits
 * @returns {Header | null}
 * @throws {Status}
 */
export function decodeHeader(reader, limits) {
  const procedure = reader.varint();
  if (procedure === -1 || reader.left === 0) return null;
  const flags = reader.bytes[reader.at++];
  if (flags & RESERVED) {
    throw new Status('UNIMPLEMENTED', 'the caller set the reserved flag 0x80', { rule: 'header-reserved-flag' });
  }
  /** @type {Varint | null} */
  let timeout = null;
  if (flags & TIMEOUT && (timeout = reader.varint()) === -1) return null;
  let metadata = NONE;
  if (flags & METADATA) {
    const length = reader.varint();
    if (length === -1) return null;
    const { max_metadata_bytes: max, max_metadata_entries: entries } = limits;
    if (length > max) throw overLimit('request', 'metadata-too-large', 'max_metadata_bytes', max, length);
    if (length > reader.left) return null;
    metadata = decodeMetadata(reader.take(Number(length)), 'request', entries, entries);
  }
  let priority = 0;
  if (flags & PRIORITY) {
    const zigzag = reader.varint();
    if (zigzag === -1) return null;
    if (zigzag > 255) throw fault('request', 'header-priority', `the priority ${zigzag} in zigzag, beyond 255`);
    const value = Number(zigzag);
    priority = value & 1 ? -(value + 1) / 2 : value / 2;
  }
  return { procedure, codec: flags & 0x0f, timeout, metadata, priority };
}

/** Appends the header. @param {Writer} writer @param {Varint} procedure @param {number} codec @param {Varint | null} timeout @param {Metadata | null} metadata @param {number} priority */
export function putHeader(writer, procedure, codec, timeout, metadata, priority) {
  writer.varint(procedure);
  const entries = metadata !== null && metadata.entries.length > 0;
  writer.u8(codec | (timeout === null ? 0 : TIMEOUT) | (entries ? METADATA : 0) | (priority ? PRIORITY : 0));
  if (timeout !== null) writer.varint(timeout);
  if (entries) {
    const block = metadata.encode();
    writer.varint(block.length);
    writer.put(block);
  }
  if (priority) writer.varint(priority < 0 ? -2 * priority - 1 : 2 * priority);
}

/** The index of a typed method (clause 3.7). @param {string} name the interface @param {string} method */
export function procedureIndex(name, method) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${name}.${method}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  const index = ((hash >>> 30) ^ (hash & 0x3fffffff)) >>> 0;
  return index < 1 << 14 ? index | (1 << 29) : index;
}
