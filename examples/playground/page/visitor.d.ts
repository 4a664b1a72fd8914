// Made by `ipfi gen ts` from the interface `Visitor`. Changes here are lost with the next run.

import type { Answer, CallOptions, Context, Typed, Wire } from './ipfi/typed.js';

/** What serves `Visitor`: `serve(new Interface(), Visitor, handlers)`. */
export interface VisitorHandlers {
  answer(whoAsks: string, context: Context): Answer<string>;
  double(number: bigint, context: Context): Answer<bigint>;
}

/** The interface `Visitor`, for `serve`. */
export declare const Visitor: Typed<VisitorHandlers>;

/** What a page, or the prompt, offers to the server. */
export declare class VisitorClient {
  #private;

  /** Calls the peer of `wire`, which is believed to serve the interface. */
  constructor(wire: Wire);

  /** Asks the peer of `wire` whether it serves this version of the interface, before the first call. */
  static checked(wire: Wire): Promise<VisitorClient>;

  /** Somebody sits there and answers. */
  answer(whoAsks: string, options?: CallOptions): Promise<string>;

  /** Twice the number. */
  double(number: bigint, options?: CallOptions): Promise<bigint>;
}
