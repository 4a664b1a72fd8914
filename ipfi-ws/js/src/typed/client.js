/**
 * Calls of typed methods: what a generated client is written in.
 *
 * @module
 */

import { TypedError } from './error.js';

/**
 * @typedef {import('../wire.js').Wire} Wire
 * @typedef {import('./method.js').Method} Method
 *
 * Options of a typed call: those of every call but the codec.
 * @typedef {Omit<import('../call/outbound.js').CallOptions, 'codec'>} CallOptions
 *
 * Options of a notification that may go by datagram.
 * @typedef {CallOptions & { datagram?: boolean }} DatagramOptions by `datagram` it may be lost, and is where the peer takes none
 */

/**
 * Items to be sent, which are taken no faster than they go.
 *
 * @template T
 * @typedef {Iterable<T> | AsyncIterable<T> | ReadableStream<T>} Source
 */

/**
 * A stream that a callee answers with: `for await (const item of stream)`. Leaving the loop cancels the call.
 *
 * @template T
 * @typedef {{
 *   [Symbol.asyncIterator](): AsyncIterableIterator<T>,
 *   next(): Promise<IteratorResult<T>>,
 *   cancel(): void,
 *   detach(): void,
 *   readonly flow: import('../call/call.js').Call['flow'],
 *   [Symbol.dispose](): void,
 *   [Symbol.asyncDispose](): Promise<void>,
 * }} StreamCall `next` gives one item; `cancel` gives the call up, as the end of a `using` does; `detach` wants no more of the answer,
 *   but lets the handler run on; `flow` says how far the callee is ahead
 */

/**
 * Streams both ways. Items are sent one by one where no source of them was given.
 *
 * @template S, T
 * @typedef {StreamCall<T> & Sending<S>} DuplexCall
 */

/**
 * @template S
 * @typedef {{ send(item: S): Promise<boolean>, end(): void, readonly writable: WritableStream<S> }} Sending
 *   `send` is fulfilled when more may be sent, with false where the callee wants no more; after `end` nothing follows
 */

/** @param {Method} method @param {CallOptions} [options] */
const withCodec = ({ options: own }, options) =>
  options ? { ...options, codec: own.codec, timeout: options.timeout ?? own.timeout } : own;

/** A value, or the error that came for it. @param {any} result `{ Ok }` or `{ Err }` */
function open(result) {
  if ('Err' in result) throw new TypedError(result.Err);
  return result.Ok;
}

/** @param {Method} method @param {Promise<any>} answer */
const answer = (method, answer) => (method.types.throws ? answer.then(open) : answer);

/** @param {Method} method @param {import('../call/call.js').Call} call @returns {any} */
const items = (method, call) => (method.types.throws ? new Outcomes(call) : call);

/** One value in, one value out. @param {Wire} wire @param {Method} method @param {unknown[]} args @param {CallOptions} [options] @returns {Promise<any>} */
export const call = (wire, method, args, options) =>
  answer(method, wire.call(method.index, args, withCodec(method, options)));

/** A stream out. @param {Wire} wire @param {Method} method @param {unknown[]} args @param {CallOptions} [options] @returns {StreamCall<any>} */
export const stream = (wire, method, args, options) =>
  items(method, wire.stream(method.index, args, withCodec(method, options)));

/** A stream in. @param {Wire} wire @param {Method} method @param {unknown[]} args @param {Source<any>} source @param {CallOptions} [options] @returns {Promise<any>} */
export const upload = (wire, method, args, source, options) =>
  answer(method, wire.upload(method.index, args, source, withCodec(method, options)));

/** Both at once. @param {Wire} wire @param {Method} method @param {unknown[]} args @param {Source<any> | null} [source] @param {CallOptions} [options] @returns {DuplexCall<any, any>} */
export const duplex = (wire, method, args, source, options) =>
  items(method, wire.duplex(method.index, args, source, withCodec(method, options)));

/** Nobody answers. @param {Wire} wire @param {Method} method @param {unknown[]} args @param {DatagramOptions} [options] @returns {Promise<void>} */
export async function notify(wire, method, args, options) {
  const all = withCodec(method, options);
  if (options?.datagram) wire.sendDatagram(method.index, args, all);
  else await wire.notify(method.index, args, all);
}

/**
 * A call whose items may be errors of the method's own. One that comes is thrown, and the call is over: a loop that was
 * thrown out of does not say so by itself.
 */
class Outcomes {
  #call;

  /** @param {import('../call/call.js').Call} call */
  constructor(call) {
    this.#call = call;
  }

  async next() {
    const { done, value } = await this.#call.next();
    if (done) return { done, value };
    try {
      return { done: false, value: open(value) };
    } catch (error) {
      this.#call.cancel();
      throw error;
    }
  }

  [Symbol.asyncIterator]() {
    const next = () => this.next();
    const items = this.#call[Symbol.asyncIterator]();
    return {
      next,
      return: () => items.return(),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** @param {unknown} item */
  send(item) {
    return this.#call.send(item);
  }

  end() {
    this.#call.end();
  }

  get writable() {
    return this.#call.writable;
  }

  get flow() {
    return this.#call.flow;
  }

  cancel() {
    this.#call.cancel();
  }

  detach() {
    this.#call.detach();
  }

  [Symbol.dispose]() {
    this.#call.cancel();
  }

  async [Symbol.asyncDispose]() {
    this.#call.cancel();
  }
}
