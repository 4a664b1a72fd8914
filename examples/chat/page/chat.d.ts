// Made by `ipfi gen ts` from the interface `Chat`. Changes here are lost with the next run.

import type { Answers, CallOptions, Context, DuplexCall, Items, Source, Type, Typed, Wire } from './ipfi/typed.js';

/** What somebody says; the room itself is nobody. */
export interface Line {
  who: string;
  text: string;
}

export declare const Line: Type<Line>;

/** What serves `Chat`: `serve(new Interface(), Chat, handlers)`. */
export interface ChatHandlers {
  join(name: string, items: Items<string>, context: Context): Answers<Line>;
}

/** The interface `Chat`, for `serve`. */
export declare const Chat: Typed<ChatHandlers>;

export declare class ChatClient {
  #private;

  /** Calls the peer of `wire`, which is believed to serve the interface. */
  constructor(wire: Wire);

  /** Asks the peer of `wire` whether it serves this version of the interface, before the first call. */
  static checked(wire: Wire): Promise<ChatClient>;

  /** One call is one who takes part. Their lines come in until they end them; everybody's go out. */
  join(name: string, items?: Source<string> | null, options?: CallOptions): DuplexCall<string, Line>;
}
