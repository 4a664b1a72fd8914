/**
 * The callee's side of typed interfaces.
 *
 * @module
 */

import { TypedError } from './error.js';

/**
 * @typedef {import('../interface.js').Interface} Interface
 * @typedef {import('./method.js').Method} Method
 */

/**
 * What a handler is given of a caller's stream: `for await (const item of items)`. Leaving the loop says that no more are
 * wanted.
 *
 * @template T
 * @typedef {import('../call/items.js').Items<T>} Items
 */

/**
 * What a handler of one value answers with.
 *
 * @template T
 * @typedef {T | PromiseLike<T>} Answer
 */

/**
 * What a handler of a stream answers with, mostly by being an (async) generator.
 *
 * @template T
 * @typedef {Answer<Iterable<T> | AsyncIterable<T>>} Answers
 */

/**
 * Offers a typed interface, in bincode: each of its methods is the one of `handlers` with that name, which is given the
 * parameters, then the items if it takes some, then the context. An error of the method's own is thrown as a
 * {@link TypedError}.
 *
 * ```js
 * const offered = serve(new Interface(), Greeter, {
 *   hello: (name) => `Hello, ${name}!`,
 *   async *count(limit) { for (let n = 0n; n < limit; n++) yield n; },
 *   …
 * });
 * ```
 *
 * @template H
 * @param {Interface} offered
 * @param {import('./method.js').Typed<H>} typed
 * @param {NoInfer<H>} handlers
 * @returns {Interface} `offered`
 */
export function serve(offered, { name: whole, methods }, handlers) {
  for (const [name, { kind, index, types, codec }] of Object.entries(methods)) {
    const given = /** @type {any} */ (handlers)[name];
    if (typeof given !== 'function') throw new TypeError(`${whole}.${name} has no handler`);
    /** @type {import('../interface.js').Offer['handler']} */
    const handler = (args, context, items) => given.call(handlers, ...args, ...(items ? [items] : []), context);
    const outcome = kind.startsWith('sequence') ? outcomes : result;
    offered.add(index, kind, types.throws ? (...call) => outcome(() => handler(...call)) : handler, { datagrams: types.datagrams });
    // What other codecs make of a value is not what the types say.
    /** @type {import('../interface.js').Offer} */ (offered.offers.get(index)).codecs = [codec];
  }
  return offered;
}

/** @param {unknown} error */
function own(error) {
  if (error instanceof TypedError) return { Err: error.value };
  throw error;
}

/** @param {() => unknown} answer */
async function result(answer) {
  try {
    return { Ok: await answer() };
  } catch (error) {
    return own(error);
  }
}

/** @param {() => any} answers */
async function* outcomes(answers) {
  try {
    for await (const item of await answers()) yield { Ok: item };
  } catch (error) {
    yield own(error);
  }
}
