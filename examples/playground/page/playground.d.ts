// Made by `ipfi gen ts` from the interface `Playground`. Changes here are lost with the next run.

import type {
  Answer,
  Answers,
  CallOptions,
  Context,
  DuplexCall,
  Items,
  Source,
  StreamCall,
  Typed,
  Wire,
} from './ipfi/typed.js';

/** What serves `Playground`: `serve(new Interface(), Playground, handlers)`. */
export interface PlaygroundHandlers {
  hello(name: string, context: Context): Answer<string>;
  count(limit: bigint, context: Context): Answers<bigint>;
  sum(items: Items<bigint>, context: Context): Answer<bigint>;
  shout(items: Items<string>, context: Context): Answers<string>;
  upload(items: Items<Uint8Array>, context: Context): Answer<bigint>;
  pieces(from: number, to: number, bytes: number, everyMs: bigint, context: Context): Answers<Uint8Array>;
  ask(context: Context): Answer<string>;
  askOften(times: bigint, context: Context): Answer<bigint>;
  slow(context: Context): Answer<void>;
  fail(context: Context): Answer<void>;
  pullThePlug(context: Context): Answer<void>;
}

/** The interface `Playground`, for `serve`. */
export declare const Playground: Typed<PlaygroundHandlers>;

/** What there is to try. */
export declare class PlaygroundClient {
  #private;

  /** Calls the peer of `wire`, which is believed to serve the interface. */
  constructor(wire: Wire);

  /** Asks the peer of `wire` whether it serves this version of the interface, before the first call. */
  static checked(wire: Wire): Promise<PlaygroundClient>;

  /** One value in, one value out. */
  hello(name: string, options?: CallOptions): Promise<string>;

  /** A stream of numbers, one each 100 ms. Cancel it, and its producer is dropped. */
  count(limit: bigint, options?: CallOptions): StreamCall<bigint>;

  /** A stream of numbers to the server, one answer. */
  sum(items: Source<bigint>, options?: CallOptions): Promise<bigint>;

  /** Streams in both directions: each word comes back as it arrives. */
  shout(items?: Source<string> | null, options?: CallOptions): DuplexCall<string, string>;

  /** Bytes to the server, as fast as it takes them; it answers how many they were. */
  upload(items: Source<Uint8Array>, options?: CallOptions): Promise<bigint>;

  /** Numbered pieces of some size in some rhythm, or as fast as they are taken: what the page's many streams are. */
  pieces(from: number, to: number, bytes: number, everyMs: bigint, options?: CallOptions): StreamCall<Uint8Array>;

  /** Asks back whoever calls. */
  ask(options?: CallOptions): Promise<string>;

  /** Asks back so many times at once; those calls share packets. The answer is the sum of theirs. */
  askOften(times: bigint, options?: CallOptions): Promise<bigint>;

  /** Takes a minute. Its deadline travels with it, and the handler is dropped when it passes. */
  slow(options?: CallOptions): Promise<void>;

  /** Fails, with a code, a text, and whose doing it was. */
  fail(options?: CallOptions): Promise<void>;

  /** Ends the connection under everything that runs on it. */
  pullThePlug(options?: CallOptions): Promise<void>;
}
