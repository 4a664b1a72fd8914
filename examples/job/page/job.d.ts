// Made by `ipfi gen ts` from the interface `Job`. Changes here are lost with the next run.

import type { Answers, CallOptions, Context, StreamCall, Type, Typed, Wire } from './ipfi/typed.js';

/** A line of a picture. */
export interface Line {
  /** Which one, from above. */
  row: number;
  /** How soon each of its points escapes. */
  points: Uint8Array;
}

export declare const Line: Type<Line>;

/** What serves `Job`: `serve(new Interface(), Job, handlers)`. */
export interface JobHandlers {
  picture(x: number, y: number, zoom: number, context: Context): Answers<Line>;
}

/** The interface `Job`, for `serve`. */
export declare const Job: Typed<JobHandlers>;

export declare class JobClient {
  #private;

  /** Calls the peer of `wire`, which is believed to serve the interface. */
  constructor(wire: Wire);

  /** Asks the peer of `wire` whether it serves this version of the interface, before the first call. */
  static checked(wire: Wire): Promise<JobClient>;

  /** A picture of the Mandelbrot set around a point, line by line. */
  picture(x: number, y: number, zoom: number, options?: CallOptions): StreamCall<Line>;
}
