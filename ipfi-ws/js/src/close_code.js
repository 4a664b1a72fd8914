/**
 * The codes of resets and closes, `docs/protocol.md` section 8. The one place where what the peer is told is decided.
 *
 * @module
 */

/** RESET_STREAM and STOP_SENDING (clause 8.1). */
export const StreamCode = /** @type {const} */ ({
  NO_ERROR: 0,
  CANCELLED: 1,
  REFUSED: 2,
  DEADLINE: 3,
  SHUTDOWN: 4,
  RESOURCE_EXHAUSTED: 5,
  INTERNAL: 6,
  DETACHED: 7,
});

/** CONNECTION_CLOSE of the application (clause 8.2). */
export const CloseCode = /** @type {const} */ ({
  NO_ERROR: 0,
  VERSION: 1,
  PROTOCOL: 2,
  UNAUTHENTICATED: 3,
  RESOURCE_EXHAUSTED: 4,
  SHUTDOWN: 5,
  INTERNAL: 6,
});

/** CONNECTION_CLOSE of the transport (clause 8.3, RFC 9000 section 20.1). */
export const TransportCode = /** @type {const} */ ({
  NO_ERROR: 0,
  INTERNAL_ERROR: 1,
  FLOW_CONTROL_ERROR: 3,
  STREAM_LIMIT_ERROR: 4,
  STREAM_STATE_ERROR: 5,
  FINAL_SIZE_ERROR: 6,
  FRAME_ENCODING_ERROR: 7,
  TRANSPORT_PARAMETER_ERROR: 8,
  PROTOCOL_VIOLATION: 10,
});

/**
 * The name of `code` in `table`, or its number.
 *
 * @param {Readonly<Record<string, number>>} table
 * @param {number | bigint} code
 */
export const codeName = (table, code) =>
  Object.keys(table).find((name) => table[name] === code) ?? `code ${code}`;
