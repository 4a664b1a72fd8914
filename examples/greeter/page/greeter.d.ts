// Made by `ipfi gen ts` from the interface `Greeter`. Changes here are lost with the next run.

import type { Answer, Answers, CallOptions, Context, StreamCall, Typed, Wire } from 'ipfi/typed';

/** What serves `Greeter`: `serve(new Interface(), Greeter, handlers)`. */
export interface GreeterHandlers {
  hello(name: string, context: Context): Answer<string>;
  count(limit: bigint, context: Context): Answers<bigint>;
}

/** The interface `Greeter`, for `serve`. */
export declare const Greeter: Typed<GreeterHandlers>;

export declare class GreeterClient {
  #private;

  /** Calls the peer of `wire`, which is believed to serve the interface. */
  constructor(wire: Wire);

  /** Asks the peer of `wire` whether it serves this version of the interface, before the first call. */
  static checked(wire: Wire): Promise<GreeterClient>;

  /** Greets somebody by name. */
  hello(name: string, options?: CallOptions): Promise<string>;

  /** Counts up to `limit`. */
  count(limit: bigint, options?: CallOptions): StreamCall<bigint>;
}
