/**
 * ipfi in JavaScript: call any program's procedures, and be called back.
 *
 * @module
 */

export { Wire } from './wire.js';
export { Interface } from './interface.js';
export { Status, CODES } from './status.js';
export { ConnectionError } from './error.js';
export { Metadata } from './proto/metadata.js';
export { procedureIndex } from './proto/header.js';
export { CloseCode, StreamCode, TransportCode } from './close_code.js';
export { DEFAULT_LIMITS } from './limits.js';
export { messagepack } from './codec/messagepack.js';
export { json } from './codec/json.js';
export { raw } from './codec/raw.js';
export { connect } from './connect.js';
