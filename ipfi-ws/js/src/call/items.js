/**
 * Values that come one after another on a stream, taken no faster than they are asked for: what is not asked for keeps its
 * credit, so the sender waits.
 *
 * @module
 */

import { ItemReader } from '../proto/item.js';
import { Metadata } from '../proto/metadata.js';
import { Status } from '../status.js';

/**
 * What the items come out of.
 *
 * @typedef {object} ItemSource
 * @property {import('../session.js').SessionStream | null} stream none while it is not open yet
 * @property {ItemReader} reader
 * @property {(bytes: Uint8Array) => unknown} decode
 * @property {(metadata: Metadata) => void} onMetadata
 * @property {(status: Status, told: boolean) => void} failed These items have failed, because of what came, or because the
 *   peer says so: the source gives the call up.
 * @property {() => void} drained The stream has been read to its end.
 * @property {() => void} left Whoever read them wants no more.
 */

/** What {@link Items.take} gives when nothing is there yet, and at the end. */
const NOTHING = Symbol('nothing');
const END = Symbol('end');

/**
 * Items of a peer: `for await (const item of items)`. Leaving the loop says that no more are wanted.
 *
 * @template [T=any]
 * @implements {AsyncIterableIterator<T>}
 */
export class Items {
  /** @type {ItemSource} */
  #source;
  /** @type {{ resolve: (result: IteratorResult<T>) => void, reject: (error: unknown) => void }[]} */
  #waiters = [];
  /** How they ended: with a status, or null in order. @type {Status | null | undefined} */
  #end = undefined;

  /** @param {ItemSource} source */
  constructor(source) {
    this.#source = source;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** The next item. @returns {Promise<IteratorResult<T>>} */
  next() {
    if (this.#waiters.length === 0) {
      const taken = this.#take();
      if (taken === END) return this.#ended();
      if (taken !== NOTHING) return Promise.resolve({ done: false, value: /** @type {T} */ (taken) });
    }
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** No more are wanted. @returns {Promise<IteratorResult<T>>} */
  async return() {
    if (this.#end === undefined) {
      this.end(null);
      this.#source.left();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncDispose]() {
    return this.return().then(() => {});
  }

  /** Something may have come. */
  wake() {
    while (this.#waiters.length > 0) {
      const taken = this.#take();
      if (taken === NOTHING) break;
      if (taken === END) return this.#settle();
      this.#waiters.shift()?.resolve({ done: false, value: /** @type {T} */ (taken) });
    }
    // A reset is heard of even by those who do not read.
    const { stream, reader } = this.#source;
    if (reader.pending) reader.settle();
    if (stream && stream.resetBy !== null && this.#end === undefined) this.#source.drained();
  }

  /** Ends them, once: with `status`, or in order. @param {Status | null} status */
  end(status) {
    if (this.#end !== undefined) return;
    this.#end = status;
    this.#source.reader.release();
    this.#settle();
  }

  /** Whether they have ended. */
  get over() {
    return this.#end !== undefined;
  }

  /** @returns {Promise<IteratorResult<T>>} */
  #ended() {
    const end = this.#end;
    return end ? Promise.reject(end) : Promise.resolve({ done: true, value: undefined });
  }

  #settle() {
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      if (this.#end) reject(this.#end);
      else resolve({ done: true, value: undefined });
    }
  }

  /** An item that is there, NOTHING or END. @returns {unknown} */
  #take() {
    const source = this.#source;
    const { stream, reader } = source;
    let told = false;
    try {
      for (;;) {
        if (this.#end !== undefined) return END;
        const part = reader.next();
        if (part instanceof Uint8Array) return source.decode(part);
        told = part instanceof Status;
        if (part instanceof Status) throw part;
        if (part) {
          source.onMetadata(part);
          continue;
        }
        if (!stream) return NOTHING;
        if (stream.resetBy !== null) {
          source.drained();
          return END;
        }
        const piece = stream.read();
        if (piece) {
          reader.push(piece);
        } else if (stream.ended) {
          reader.end();
          source.drained();
          this.end(null);
        } else {
          return NOTHING;
        }
      }
    } catch (error) {
      const status = /** @type {Status} */ (error);
      this.end(status);
      source.failed(status, told);
      return END;
    }
  }
}
