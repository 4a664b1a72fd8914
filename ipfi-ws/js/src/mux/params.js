/**
 * Transport parameters, RFC 9000 section 18.2 and draft-ietf-quic-qmux-02 "Permitted and Forbidden Transport Parameters".
 *
 * @module
 */

import { Reader, Writer, varintLength } from '../bytes.js';
import { TransportCode } from '../close_code.js';
import { Violation } from '../error.js';

/** @typedef {import('../bytes.js').Varint} Varint */

/**
 * What a side declares, by the name that the documents give it.
 *
 * @typedef {object} Params
 * @property {Varint} max_idle_timeout
 * @property {Varint} initial_max_data
 * @property {Varint} initial_max_stream_data_bidi_local
 * @property {Varint} initial_max_stream_data_bidi_remote
 * @property {Varint} initial_max_stream_data_uni
 * @property {Varint} initial_max_streams_bidi
 * @property {Varint} initial_max_streams_uni
 * @property {Varint} max_datagram_frame_size
 * @property {Varint} max_record_size
 */

/** The least and default max_record_size. */
export const MIN_MAX_RECORD_SIZE = 16_382;

/** More streams than this there cannot be (RFC 9000 section 4.6). */
export const MAX_STREAMS = 2n ** 60n;

const RECORD_SIZE_ID = 0x0571c59429cd0845n;

/** Id and name of every parameter, by ascending id. @type {readonly (readonly [Varint, keyof Params])[]} */
const KNOWN = [
  [0x01, 'max_idle_timeout'],
  [0x04, 'initial_max_data'],
  [0x05, 'initial_max_stream_data_bidi_local'],
  [0x06, 'initial_max_stream_data_bidi_remote'],
  [0x07, 'initial_max_stream_data_uni'],
  [0x08, 'initial_max_streams_bidi'],
  [0x09, 'initial_max_streams_uni'],
  [0x20, 'max_datagram_frame_size'],
  [RECORD_SIZE_ID, 'max_record_size'],
];

/** Parameters of QUIC that mean nothing over one pipe and are prohibited there. */
const PROHIBITED = [0x00, 0x02, 0x03, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10];

/** The defaults. @returns {Params} */
export const defaultParams = () => ({
  max_idle_timeout: 0,
  initial_max_data: 0,
  initial_max_stream_data_bidi_local: 0,
  initial_max_stream_data_bidi_remote: 0,
  initial_max_stream_data_uni: 0,
  initial_max_streams_bidi: 0,
  initial_max_streams_uni: 0,
  max_datagram_frame_size: 0,
  max_record_size: MIN_MAX_RECORD_SIZE,
});

/** @param {string} what @returns {never} */
function fault(what) {
  throw new Violation(TransportCode.TRANSPORT_PARAMETER_ERROR, `QX_TRANSPORT_PARAMETERS: ${what}`);
}

/**
 * @param {Uint8Array} bytes
 * @returns {Params}
 * @throws {Violation}
 */
export function decodeParams(bytes) {
  const params = defaultParams();
  const seen = new Set();
  const reader = new Reader(bytes);
  while (reader.left > 0) {
    const id = reader.varint();
    const length = id === -1 ? -1 : reader.varint();
    if (length === -1 || length > reader.left) fault('they end inside a parameter');
    const value = new Reader(reader.take(Number(length)));
    if (typeof id === 'number' && PROHIBITED.includes(id)) fault(`parameter ${id} is prohibited`);
    const name = KNOWN.find(([known]) => known === id)?.[1];
    if (!name) continue;
    if (seen.has(id)) fault(`${name} is there twice`);
    seen.add(id);
    const number = value.varint();
    if (number === -1 || value.left > 0) fault(`${name} is not one integer`);
    params[name] = number;
  }
  for (const name of /** @type {const} */ (['initial_max_streams_bidi', 'initial_max_streams_uni'])) {
    if (params[name] > MAX_STREAMS) fault(`${name} is ${params[name]}, at most 2^60 can be`);
  }
  if (params.max_record_size < MIN_MAX_RECORD_SIZE) {
    fault(`max_record_size is ${params.max_record_size}, at least ${MIN_MAX_RECORD_SIZE} must be`);
  }
  return params;
}

/**
 * Appends those that differ from their defaults.
 *
 * @param {Writer} writer
 * @param {Params} params
 */
export function putParams(writer, params) {
  const defaults = defaultParams();
  for (const [id, name] of KNOWN) {
    if (params[name] === defaults[name]) continue;
    writer.varint(id);
    writer.varint(varintLength(params[name]));
    writer.varint(params[name]);
  }
}
