// Made by `ipfi gen ts` from the interface `Job`. Changes here are lost with the next run.

import { bytes, f64, struct, u32 } from './ipfi/codec/bincode.js';
import { check, sequence, stream, typed } from './ipfi/typed.js';

export const Line = struct({ row: u32, points: bytes });

const methods = {
  picture: sequence(1053812220, { args: [f64, f64, f64], returns: Line }),
};

/** The interface `Job`, for `serve`. */
export const Job = typed('Job', methods, { Line });

export class JobClient {
  #wire;

  constructor(wire) {
    this.#wire = wire;
  }

  static async checked(wire) {
    await check(wire, Job);
    return new JobClient(wire);
  }

  picture(x, y, zoom, options) {
    return stream(this.#wire, methods.picture, [x, y, zoom], options);
  }
}
