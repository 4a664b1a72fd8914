/**
 * The body of a status item, `docs/protocol.md` 6.2:
 *
 * ```text
 * code (i)
 * flags, one byte                      0x01: made by the caller's side; 0x02: a limit follows
 * text length (i), text
 * [name length (i), name, limit (i), seen (i)]
 * details                              the rest of the body
 * ```
 *
 * @module
 */

import { EMPTY, Reader, Writer, text, utf8 } from '../bytes.js';
import { CODES, Status } from '../status.js';

/** The least that a status takes: code, flags, no text (clause 6.4). */
const LEAST = 3;

/** @returns {never} */
function malformed() {
  throw new Status('INTERNAL', 'the callee sent a malformed status', { side: 'caller', rule: 'status-malformed' });
}

/**
 * @param {Uint8Array} body
 * @returns {Status}
 * @throws {Status} of this side, where it is malformed (clause 6.3)
 */
export function decodeStatus(body) {
  const reader = new Reader(body);
  const integer = () => {
    const value = reader.varint();
    return value === -1 ? malformed() : value;
  };
  const string = () => {
    const length = integer();
    if (length > reader.left) malformed();
    try {
      return text(reader.take(Number(length)));
    } catch {
      return malformed();
    }
  };
  const number = integer();
  if (number === 0 || reader.left === 0) malformed();
  const flags = reader.take(1)[0];
  if (flags > 3) malformed();
  const message = string();
  const limit = flags & 2 ? { name: string(), value: integer(), seen: integer() } : null;
  const code = /** @type {import('../status.js').Code} */ (CODES[Number(number)] ?? 'UNKNOWN');
  return new Status(code, message, {
    side: flags & 1 ? 'caller' : 'callee',
    limit,
    details: reader.take(reader.left).slice(),
  });
}

/**
 * The body of `status` in at most `max` bytes, or {@link LEAST}: what is too much is left out, first the details, then the
 * end of the text, then the limit (clause 6.4).
 *
 * @param {Status} status
 * @param {number | bigint} max
 */
export function encodeStatus(status, max) {
  let { details, limit } = status;
  let words = utf8(status.text);
  let body = encode(status, words, limit, details);
  if (body.length <= max) return body;
  details = EMPTY;
  body = encode(status, words, limit, details);
  let over = body.length - Number(max);
  if (over > 0) {
    let end = Math.max(0, words.length - over);
    // On a character's boundary.
    while (end > 0 && (words[end] & 0xc0) === 0x80) end--;
    words = words.subarray(0, end);
    body = encode(status, words, limit, details);
    over = body.length - Number(max);
  }
  return over > 0 ? encode(status, EMPTY, null, EMPTY).subarray(0, LEAST) : body;
}

/** @param {Status} status @param {Uint8Array} words @param {Status['limit']} limit @param {Uint8Array} details */
function encode(status, words, limit, details) {
  const writer = new Writer(64);
  writer.varint(CODES.indexOf(status.code));
  writer.u8((status.side === 'caller' ? 1 : 0) | (limit ? 2 : 0));
  writer.varint(words.length);
  writer.put(words);
  if (limit) {
    const name = utf8(limit.name);
    writer.varint(name.length);
    writer.put(name);
    writer.varint(limit.value);
    writer.varint(limit.seen);
  }
  writer.put(details);
  return writer.finish();
}
