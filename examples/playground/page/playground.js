// Made by `ipfi gen ts` from the interface `Playground`. Changes here are lost with the next run.

import { bytes, i64, string, u32, u64 } from './ipfi/codec/bincode.js';
import {
  call,
  check,
  duplex,
  notification,
  notify,
  procedure,
  procedureWithItems,
  sequence,
  sequenceWithItems,
  stream,
  typed,
  upload,
} from './ipfi/typed.js';

const methods = {
  hello: procedure(580166901, { args: [string], returns: string }),
  count: sequence(245099766, { args: [u64], returns: u64 }),
  sum: procedureWithItems(104305720, { items: i64, returns: i64 }),
  shout: sequenceWithItems(294367389, { items: string, returns: string }),
  upload: procedureWithItems(653613433, { items: bytes, returns: u64 }),
  pieces: sequence(836728400, { args: [u32, u32, u32, u64], returns: bytes }),
  ask: procedure(195660394, { returns: string }),
  askOften: procedure(369620269, { args: [u64], returns: u64 }),
  slow: procedure(1362063),
  fail: procedure(1004738246),
  pullThePlug: notification(518726453),
};

/** The interface `Playground`, for `serve`. */
export const Playground = typed('Playground', methods);

export class PlaygroundClient {
  #wire;

  constructor(wire) {
    this.#wire = wire;
  }

  static async checked(wire) {
    await check(wire, Playground);
    return new PlaygroundClient(wire);
  }

  hello(name, options) {
    return call(this.#wire, methods.hello, [name], options);
  }

  count(limit, options) {
    return stream(this.#wire, methods.count, [limit], options);
  }

  sum(items, options) {
    return upload(this.#wire, methods.sum, [], items, options);
  }

  shout(items, options) {
    return duplex(this.#wire, methods.shout, [], items, options);
  }

  upload(items, options) {
    return upload(this.#wire, methods.upload, [], items, options);
  }

  pieces(from, to, bytes, everyMs, options) {
    return stream(this.#wire, methods.pieces, [from, to, bytes, everyMs], options);
  }

  ask(options) {
    return call(this.#wire, methods.ask, [], options);
  }

  askOften(times, options) {
    return call(this.#wire, methods.askOften, [times], options);
  }

  slow(options) {
    return call(this.#wire, methods.slow, [], options);
  }

  fail(options) {
    return call(this.#wire, methods.fail, [], options);
  }

  pullThePlug(options) {
    return notify(this.#wire, methods.pullThePlug, [], options);
  }
}
