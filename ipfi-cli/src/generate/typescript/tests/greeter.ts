// Made by `ipfi gen ts` from the interface `Greeter`. Changes here are lost with the next run.

import { enumeration, string, struct, u32, u64, unit } from 'ipfi/bincode';
import { call, check, procedure, procedureWithItems, sequence, stream, typed, upload } from 'ipfi/typed';
import type { Answer, Answers, CallOptions, Context, Items, Source, StreamCall, Type, Wire } from 'ipfi/typed';

export type SumError = 'Interrupted' | { Overflow: { after: bigint } };

export const SumError: Type<SumError> = enumeration({ Interrupted: unit, Overflow: struct({ after: u64 }) });

/** What serves `Greeter`: `serve(new Interface(), Greeter, handlers)`. */
export interface GreeterHandlers {
  hello(name: string, context: Context): Answer<string>;
  count(limit: bigint, everyMs: number, context: Context): Answers<bigint>;
  sum(items: Items<bigint>, context: Context): Answer<bigint>;
}

const methods = {
  hello: procedure(968392102, { args: [string], returns: string, timeout: 5000 }),
  count: sequence(691047699, { args: [u64, u32], returns: u64 }),
  sum: procedureWithItems(103260422, { items: u64, returns: u64, throws: SumError }),
};

/** The interface `Greeter`, for `serve`. */
export const Greeter = typed<GreeterHandlers>('Greeter', methods, { SumError });

/**
 * Greets, counts, adds.
 *
 * And nothing else.
 */
export class GreeterClient {
  readonly #wire: Wire;

  /** Calls the peer of `wire`, which is believed to serve the interface. */
  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Asks the peer of `wire` whether it serves this version of the interface, before the first call. */
  static async checked(wire: Wire): Promise<GreeterClient> {
    await check(wire, Greeter);
    return new GreeterClient(wire);
  }

  /**
   * Greets somebody by name.
   *
   * Given up after 5000 ms, unless `options` say otherwise.
   * Calling it again does no harm.
   */
  hello(name: string, options?: CallOptions): Promise<string> {
    return call(this.#wire, methods.hello, [name], options);
  }

  count(limit: bigint, everyMs: number, options?: CallOptions): StreamCall<bigint> {
    return stream(this.#wire, methods.count, [limit, everyMs], options);
  }

  /** @throws {TypedError<SumError>} with the error as its `value` */
  sum(items: Source<bigint>, options?: CallOptions): Promise<bigint> {
    return upload(this.#wire, methods.sum, [], items, options);
  }
}
