/**
 * A call with a stream, in either direction or both.
 *
 * @module
 */

import { StreamCode } from '../close_code.js';
import { words } from '../error.js';
import { callerStatus } from '../status.js';
import { Items } from './items.js';
import { Outbound } from './outbound.js';
import { decoded, messageItem, Source } from './shared.js';
import { wrongKind } from './unary.js';

/**
 * @typedef {import('../status.js').Status} Status
 */

/**
 * A call whose items come and go one by one: `for await` over it gives what the callee sends, {@link Call.send} and
 * {@link Call.writable} send to it. Leaving the loop cancels the call, as do {@link Call.cancel} and the end of a `using`.
 *
 * @template [T=any]
 * @implements {AsyncIterable<T>}
 */
export class Call {
  /** @type {StreamingCall} */
  #call;

  /** @param {StreamingCall} call */
  constructor(call) {
    this.#call = call;
  }

  /** What the callee sends. @returns {import('./items.js').Items<T>} */
  [Symbol.asyncIterator]() {
    return this.#call.received;
  }

  /** The next item. @returns {Promise<IteratorResult<T>>} */
  next() {
    return this.#call.received.next();
  }

  /**
   * Sends an item. The promise is fulfilled when more may be sent: `true`, or `false` where the callee wants no more. Who
   * does not wait for it fills this side's memory.
   *
   * @param {unknown} item
   * @returns {Promise<boolean>} it fails where the item cannot be encoded or is too large; the call goes on
   */
  async send(item) {
    await this.#call.put(item);
    return !this.#call.sendingOver;
  }

  /** No more items follow. */
  end() {
    this.#call.endSending();
  }

  /** The same as a stream: `source.pipeTo(call.writable)`. @returns {WritableStream<unknown>} */
  get writable() {
    return new WritableStream({
      write: async (item) => {
        if (!(await this.send(item))) throw callerStatus('CANCELLED', 'the callee wants no more items');
      },
      close: () => this.end(),
      abort: () => this.cancel(),
    });
  }

  /** Exactly one answer, of a procedure that is no sequence. @returns {Promise<T>} */
  async answer() {
    const { received } = this.#call;
    const first = await received.next();
    if (first.done) throw wrongKind('no answer');
    const second = await received.next();
    if (!second.done) {
      this.cancel();
      throw wrongKind('more than one answer');
    }
    return first.value;
  }

  /**
   * How far the callee is ahead of whoever reads here: the bytes of the answer that came, those of them that were not taken
   * yet, and the credit that is left, null where the carrier keeps it to itself (WebTransport). Null before there is a stream.
   */
  get flow() {
    return this.#call.stream?.flow ?? null;
  }

  /** Gives the call up: the handler is cancelled. Does nothing once it has ended. */
  cancel() {
    this.#call.giveUp(StreamCode.CANCELLED, callerStatus('CANCELLED', 'the call was cancelled by its caller'));
  }

  /** Wants no more of the answer, but the handler runs on: with items that are still sent to it (clause 5.6). */
  detach() {
    this.#call.detach();
  }

  [Symbol.dispose]() {
    this.cancel();
  }

  async [Symbol.asyncDispose]() {
    this.cancel();
  }
}

/** The machine of a {@link Call}. */
export class StreamingCall extends Outbound {
  /** Nothing more is sent: it was ended, or nobody wants it. */
  sendingOver = false;
  /** @type {Source | null} */
  source = null;
  /** Those who wait for room. @type {(() => void)[]} */
  waiting = [];
  /** Items sent before there is a stream. @type {Uint8Array[]} */
  early = [];
  detached = false;
  received = new Items(this);

  /** @param {Uint8Array} bytes */
  decode(bytes) {
    const { codec, wire } = this;
    return decoded('response', codec, codec.decodeAnswer, bytes, wire.limits);
  }

  /**
   * Sends the items of `source`, whose failure fails the call.
   *
   * @param {unknown} items
   */
  feed(items) {
    const source = Source.of(items);
    if (!source) return this.giveUp(StreamCode.CANCELLED, callerStatus('INVALID_ARGUMENT', 'items are not iterable'));
    if (this.sendingOver) return source.end();
    this.source = source;
    source.pump((item) => this.put(item)).then(
      () => this.endSending(),
      (error) => {
        const known = /** @type {any} */ (error)?.name === 'Status' ? error : null;
        const status = known ?? callerStatus('CANCELLED', `the source of the items failed: ${words(error)}`, { cause: error });
        this.giveUp(StreamCode.CANCELLED, status);
        source.end();
      },
    );
  }

  /** @param {unknown} item @returns {Promise<void> | null} for room; null if there is some */
  put(item) {
    if (this.sendingOver) return null;
    const { codec, wire } = this;
    const bytes = messageItem(codec.encodeItem, item, wire.peerMaxMessage, 'caller');
    const { stream } = this;
    if (stream) {
      stream.write(bytes);
      if (stream.writable) return null;
    } else {
      this.early.push(bytes);
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  endSending() {
    if (this.sendingOver) return;
    this.stopSending();
    this.stream?.finish();
    if (this.detached) this.finish();
  }

  /** @override @param {import('../session.js').SessionStream} stream @param {Uint8Array} request @param {boolean} fin */
  send(stream, request, fin) {
    const { early } = this;
    super.send(stream, request, fin && early.length === 0);
    this.early = [];
    for (const bytes of early) stream.write(bytes);
    if (this.sendingOver) stream.finish();
    else this.onWritable();
  }

  onWritable() {
    if (this.stream?.writable) for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** @param {number | bigint} _ */
  onStopped(_) {
    this.stopSending();
  }

  /** Whoever sends is let go of, and told that nobody wants more. */
  stopSending() {
    this.sendingOver = true;
    this.source?.end();
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** @override */
  onReadable() {
    this.received.wake();
  }

  /** The response was read to its end, or reset. */
  drained() {
    if (this.done) return;
    if (this.stream?.resetBy !== null) return this.wasReset();
    if (!this.detached) this.complete();
  }

  complete() {
    this.stopSending();
    this.stream?.reset(StreamCode.NO_ERROR);
    this.finish();
  }

  /** The reader of the answers left. */
  left() {
    this.giveUp(StreamCode.CANCELLED, callerStatus('CANCELLED', 'the caller wants no more items'));
  }

  /** @override @param {Status} status */
  settle(status) {
    this.stopSending();
    this.received.end(status);
  }

  detach() {
    const { stream } = this;
    if (this.done || this.detached) return;
    if (!stream) return this.giveUp(StreamCode.CANCELLED, callerStatus('CANCELLED', 'left before it was sent'));
    this.detached = true;
    // The callee keeps the deadline.
    this.wire.deadlines.remove(this);
    this.received.end(null);
    stream.stop(StreamCode.DETACHED);
    // Items may follow; without any the call is none of ours any more.
    if (this.sendingOver) this.finish();
  }
}
