/**
 * Why a connection ended, and whose doing it was.
 *
 * @module
 */

import { CloseCode, TransportCode, codeName } from './close_code.js';

/**
 * Who ended a connection, and how:
 *
 * | kind | |
 * |---|---|
 * | `local` | this side closed it: `code` is one of {@link CloseCode} |
 * | `peer` | the peer's application closed it, with that code |
 * | `peer-transport` | the peer says that this side broke the protocol: `code` is one of {@link TransportCode} |
 * | `violation` | the peer broke the protocol, and was told that code |
 * | `timeout` | nothing came, or nothing was taken, for too long |
 * | `lost` | the carrier broke, or could not be opened: nobody's doing |
 * | `misuse` | this program asked for what cannot be |
 *
 * @typedef {'local' | 'peer' | 'peer-transport' | 'violation' | 'timeout' | 'lost' | 'misuse'} EndKind
 */

/** The one cause with which a connection ended, given to everything that waited on it. */
export class ConnectionError extends Error {
  /**
   * @param {EndKind} kind
   * @param {string} reason what happened, without who did it
   * @param {number | bigint} [code]
   * @param {string} [message]
   */
  constructor(kind, reason, code = 0, message = describe(kind, reason, code)) {
    super(message);
    this.name = 'ConnectionError';
    /** Whose doing it was. */
    this.kind = kind;
    /** What was said about it. */
    this.reason = reason;
    /** The code that was told, or heard. */
    this.code = code;
  }

  /** Whether this was an orderly end and no fault. */
  get orderly() {
    const { kind, code } = this;
    if (kind === 'local' || kind === 'peer') return code === CloseCode.NO_ERROR || code === CloseCode.SHUTDOWN;
    return kind === 'peer-transport' && code === TransportCode.NO_ERROR;
  }
}

/** @param {EndKind} kind @param {string} reason @param {number | bigint} code */
function describe(kind, reason, code) {
  const tail = reason && `: ${reason}`;
  switch (kind) {
    case 'local':
      return `closed by this side: ${codeName(CloseCode, code)}${tail}`;
    case 'peer':
      return `closed by the peer: ${codeName(CloseCode, code)}${tail}`;
    case 'peer-transport':
      return `closed by the peer's transport: ${codeName(TransportCode, code)}${tail}`;
    case 'violation':
      return `the peer broke the protocol: ${reason} (${codeName(TransportCode, code)})`;
    case 'lost':
      return `connection lost${tail}`;
    default:
      return reason;
  }
}

/** What any thrown value says. @param {any} error @returns {string} */
export const words = (error) => error?.message ?? String(error);

/** A breach of QMux by the peer: the end of the connection, because nothing that follows can be trusted. */
export class Violation extends Error {
  /**
   * @param {number} code what CONNECTION_CLOSE carries, one of {@link TransportCode}
   * @param {string} what the frame, the field, the limit and the value seen
   */
  constructor(code, what) {
    super(what);
    this.code = code;
  }
}

/** FRAME_ENCODING_ERROR: badly formatted, prohibited or out of range. @param {string} what */
export const badFrame = (what) => new Violation(TransportCode.FRAME_ENCODING_ERROR, what);
