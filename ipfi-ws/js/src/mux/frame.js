/**
 * Frames: their bytes, RFC 9000 section 19 and draft-ietf-quic-qmux-02, and nothing of their meaning.
 *
 * Decoding is the one gate: what comes out is well formed and within the ranges that can be known without the
 * connection's state. Order, credit and stream states are the connection's.
 *
 * @module
 */

import { Reader, Writer, varintLength, VARINT_MAX } from '../bytes.js';
import { TransportCode } from '../close_code.js';
import { Violation, badFrame } from '../error.js';
import { MAX_STREAMS, decodeParams, putParams } from './params.js';

/**
 * @typedef {import('../bytes.js').Varint} Varint
 * @typedef {import('./params.js').Params} Params
 *
 * @typedef {{ type: 'PADDING', bytes: number }
 *   | { type: 'RESET_STREAM', stream_id: Varint, code: Varint, final_size: Varint }
 *   | { type: 'STOP_SENDING', stream_id: Varint, code: Varint }
 *   | { type: 'STREAM', stream_id: Varint, offset: Varint, fin: boolean, data: Uint8Array }
 *   | { type: 'MAX_DATA' | 'DATA_BLOCKED', maximum: Varint }
 *   | { type: 'MAX_STREAM_DATA' | 'STREAM_DATA_BLOCKED', stream_id: Varint, maximum: Varint }
 *   | { type: 'MAX_STREAMS' | 'STREAMS_BLOCKED', bidi: boolean, maximum: Varint }
 *   | { type: 'CONNECTION_CLOSE', application: boolean, code: Varint, frame_type: Varint, reason: Uint8Array }
 *   | { type: 'DATAGRAM', data: Uint8Array }
 *   | { type: 'QX_TRANSPORT_PARAMETERS', parameters: Params }
 *   | { type: 'QX_PING', response: boolean, sequence: Varint }} Frame
 */

/** Frame types, by their numbers. */
export const Type = /** @type {const} */ ({
  RESET_STREAM: 0x04,
  STOP_SENDING: 0x05,
  STREAM: 0x08,
  MAX_DATA: 0x10,
  MAX_STREAM_DATA: 0x11,
  MAX_STREAMS: 0x12,
  DATA_BLOCKED: 0x14,
  STREAM_DATA_BLOCKED: 0x15,
  STREAMS_BLOCKED: 0x16,
  CLOSE: 0x1c,
  DATAGRAM: 0x30,
  PING: 0x348c67529ef8c7bdn,
  PONG: 0x348c67529ef8c7ben,
  PARAMETERS: 0x3f5153300d0a0d0an,
});

/** @type {Readonly<Record<number, string>>} */
const PROHIBITED = {
  0x01: 'PING',
  0x02: 'ACK',
  0x03: 'ACK',
  0x06: 'CRYPTO',
  0x07: 'NEW_TOKEN',
  0x18: 'NEW_CONNECTION_ID',
  0x19: 'RETIRE_CONNECTION_ID',
  0x1a: 'PATH_CHALLENGE',
  0x1b: 'PATH_RESPONSE',
  0x1e: 'HANDSHAKE_DONE',
};

/** @param {Reader} reader @returns {Varint} */
function field(reader) {
  const value = reader.varint();
  if (value === -1) throw badFrame('the record ends inside a frame');
  return value;
}

/** A length and as many bytes. @param {Reader} reader */
function block(reader) {
  const length = field(reader);
  if (length > reader.left) throw badFrame('the record ends inside a frame');
  return reader.take(Number(length));
}

/** The header of a STREAM frame; one object, used again for each, since nearly all frames are these. */
export class StreamHeader {
  /** @type {Varint} */
  id = 0;
  /** @type {Varint} */
  offset = 0;
  length = 0;
  fin = false;

  /**
   * Reads what follows the type, up to the data (RFC 9000 section 19.8).
   *
   * @param {number} type
   * @param {Reader} reader
   */
  decode(type, reader) {
    this.id = field(reader);
    this.offset = type & 0x04 ? field(reader) : 0;
    this.fin = (type & 0x01) !== 0;
    if (type & 0x02) {
      const length = field(reader);
      if (length > reader.left) throw badFrame('the record ends inside a frame');
      this.length = Number(length);
    } else {
      this.length = reader.left;
    }
    if (typeof this.offset === 'bigint' && this.offset + BigInt(this.length) > VARINT_MAX) {
      throw badFrame('STREAM reaches beyond 2^62 - 1');
    }
  }
}

/** The type of the frame at the front, in its shortest form. @param {Reader} reader @returns {Varint} */
export function frameType(reader) {
  const from = reader.at;
  const type = reader.varint();
  if (type === -1) throw badFrame('the record ends inside a frame type');
  if (reader.at - from !== varintLength(type)) {
    // RFC 9000 section 12.4 leaves this to the receiver: a second spelling would only serve to slip past filters.
    throw new Violation(TransportCode.PROTOCOL_VIOLATION, `frame type ${type} is longer than needed`);
  }
  return type;
}

/**
 * What follows the frame type `type`. Data and reasons are views.
 *
 * @param {Varint} type
 * @param {Reader} reader
 * @returns {Frame}
 * @throws {Violation}
 */
export function decodeFrame(type, reader) {
  if (type >= 0x08 && type <= 0x0f) {
    const header = new StreamHeader();
    header.decode(Number(type), reader);
    const { id, offset, fin, length } = header;
    return { type: 'STREAM', stream_id: id, offset, fin, data: reader.take(length) };
  }
  switch (type) {
    case 0x00: {
      let bytes = 1;
      for (; reader.left > 0 && reader.bytes[reader.at] === 0; bytes++) reader.at++;
      return { type: 'PADDING', bytes };
    }
    case Type.RESET_STREAM:
      return { type: 'RESET_STREAM', stream_id: field(reader), code: field(reader), final_size: field(reader) };
    case Type.STOP_SENDING:
      return { type: 'STOP_SENDING', stream_id: field(reader), code: field(reader) };
    case Type.MAX_DATA:
    case Type.DATA_BLOCKED:
      return { type: type === Type.MAX_DATA ? 'MAX_DATA' : 'DATA_BLOCKED', maximum: field(reader) };
    case Type.MAX_STREAM_DATA:
    case Type.STREAM_DATA_BLOCKED: {
      const name = type === Type.MAX_STREAM_DATA ? 'MAX_STREAM_DATA' : 'STREAM_DATA_BLOCKED';
      return { type: name, stream_id: field(reader), maximum: field(reader) };
    }
    case Type.MAX_STREAMS:
    case Type.MAX_STREAMS + 1:
    case Type.STREAMS_BLOCKED:
    case Type.STREAMS_BLOCKED + 1: {
      const name = type < Type.DATA_BLOCKED ? 'MAX_STREAMS' : 'STREAMS_BLOCKED';
      const maximum = field(reader);
      if (maximum > MAX_STREAMS) throw badFrame(`${name} of ${maximum}, at most 2^60 can be`);
      return { type: name, bidi: (Number(type) & 1) === 0, maximum };
    }
    case Type.CLOSE:
    case Type.CLOSE + 1: {
      const application = type !== Type.CLOSE;
      const code = field(reader);
      const frame_type = application ? 0 : field(reader);
      return { type: 'CONNECTION_CLOSE', application, code, frame_type, reason: block(reader) };
    }
    case Type.DATAGRAM:
      return { type: 'DATAGRAM', data: reader.take(reader.left) };
    case Type.DATAGRAM + 1:
      return { type: 'DATAGRAM', data: block(reader) };
    case Type.PING:
    case Type.PONG:
      return { type: 'QX_PING', response: type === Type.PONG, sequence: field(reader) };
    case Type.PARAMETERS:
      return { type: 'QX_TRANSPORT_PARAMETERS', parameters: decodeParams(block(reader)) };
  }
  const prohibited = typeof type === 'number' && PROHIBITED[type];
  throw badFrame(prohibited ? `prohibited frame ${prohibited}` : `unknown frame type ${type}`);
}

/** All integers of a frame, its type first. @param {Writer} writer @param {...Varint} values */
export function putFrame(writer, ...values) {
  for (const value of values) writer.varint(value);
}

/**
 * The header of a STREAM frame with a length; an offset of 0 is left out.
 *
 * @param {Writer} writer
 * @param {number} id
 * @param {number} offset
 * @param {number} length
 * @param {boolean} fin
 */
export function putStreamHeader(writer, id, offset, length, fin) {
  writer.u8(0x0a | (offset > 0 ? 0x04 : 0) | (fin ? 0x01 : 0));
  writer.varint(id);
  if (offset > 0) writer.varint(offset);
  writer.varint(length);
}

/** @param {Writer} writer @param {Params} parameters */
export function putParameters(writer, parameters) {
  const body = new Writer();
  putParams(body, parameters);
  putFrame(writer, Type.PARAMETERS, body.at);
  writer.put(body.written());
}

/**
 * @param {Writer} writer
 * @param {boolean} application
 * @param {Varint} code
 * @param {Uint8Array} reason
 */
export function putClose(writer, application, code, reason) {
  putFrame(writer, application ? Type.CLOSE + 1 : Type.CLOSE, code);
  if (!application) writer.u8(0);
  writer.varint(reason.length);
  writer.put(reason);
}

/** @param {Writer} writer @param {Uint8Array} data */
export function putDatagram(writer, data) {
  putFrame(writer, Type.DATAGRAM + 1, data.length);
  writer.put(data);
}
