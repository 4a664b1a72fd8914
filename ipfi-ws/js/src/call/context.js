/**
 * What a handler knows of its call.
 *
 * @module
 */

import { Metadata } from '../proto/metadata.js';

/**
 * Why a handler's call ended before its answer: the caller gave it up, its deadline passed, the connection ended, or this
 * side or the peer shuts down.
 *
 * @typedef {'caller' | 'deadline' | 'connection' | 'shutdown'} CancelCause
 */

/** What a handler knows of its call; it outlives the call. */
export class Context {
  /** @type {AbortController | null} */
  #controller = null;

  /**
   * @param {import('../wire.js').Wire} wire
   * @param {number} procedure
   * @param {Metadata} metadata
   * @param {string} codec
   * @param {number} deadline
   */
  constructor(wire, procedure, metadata, codec, deadline) {
    /** The connection that the call came on: a handler may call its caller back. */
    this.wire = wire;
    this.procedure = procedure;
    /** What came with the request. */
    this.metadata = metadata;
    /** The name of the codec of this call. */
    this.codec = codec;
    /** When the deadline passes, by the wire's clock; Infinity for never. */
    this.deadline = deadline;
    /** Why the call was cancelled, once it was. @type {CancelCause | null} */
    this.cancelCause = null;
    /** What goes back before the answer; set it before the first item. @type {Metadata | null} */
    this.replyMetadata = null;
  }

  /** Aborts when the call is cancelled, with the cause as its reason. */
  get signal() {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.cancelCause) this.#controller.abort(this.cancelCause);
    }
    return this.#controller.signal;
  }

  /** How many milliseconds the caller still waits; Infinity where it does not say. */
  get remaining() {
    return Math.max(0, this.deadline - this.wire.runtime.now());
  }

  /** @param {import('../proto/metadata.js').MetadataInit} init */
  setReplyMetadata(init) {
    this.replyMetadata = new Metadata(init);
  }

  /** @param {CancelCause} cause */
  cancel(cause) {
    if (this.cancelCause) return;
    this.cancelCause = cause;
    this.#controller?.abort(cause);
  }
}
