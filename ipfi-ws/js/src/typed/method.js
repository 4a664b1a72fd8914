/**
 * The methods of a typed interface, as both sides have them.
 *
 * @module
 */

import { bincode, result, unit } from '../codec/bincode.js';

/**
 * @template T
 * @typedef {import('../codec/bincode.js').Type<T>} Type
 */

/**
 * @typedef {import('../interface.js').Kind} Kind
 *
 * What a method takes and answers with.
 * @typedef {object} MethodInit
 * @property {readonly Type<any>[]} [args] its parameters, without the stream of items
 * @property {Type<any>} [items] an item of the caller
 * @property {Type<any>} [returns] its answer, or each item of it
 * @property {Type<any>} [throws] an error of its own
 * @property {number} [timeout] milliseconds, of calls that set none
 * @property {boolean} [datagrams] a notification that may also go by datagram
 *
 * @typedef {object} Method
 * @property {Kind} kind
 * @property {number} index
 * @property {MethodInit} types
 * @property {import('../codec/codec.js').Codec} codec
 * @property {{ codec: import('../codec/codec.js').Codec, timeout?: number }} options of calls that set none
 */

/** @param {Kind} kind @returns {(index: number, types?: MethodInit) => Method} */
const method = (kind) => (index, types = {}) => {
  const { args, items, returns = unit, throws, timeout } = types;
  const codec = bincode({ args, items, returns: throws ? result(returns, throws) : returns });
  return { kind, index, types, codec, options: { codec, timeout } };
};

/** One value in, one value out. */
export const procedure = method('procedure');
/** Answers with a stream. */
export const sequence = method('sequence');
/** Takes a stream, answers with one value. */
export const procedureWithItems = method('procedure with items');
/** Takes a stream and answers with one. */
export const sequenceWithItems = method('sequence with items');
/** Nobody is answered. */
export const notification = method('notification');

/**
 * A typed interface: its name in Rust, its methods by their names here, and its structs and enums by their names in Rust, which
 * errors name. `H` is what serves it.
 *
 * @template [H=any]
 * @typedef {{ name: string, methods: Record<string, Method>, types: Record<string, Type<any>>, handlers?: H }} Typed
 */

/**
 * @template [H=any]
 * @param {string} name
 * @param {Record<string, Method>} methods
 * @param {Record<string, Type<any>>} [types]
 * @returns {Typed<H>}
 */
export const typed = (name, methods, types = {}) => ({ name, methods, types });
