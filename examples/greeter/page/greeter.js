// Made by `ipfi gen ts` from the interface `Greeter`. Changes here are lost with the next run.

import { string, u64 } from 'ipfi/bincode';
import { call, check, procedure, sequence, stream, typed } from 'ipfi/typed';

const methods = {
  hello: procedure(968392102, { args: [string], returns: string }),
  count: sequence(691047699, { args: [u64], returns: u64 }),
};

/** The interface `Greeter`, for `serve`. */
export const Greeter = typed('Greeter', methods);

export class GreeterClient {
  #wire;

  constructor(wire) {
    this.#wire = wire;
  }

  static async checked(wire) {
    await check(wire, Greeter);
    return new GreeterClient(wire);
  }

  hello(name, options) {
    return call(this.#wire, methods.hello, [name], options);
  }

  count(limit, options) {
    return stream(this.#wire, methods.count, [limit], options);
  }
}
