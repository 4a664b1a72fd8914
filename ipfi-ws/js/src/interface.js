/**
 * What a side offers: procedures by index, of every kind.
 *
 * @module
 */

import { Callee } from './call/callee.js';
import { Notification, datagram } from './call/notification.js';
import { json } from './codec/json.js';
import { messagepack } from './codec/messagepack.js';
import { raw } from './codec/raw.js';

/**
 * @typedef {import('./call/context.js').Context} Context
 * @typedef {import('./wire.js').Wire} Wire
 * @typedef {import('./session.js').SessionStream} SessionStream
 * @typedef {import('./call/items.js').Items} Items
 * @typedef {import('./codec/codec.js').Codec} Codec
 * @typedef {'procedure' | 'sequence' | 'procedure with items' | 'sequence with items' | 'notification'} Kind
 *
 * @typedef {object} Offer
 * @property {Kind} kind
 * @property {(args: any[], context: Context, items: Items) => unknown} handler
 * @property {readonly Codec[]} codecs those it may be called in
 * @property {boolean} datagrams whether it may come by datagram
 *
 * @typedef {object} OfferOptions
 * @property {readonly Codec[]} [codecs] codecs beside MessagePack, JSON and raw bytes: bincode with the procedure's schema
 * @property {boolean} [datagrams] a notification may also come by datagram, and be lost
 *
 * What a sequence answers with: its items.
 * @typedef {Iterable<unknown> | AsyncIterable<unknown> | PromiseLike<Iterable<unknown> | AsyncIterable<unknown>>} Sequence
 */

const COMMON = [messagepack, json, raw];

/**
 * Procedures that a peer may call. One interface serves any number of connections.
 *
 * A handler is given the arguments as one array, then its {@link Context}, and for procedures with items those in between.
 * It answers with a value or a promise; what it throws fails its call alone.
 *
 * ```js
 * const offered = new Interface()
 *   .procedure(0, ([name]) => `Hello, ${name}!`)
 *   .sequence(1, async function* ([to]) { for (let n = 0; n < to; n++) yield n; })
 *   .procedureWithItems(2, async ([], numbers) => { let sum = 0; for await (const n of numbers) sum += n; return sum; })
 *   .notification(3, ([line]) => console.log(line));
 * ```
 */
export class Interface {
  constructor() {
    /** @type {Map<number, Offer>} */
    this.offers = new Map();
  }

  /** One value in, one value out. @param {number} index @param {(args: any[], context: Context) => unknown} handler @param {OfferOptions} [options] */
  procedure(index, handler, options) {
    return this.add(index, 'procedure', handler, options);
  }

  /** Answers with an iterable or async iterable, whose items are sent no faster than they are read. @param {number} index @param {(args: any[], context: Context) => Sequence} handler @param {OfferOptions} [options] */
  sequence(index, handler, options) {
    return this.add(index, 'sequence', handler, options);
  }

  /** Takes a stream of items, answers with one value. @param {number} index @param {(args: any[], items: Items, context: Context) => unknown} handler @param {OfferOptions} [options] */
  procedureWithItems(index, handler, options) {
    return this.add(index, 'procedure with items', (args, context, items) => handler(args, items, context), options);
  }

  /** Takes a stream of items and answers with one. @param {number} index @param {(args: any[], items: Items, context: Context) => Sequence} handler @param {OfferOptions} [options] */
  sequenceWithItems(index, handler, options) {
    return this.add(index, 'sequence with items', (args, context, items) => handler(args, items, context), options);
  }

  /** Nobody is answered. @param {number} index @param {(args: any[], context: Context) => unknown} handler @param {OfferOptions} [options] */
  notification(index, handler, options) {
    return this.add(index, 'notification', handler, options);
  }

  /** @param {number} index @param {Kind} kind @param {Offer['handler']} handler @param {OfferOptions} [options] */
  add(index, kind, handler, { codecs = [], datagrams = false } = {}) {
    if (!Number.isInteger(index) || index < 0 || index >= 2 ** 30) {
      throw new RangeError(`procedure ${index}: an index is a whole number from 0 to 2^30 - 1`);
    }
    if (this.offers.has(index)) throw new RangeError(`procedure ${index} is offered twice`);
    this.offers.set(index, { kind, handler, codecs: [...codecs, ...COMMON], datagrams });
    return this;
  }

  // What serves comes with what is offered: a page that only calls does not load it.

  /** @param {Wire} wire @param {SessionStream} stream */
  serveCall(wire, stream) {
    new Callee(wire, stream);
  }

  /** @param {Wire} wire @param {SessionStream} stream @param {Uint8Array} first */
  serveNotification(wire, stream, first) {
    new Notification(wire, stream, first);
  }

  /** @param {Wire} wire @param {Uint8Array} bytes */
  serveDatagram(wire, bytes) {
    datagram(wire, bytes);
  }
}
