// Made by `ipfi gen ts` from the interface `Visitor`. Changes here are lost with the next run.

import { string, u64 } from './ipfi/codec/bincode.js';
import { call, check, procedure, typed } from './ipfi/typed.js';

const methods = {
  answer: procedure(700674340, { args: [string], returns: string }),
  double: procedure(319432384, { args: [u64], returns: u64 }),
};

/** The interface `Visitor`, for `serve`. */
export const Visitor = typed('Visitor', methods);

export class VisitorClient {
  #wire;

  constructor(wire) {
    this.#wire = wire;
  }

  static async checked(wire) {
    await check(wire, Visitor);
    return new VisitorClient(wire);
  }

  answer(whoAsks, options) {
    return call(this.#wire, methods.answer, [whoAsks], options);
  }

  double(number, options) {
    return call(this.#wire, methods.double, [number], options);
  }
}
