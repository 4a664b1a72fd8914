/**
 * A call that this side makes, of whatever kind: its place, its request, its deadline and how it ends.
 *
 * | it | while it waits for a place or a stream | afterwards |
 * |---|---|---|
 * | is aborted, or its deadline passes | fails, never started | RESET_STREAM and STOP_SENDING, fails |
 * | sees the connection end | fails, never started | fails; never started if no byte had left |
 *
 * @module
 */

import { Writer, concat } from '../bytes.js';
import { StreamCode } from '../close_code.js';
import { Metadata } from '../proto/metadata.js';
import { ItemReader } from '../proto/item.js';
import { words } from '../error.js';
import { putHeader } from '../proto/header.js';
import { Status, callerStatus } from '../status.js';
import { assemble, encode, encodedLength, guarded, listen, resetStatus } from './shared.js';

/**
 * @typedef {import('../session.js').SessionStream} SessionStream
 * @typedef {import('../session.js').StreamHandler} StreamHandler
 * @typedef {import('../codec/codec.js').Codec} Codec
 * @typedef {import('../error.js').ConnectionError} ConnectionError
 *
 * @typedef {object} CallOptions
 * @property {AbortSignal} [signal] gives the call up when it aborts
 * @property {number} [timeout] milliseconds until the call is given up; it travels with the call. 30 s for a unary call
 *   that says nothing, none for others; Infinity for none
 * @property {import('../proto/metadata.js').MetadataInit} [metadata] goes with the request
 * @property {number} [priority] -128 to 127, strictly higher first, 0 by default
 * @property {Codec} [codec] the wire's by default
 * @property {(metadata: Metadata) => void} [onMetadata] is given what the callee sends before its answer
 */

const head = new Writer(64);

/** @implements {StreamHandler} */
export class Outbound {
  /**
   * @param {import('../wire.js').Wire} wire
   * @param {number} procedure
   * @param {CallOptions} options
   * @param {number} timeout that of its kind
   */
  constructor(wire, procedure, options, timeout) {
    this.wire = wire;
    this.procedure = procedure;
    this.options = options;
    this.codec = options.codec ?? wire.codec;
    this.timeout = options.timeout ?? timeout;
    /** @type {SessionStream | null} */
    this.stream = null;
    /** @type {ItemReader | null} */
    this.items = null;
    this.done = false;
    /** Where it is among the wire's. */
    this.place = -1;
    /** When it is given up; Infinity for never. */
    this.at = Infinity;
    /** Where its deadline is among the others. */
    this.slot = -1;
    /** Asks for a stream, while it waits in line for a place. @type {(() => void) | null} */
    this.enter = null;
    /** @type {Outbound | null} */
    this.before = null;
    /** @type {Outbound | null} */
    this.behind = null;
    /** Gives the place in the queue up. @type {(() => void) | null} */
    this.stopWaiting = null;
  }

  /** Sends the request, now or when there is a place. @param {readonly unknown[]} args @param {boolean} fin nothing follows the arguments */
  begin(args, fin) {
    const { wire, options } = this;
    const { signal } = options;
    const refusal = wire.refusal();
    if (refusal) return this.fail(refusal);
    if (signal?.aborted) return this.fail(abortStatus(signal, true));
    if (!(this.timeout > 0)) return this.fail(late(this.timeout, true));
    wire.outbound.add(this);
    listen(signal, this, true);
    if (this.timeout < Infinity) {
      this.at = wire.runtime.now() + this.timeout;
      wire.deadlines.put(this);
    }
    try {
      const metadata = options.metadata ? new Metadata(options.metadata) : null;
      const message = encode(this.codec.encodeArgs, args);
      const length = encodedLength(message);
      wire.checkRequest(length, metadata);
      const { hasPlace } = wire;
      const stream = hasPlace ? wire.session.open(false) : null;
      if (stream) return this.send(stream, assemble(message, this.header(metadata)), fin);
      const kept = assemble(message);
      const enter = () => {
        this.stopWaiting = wire.session.openLater(false, (opened) => {
          this.stopWaiting = null;
          if (!opened) return this.fail(this.wire.lostStatus(true));
          try {
            // What the peer takes may not have been known before.
            wire.checkRequest(length, metadata);
            const header = this.header(metadata);
            this.send(opened, concat([header.written(), kept], header.at + kept.length), fin);
          } catch (error) {
            opened.reset(StreamCode.CANCELLED);
            opened.stop(StreamCode.CANCELLED);
            this.refuse(error);
          }
        });
      };
      if (hasPlace) return enter();
      this.enter = enter;
      wire.line.add(this);
    } catch (error) {
      this.refuse(error);
    }
  }

  /** Waits in line no more; gives what asks for a stream, if it did. */
  leaveLine() {
    const { enter } = this;
    if (enter) this.wire.line.delete(this);
    this.enter = null;
    return enter;
  }

  /** Its signal is. */
  aborted() {
    this.giveUp(StreamCode.CANCELLED, abortStatus(/** @type {AbortSignal} */ (this.options.signal), !this.stream));
  }

  /** The deadline has passed. */
  passed() {
    this.giveUp(StreamCode.DEADLINE, late(this.timeout, !this.stream));
  }

  /** What could not be encoded, or is too large, fails before it leaves. @param {unknown} error */
  refuse(error) {
    const known = error instanceof Status ? error : null;
    const status = known ?? callerStatus('INVALID_ARGUMENT', `the arguments cannot be encoded: ${words(error)}`, { cause: error });
    status.neverStarted = true;
    this.fail(status);
  }

  /** The header as it is now, valid until the next is made. @param {Metadata | null} metadata */
  header(metadata) {
    // Rounded up: only a deadline that has passed is 0 (clause 3.3).
    const timeout = this.at === Infinity ? null : Math.max(1, Math.ceil(this.at - this.wire.runtime.now()));
    head.at = 0;
    putHeader(head, this.procedure, this.codec.id, timeout, metadata, this.options.priority ?? 0);
    return head;
  }

  /** @param {SessionStream} stream @param {Uint8Array} request @param {boolean} fin */
  send(stream, request, fin) {
    const { priority } = this.options;
    this.stream = stream;
    stream.handler = this;
    if (priority) stream.setPriority(priority);
    stream.write(request, fin);
  }

  /** The reader of the response. */
  get reader() {
    const { wire } = this;
    return (this.items ??= new ItemReader('response', wire.limits, wire.reassembly));
  }

  /** @param {Metadata} metadata */
  onMetadata(metadata) {
    const { onMetadata } = this.options;
    if (onMetadata) guarded(() => onMetadata(metadata));
  }

  /** @param {ConnectionError} _ */
  onClosed(_) {
    this.onReadable();
    const { stream } = this;
    if (this.done || (stream && stream.complete && stream.resetBy === null)) return;
    this.fail(this.wire.lostStatus(!stream?.touched));
  }

  onReadable() {}

  /** The response was reset. */
  wasReset() {
    this.stream?.reset(StreamCode.CANCELLED);
    this.fail(resetStatus(this.stream?.resetBy ?? null));
  }

  /** The response cannot be what it should be, or has failed (clause 13.1). @param {Status} status @param {boolean} [told] it came from the callee */
  failed(status, told = false) {
    if (told) {
      // Whatever follows a status is not looked at (clause 4.7).
      this.stream?.reset(StreamCode.NO_ERROR);
      this.stream?.stop(StreamCode.NO_ERROR);
      this.fail(status);
    } else {
      this.giveUp(status.limit ? StreamCode.RESOURCE_EXHAUSTED : StreamCode.CANCELLED, status);
    }
  }

  /** Gives the call up (clause 5.4). @param {number} code @param {Status} status */
  giveUp(code, status) {
    if (this.done) return;
    if (!this.stream) status.neverStarted = true;
    this.stream?.reset(code);
    this.stream?.stop(code);
    this.fail(status);
  }

  /** @param {Status} status */
  fail(status) {
    if (this.done) return;
    this.finish();
    this.settle(status);
  }

  /** How the call ended is told; a kind of call says to whom. @param {Status} _ */
  settle(_) {}

  /** It is over: nothing of it is left. */
  finish() {
    this.done = true;
    const { wire } = this;
    wire.deadlines.remove(this);
    this.stopWaiting?.();
    listen(this.options.signal, this, false);
    this.items?.release();
    this.leaveLine();
    wire.outbound.delete(this);
    wire.admit();
    wire.callEnded();
  }
}

/** @param {AbortSignal} signal @param {boolean} neverStarted */
export function abortStatus({ reason }, neverStarted) {
  const timeout = reason?.name === 'TimeoutError';
  const text = reason?.message ?? String(reason);
  return callerStatus(timeout ? 'DEADLINE_EXCEEDED' : 'CANCELLED', text, { cause: reason, neverStarted });
}

/** @param {number} timeout @param {boolean} neverStarted */
const late = (timeout, neverStarted) =>
  callerStatus('DEADLINE_EXCEEDED', `no answer within ${timeout} ms`, { neverStarted });
