// Made by `ipfi gen ts` from the interface `Chat`. Changes here are lost with the next run.

import { string, struct } from './ipfi/codec/bincode.js';
import { check, duplex, sequenceWithItems, typed } from './ipfi/typed.js';

export const Line = struct({ who: string, text: string });

const methods = {
  join: sequenceWithItems(241979741, { args: [string], items: string, returns: Line }),
};

/** The interface `Chat`, for `serve`. */
export const Chat = typed('Chat', methods, { Line });

export class ChatClient {
  #wire;

  constructor(wire) {
    this.#wire = wire;
  }

  static async checked(wire) {
    await check(wire, Chat);
    return new ChatClient(wire);
  }

  join(name, items, options) {
    return duplex(this.#wire, methods.join, [name], items, options);
  }
}
