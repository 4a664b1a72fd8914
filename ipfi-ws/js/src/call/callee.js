/**
 * A call that the peer makes: its request, its handler, its answer.
 *
 * | state | |
 * |---|---|
 * | HEADER, ARGUMENTS | what is needed to start has not come; `request_timeout_ms` |
 * | RUNNING | the handler has the call |
 * | ANSWERED | the response is written, or was reset; the handler may still run |
 *
 * The place of a call is free when its handler has ended. One that was cancelled and takes no notice is waited for
 * `status_grace_ms`, since nothing in JavaScript can end it.
 *
 * @module
 */

import { EMPTY, Reader, Writer, clamp } from '../bytes.js';
import { StreamCode } from '../close_code.js';
import { COMPLETED, LONG_RUN_MS } from '../mux/abuse.js';
import { ITEM, ItemReader, item, wholeMessage } from '../proto/item.js';
import { decodeHeader } from '../proto/header.js';
import { encodeStatus } from '../proto/status_body.js';
import { Metadata, fault } from '../proto/metadata.js';
import { Status } from '../status.js';
import { Context } from './context.js';
import { Items } from './items.js';
import { Source, checkSize, decoded, messageItem, resetCodeOf } from './shared.js';

/**
 * @typedef {import('../session.js').SessionStream} SessionStream
 * @typedef {import('../session.js').StreamHandler} StreamHandler
 * @typedef {import('../interface.js').Offer} Offer
 * @typedef {import('../proto/header.js').Header} Header
 * @typedef {import('./context.js').CancelCause} CancelCause
 * @typedef {import('./items.js').ItemSource} ItemSource
 */

/** Used again for each request. */
const reader = new Reader(EMPTY);

const HEADER = 0;
const ARGUMENTS = 1;
const RUNNING = 2;
const ANSWERED = 3;

/**
 * What is offered under the header's procedure, in its codec.
 *
 * @param {import('../wire.js').Wire} wire
 * @param {Header} header
 * @throws {Status} UNIMPLEMENTED
 */
export function find({ offered }, { procedure, codec: id }) {
  // None is offered in the range that is reserved for ipfi (clause 3.6).
  const offer = offered?.offers.get(Number(procedure));
  if (!offer) throw new Status('UNIMPLEMENTED', `there is no procedure ${procedure}`);
  const codec = offer.codecs.find((known) => known.id === id);
  if (!codec) throw new Status('UNIMPLEMENTED', `procedure ${procedure} does not take codec ${id}`);
  return { offer, codec };
}

/** @implements {StreamHandler} @implements {ItemSource} */
export class Callee {
  /** @param {import('../wire.js').Wire} wire @param {SessionStream} stream */
  constructor(wire, stream) {
    this.wire = wire;
    this.stream = stream;
    this.state = HEADER;
    /** Where it is among the wire's. */
    this.place = -1;
    /** @type {ItemReader | null} */
    this.lazyReader = null;
    /** What has come of the header. @type {Writer | null} */
    this.partial = null;
    /** @type {Header | null} */
    this.header = null;
    /** @type {Offer | null} */
    this.offer = null;
    /** @type {import('../codec/codec.js').Codec | null} */
    this.codec = null;
    /** @type {Context | null} */
    this.context = null;
    /** @type {Items | null} */
    this.items = null;
    /** @type {Source | null} */
    this.source = null;
    /** When it is given up, and where that is among the other deadlines. */
    this.at = Infinity;
    this.slot = -1;
    this.metadataSent = false;
    /** The handler has not ended. */
    this.runs = false;
    this.released = false;
    /** Lets the sequence go on. @type {((value?: unknown) => void) | null} */
    this.room = null;
    stream.handler = this;
    wire.inbound.add(this);
  }

  /** Cuts the request into messages. */
  get reader() {
    const { wire } = this;
    if (!this.lazyReader) {
      this.lazyReader = new ItemReader('request', wire.limits, wire.reassembly);
      // Made this late, the arguments have been taken without it.
      if (this.state >= RUNNING) this.lazyReader.messages = 1;
    }
    return this.lazyReader;
  }

  // --- What happens to the stream ---

  onReadable() {
    const { stream, state } = this;
    if (stream.resetBy !== null) return this.requestReset(stream.resetBy);
    if (state === ANSWERED) return;
    if (state === RUNNING) return this.items ? this.items.wake() : this.unexpected();
    try {
      while (this.state < RUNNING) {
        const piece = stream.read();
        if (!piece) break;
        this.take(piece);
      }
      if (this.state < RUNNING) {
        if (!stream.ended) this.waitForRequest();
        else if (this.state === ARGUMENTS) this.reader.end();
        else throw fault('request', 'header-ended', 'a request that ends inside its header');
      }
    } catch (error) {
      this.fail(error);
    }
  }

  onWritable() {
    this.room?.();
    this.room = null;
  }

  /** The caller wants no answer (clauses 5.5, 5.6). @param {number | bigint} code */
  onStopped(code) {
    this.room?.();
    if (code === StreamCode.DETACHED) return;
    this.cancel(causeOf(code));
  }

  onClosed() {
    if (this.state < RUNNING) this.finish();
    this.cancel('connection');
  }

  // --- The request ---

  /** @param {Uint8Array} piece */
  take(piece) {
    if (this.state === HEADER) {
      if (this.partial) {
        this.partial.put(piece);
        piece = this.partial.written();
      }
      reader.over(piece);
      this.header = decodeHeader(reader, this.wire.limits);
      if (!this.header) {
        if (!this.partial) (this.partial = new Writer(64)).put(piece);
        return;
      }
      this.partial = null;
      this.state = ARGUMENTS;
      this.found(this.header);
      if (reader.left === 0) return;
      if (this.stream.ended) {
        // Nearly all requests are whole: one message, and the end.
        const message = wholeMessage(reader, this.wire.limits.max_message_bytes);
        if (message) return this.start(this.decodeArgs(message));
      }
      piece = reader.take(reader.left);
    }
    this.reader.push(piece);
    this.arguments();
  }

  /** The header is there. @param {Header} header */
  found(header) {
    const { wire } = this;
    if (header.priority) this.stream.setPriority(header.priority);
    if (header.timeout === 0) throw new Status('DEADLINE_EXCEEDED', 'the deadline had passed when the call arrived');
    const { offer, codec } = find(wire, header);
    if (offer.kind === 'notification') {
      throw new Status('UNIMPLEMENTED', `a call to procedure ${header.procedure}, which is a notification`);
    }
    this.offer = offer;
    this.codec = codec;
    const at = header.timeout === null ? Infinity : wire.runtime.now() + clamp(header.timeout);
    this.context = new Context(wire, Number(header.procedure), header.metadata, codec.name, at);
    if (at === Infinity) return;
    wire.deadlines.remove(this);
    this.at = at;
    wire.deadlines.put(this);
  }

  /** Takes message 0 once it is there, and starts the handler. */
  arguments() {
    for (;;) {
      const part = this.reader.next();
      if (part === null) return;
      if (part instanceof Metadata) {
        // The context shows all that has come; the header's block may be shared.
        const context = /** @type {Context} */ (this.context);
        context.metadata = new Metadata([...context.metadata, ...part]);
        continue;
      }
      return this.start(this.decodeArgs(/** @type {Uint8Array} */ (part)));
    }
  }

  /** @param {Uint8Array} bytes */
  decodeArgs(bytes) {
    const codec = /** @type {import('../codec/codec.js').Codec} */ (this.codec);
    return decoded('request', codec, codec.decodeArgs, bytes, this.wire.limits);
  }

  /** Not all has come: for how long it may take (section 10). */
  waitForRequest() {
    const { wire } = this;
    this.reader.settle();
    if (this.slot >= 0) return;
    this.at = wire.runtime.now() + wire.limits.request_timeout_ms;
    wire.deadlines.put(this);
  }

  /** More comes than the procedure takes, or only its end. */
  unexpected() {
    const { stream } = this;
    try {
      for (let piece = stream.read(); piece; piece = stream.read()) {
        this.reader.push(piece);
        this.moreMessages();
      }
      if (stream.ended) this.lazyReader?.end();
    } catch (error) {
      this.inVain();
      this.fail(error);
      this.cancel('caller');
    }
  }

  /** Nothing but metadata may follow the arguments of a procedure that takes no items (clause 5.12). */
  moreMessages() {
    for (let part = this.reader.next(); part !== null; part = this.reader.next()) {
      if (part instanceof Metadata) continue;
      const what = 'a call with a stream of items to a procedure that takes none';
      throw new Status('UNIMPLEMENTED', `${what}: it is a ${this.offer?.kind}`);
    }
  }

  // --- The handler ---

  /** @param {unknown[]} args */
  start(args) {
    const { wire, stream } = this;
    const offer = /** @type {Offer} */ (this.offer);
    const context = /** @type {Context} */ (this.context);
    this.state = RUNNING;
    if (context.deadline === Infinity) wire.deadlines.remove(this);
    const takes = offer.kind.endsWith('items');
    if (takes) this.items = new Items(this);
    else if (this.lazyReader) this.moreMessages();
    this.runs = true;
    let result;
    try {
      result = offer.handler(args, context, /** @type {Items} */ (this.items));
    } catch (error) {
      return this.handlerFailed(error);
    }
    if (typeof (/** @type {any} */ (result)?.then) === 'function') {
      /** @type {Promise<unknown>} */ (result).then(
        (value) => this.returned(value),
        (error) => this.handlerFailed(error),
      );
    } else {
      this.returned(result);
    }
    if (!takes && this.state === RUNNING && !stream.ended) this.unexpected();
  }

  /**
   * The handler is to end because of what its caller sent: charged, unless it had time (clause 13.4). What the caller gives
   * up itself, the carrier charges.
   */
  inVain() {
    const { wire, stream, header } = this;
    const open = Math.min(wire.runtime.now() - stream.opened, Number(header?.timeout ?? Infinity));
    if (this.runs && open < LONG_RUN_MS) wire.charge(wire.waste, 1, 'a call that was ended');
  }

  /** The handler has returned. @param {unknown} value */
  returned(value) {
    const sequence = this.offer?.kind.startsWith('sequence');
    try {
      if (sequence) {
        const source = Source.of(value);
        if (!source) throw new TypeError('a sequence that is not iterable');
        return this.stream_(source);
      }
      if (this.state !== RUNNING) return this.ended();
      const codec = /** @type {import('../codec/codec.js').Codec} */ (this.codec);
      this.putMetadata();
      const answer = messageItem(codec.encodeAnswer, value, this.wire.peerMaxMessage, 'callee');
      this.stream.write(answer, true);
      this.succeeded();
    } catch (error) {
      return this.handlerFailed(error);
    }
    this.ended();
  }

  /** Sends the items of a sequence. @param {Source} source */
  stream_(source) {
    this.source = source;
    const { stream } = this;
    if (this.state !== RUNNING) source.end();
    const codec = /** @type {import('../codec/codec.js').Codec} */ (this.codec);
    source
      .pump((value) => {
        this.putMetadata();
        stream.write(messageItem(codec.encodeAnswer, value, this.wire.peerMaxMessage, 'callee'));
        return stream.writable ? null : new Promise((resolve) => (this.room = resolve));
      })
      .then(
        () => {
          if (this.state === RUNNING) {
            this.putMetadata();
            stream.finish();
            this.succeeded();
          }
          this.ended();
        },
        (error) => {
          source.end();
          this.handlerFailed(error);
        },
      );
  }

  /** @param {unknown} error */
  handlerFailed(error) {
    this.fail(error);
    this.ended();
  }

  /** The handler has ended with what was asked for. */
  succeeded() {
    this.wire.waste.earn(COMPLETED);
    this.answered();
  }

  /** The handler has ended. */
  ended() {
    this.runs = false;
    this.release();
  }

  // --- The answer ---

  putMetadata() {
    const metadata = this.context?.replyMetadata;
    if (this.metadataSent || !metadata) return;
    this.metadataSent = true;
    const block = metadata.encode();
    checkSize(block.length, this.wire.settings.max_metadata_bytes, 'callee', 'max_metadata_bytes');
    this.stream.write(item(block, ITEM.METADATA));
  }

  /** Answers with a status, or what stands for it. @param {unknown} error */
  fail(error) {
    if (this.state === ANSWERED) return;
    const { stream, wire } = this;
    let status = error instanceof Status ? error : null;
    if (!status) {
      wire.onHandlerError(error, this.context?.procedure ?? -1);
      // The text of what a handler throws is not the caller's business.
      status = new Status('INTERNAL', 'the handler failed');
    } else if (status.side === 'caller' && this.state === RUNNING) {
      // A status of a call of the handler's own: it is passed on as the callee's (clause 6.2).
      status = new Status(status.code, status.text, { details: status.details });
    }
    const { code } = status;
    stream.write(item(encodeStatus(status, wire.settings.max_metadata_bytes), ITEM.STATUS), true);
    this.answered();
    if (!stream.sent) {
      const at = wire.runtime.now() + wire.limits.status_grace_ms;
      wire.deadlines.add(at, () => stream.reset(resetCodeOf(code)));
    }
  }

  /** The response is complete: the rest of the request is not needed (clause 5.3). */
  answered() {
    this.stream.stop(StreamCode.NO_ERROR);
    this.finish();
  }

  /** The deadline has passed, or what is needed to start did not come in time. */
  passed() {
    if (this.state === HEADER) {
      this.stream.reset(StreamCode.DEADLINE);
      this.stream.stop(StreamCode.DEADLINE);
      return this.finish();
    }
    this.inVain();
    this.fail(new Status('DEADLINE_EXCEEDED', this.state === RUNNING ? 'the deadline passed' : 'the arguments did not come in time'));
    this.cancel('deadline');
  }

  /** @param {number | bigint} code */
  requestReset(code) {
    if (this.state < RUNNING) {
      this.stream.reset(code);
      return this.finish();
    }
    if (code !== StreamCode.DETACHED) return this.cancel(causeOf(code));
    // The handler runs on; its items end with an error (clause 5.6).
    this.items?.end(new Status('CANCELLED', 'the caller left before its items ended'));
  }

  /** Ends the call before its answer. @param {CancelCause} cause */
  cancel(cause) {
    const { wire } = this;
    if (this.runs) {
      this.context?.cancel(cause);
      this.source?.end();
      this.room?.();
      this.items?.end(new Status(cause === 'deadline' ? 'DEADLINE_EXCEEDED' : 'CANCELLED', `the call was cancelled: ${cause}`));
      if (!wire.session.ended) wire.deadlines.add(wire.runtime.now() + wire.limits.status_grace_ms, () => this.ended());
    }
    if (this.state === ANSWERED) return;
    this.stream.reset(StreamCode.CANCELLED);
    this.stream.stop(StreamCode.CANCELLED);
    this.finish();
  }

  /** The connection shuts down and the grace period is over (clause 5.13). */
  cut() {
    this.fail(new Status('UNAVAILABLE', 'the callee shuts down'));
    this.cancel('shutdown');
  }

  /** Nothing of the call is owed any more, except that its handler may run. */
  finish() {
    const { wire } = this;
    this.state = ANSWERED;
    wire.deadlines.remove(this);
    this.lazyReader?.release();
    if (!this.items?.over) this.items?.end(null);
    this.release();
  }

  release() {
    if (this.released || this.runs || this.state !== ANSWERED) return;
    this.released = true;
    this.stream.release();
    this.wire.inbound.delete(this);
    this.wire.callEnded();
  }

  // --- Items of the caller ---

  /** @param {Uint8Array} bytes */
  decode(bytes) {
    const codec = /** @type {import('../codec/codec.js').Codec} */ (this.codec);
    return decoded('request', codec, codec.decodeItem, bytes, this.wire.limits);
  }

  onMetadata() {}

  /** @param {Status} status */
  failed(status) {
    this.fail(status);
    this.cancel('caller');
  }

  /** The request was read to its end, or reset. */
  drained() {
    const { resetBy } = this.stream;
    if (resetBy !== null) this.requestReset(resetBy);
  }

  /** The handler wants no more items. */
  left() {
    this.stream.stop(StreamCode.NO_ERROR);
  }
}

/** @param {number | bigint} code @returns {CancelCause} */
function causeOf(code) {
  if (code === StreamCode.DEADLINE) return 'deadline';
  return code === StreamCode.SHUTDOWN ? 'shutdown' : 'caller';
}

