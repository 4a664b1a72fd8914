/**
 * Typed interfaces: what `ipfi gen ts` writes is written against this module.
 *
 * ```js
 * import { connect } from 'ipfi';
 * import { GreeterClient } from './greeter.js';
 *
 * const greeter = await GreeterClient.checked(await connect('wss://example.com/ipfi'));
 * console.log(await greeter.hello('Ada'));
 * ```
 *
 * A page offers one as well: {@link serve}.
 *
 * @module
 */

export { CheckError, TypedError } from './typed/error.js';
export { call, duplex, notify, stream, upload } from './typed/client.js';
export { notification, procedure, procedureWithItems, sequence, sequenceWithItems, typed } from './typed/method.js';
export { serve } from './typed/serve.js';
export { ip, ipv4, ipv6, uuid } from './typed/text.js';
export { array, newtype, nothing, octetArray, octets, raw, some } from './typed/types.js';

/**
 * @typedef {import('./wire.js').Wire} Wire
 * @typedef {import('./call/context.js').Context} Context
 * @typedef {import('./typed/client.js').CallOptions} CallOptions
 * @typedef {import('./typed/client.js').DatagramOptions} DatagramOptions
 */

/** @template T @typedef {import('./codec/bincode.js').Type<T>} Type */
/** @template T @typedef {import('./typed/client.js').Source<T>} Source */
/** @template T @typedef {import('./typed/client.js').StreamCall<T>} StreamCall */
/** @template S, T @typedef {import('./typed/client.js').DuplexCall<S, T>} DuplexCall */
/** @template T @typedef {import('./typed/serve.js').Items<T>} Items */
/** @template T @typedef {import('./typed/serve.js').Answer<T>} Answer */
/** @template T @typedef {import('./typed/serve.js').Answers<T>} Answers */
/** @template H @typedef {import('./typed/method.js').Typed<H>} Typed */

/**
 * Asks the peer whether it serves this version of an interface. What it takes is loaded when it is asked for.
 *
 * @param {Wire} wire
 * @param {Typed<any>} typed
 * @returns {Promise<void>} it fails with a `CheckError`, which says what does not fit
 */
export async function check(wire, typed) {
  const { check } = await import('./typed/check.js');
  await check(wire, typed);
}
