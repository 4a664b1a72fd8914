/**
 * Codec 1: bincode 2 in its standard configuration, by a schema. Rust's default; the tables that typed interfaces
 * generate are made of what is here, and so can be tables written by hand:
 *
 * ```js
 * import { bincode, string, u64, u8, option, struct } from 'ipfi/bincode';
 *
 * const Person = struct({ name: string, age: u8, email: option(string) });
 * const find = bincode({ args: [string], returns: Person });
 * const person = await wire.call(0, ['Ada'], { codec: find });
 * ```
 *
 * @module
 */

import { Writer, putText, text, utf8 } from '../bytes.js';
import { DecodeError, Guard, own } from './codec.js';

/**
 * How values of one type are written and read.
 *
 * @template T
 * @typedef {object} Type
 * @property {(writer: Writer, value: T) => void} write
 * @property {(guard: Guard) => T} read
 * @property {number} size what an element of it is charged, at least one byte
 * @property {Made} [of] what it is made of, for whoever compares it with a peer's description (clause 15.3); unknown if not given
 */

/**
 * A shape of clause 15.3, with types where that has shapes.
 *
 * @typedef {string | { option: Type<any> } | { seq: Type<any> } | { map: Type<any>[] } | { tuple: readonly Type<any>[] } |
 *   { array: [Type<any>, number] } | { struct: [string, Type<any>][] } | { enum: [string, Type<any>][] } |
 *   { lazy: () => Type<any> }} Made
 */

/** @template T @param {number} size @param {Type<T>['write']} write @param {Type<T>['read']} read @param {Made} of @returns {Type<T>} */
const type = (size, write, read, of) => ({ size, write, read, of });

/** @param {string} what @returns {never} */
function bad(what) {
  throw new DecodeError('decode', what);
}

/** An unsigned integer in the fewest bytes (clause 9.4). @param {Writer} writer @param {number | bigint} value */
function putUint(writer, value) {
  if (value < 251) return writer.u8(Number(value));
  writer.reserve(17);
  const { view, at } = writer;
  if (value <= 0xffff) {
    view.setUint8(at, 0xfb);
    view.setUint16(at + 1, Number(value), true);
    writer.at += 3;
  } else if (value <= 0xffffffff) {
    view.setUint8(at, 0xfc);
    view.setUint32(at + 1, Number(value), true);
    writer.at += 5;
  } else {
    const wide = BigInt(value);
    const huge = wide >> 64n;
    view.setUint8(at, huge ? 0xfe : 0xfd);
    view.setBigUint64(at + 1, BigInt.asUintN(64, wide), true);
    if (huge) view.setBigUint64(at + 9, huge, true);
    writer.at += huge ? 17 : 9;
  }
}

/** @param {Guard} guard @param {number} bits the widest that is taken @returns {number | bigint} */
function takeUint(guard, bits) {
  const tag = guard.bytes[guard.take(1)];
  if (tag < 251) return tag;
  const bytes = 1 << (tag - 250);
  if (tag === 255 || bytes * 8 > bits) bad(`the integer tag ${tag} for ${bits} bits`);
  const { view } = guard;
  const from = guard.take(bytes);
  if (bytes === 2) return view.getUint16(from, true);
  if (bytes === 4) return view.getUint32(from, true);
  const low = view.getBigUint64(from, true);
  return bytes === 8 ? low : low | (view.getBigUint64(from + 8, true) << 64n);
}

/** A length or a count. @param {Guard} guard */
const takeLength = (guard) => takeUint(guard, 64);

/** @param {number | bigint} value @param {number | bigint} min @param {number | bigint} max @param {string} name */
function inRange(value, min, max, name) {
  if (typeof value === 'number' && !Number.isInteger(value)) throw new TypeError(`${value} is no ${name}`);
  if (!(value >= min && value <= max)) throw new RangeError(`${value} is no ${name}`);
}

/** @param {number} bits @returns {Type<number>} */
function small(bits) {
  const max = 2 ** bits - 1;
  return type(
    bits / 8,
    (writer, value) => {
      inRange(value, 0, max, `u${bits}`);
      putUint(writer, value);
    },
    (guard) => Number(takeUint(guard, bits)),
    `u${bits}`,
  );
}

/** @param {number} bits @returns {Type<number>} */
function smallSigned(bits) {
  const max = 2 ** (bits - 1);
  return type(
    bits / 8,
    (writer, value) => {
      inRange(value, -max, max - 1, `i${bits}`);
      putUint(writer, value < 0 ? -2 * value - 1 : 2 * value);
    },
    (guard) => {
      const zigzag = Number(takeUint(guard, bits));
      return zigzag % 2 ? -(zigzag + 1) / 2 : zigzag / 2;
    },
    `i${bits}`,
  );
}

/** @param {bigint} bits @returns {Type<bigint>} */
function large(bits) {
  const max = (1n << bits) - 1n;
  return type(
    Number(bits) / 8,
    (writer, value) => {
      inRange(value, 0n, max, `u${bits}`);
      putUint(writer, value);
    },
    (guard) => BigInt(takeUint(guard, Number(bits))),
    `u${bits}`,
  );
}

/** @param {bigint} bits @returns {Type<bigint>} */
function largeSigned(bits) {
  const max = 1n << (bits - 1n);
  return type(
    Number(bits) / 8,
    (writer, value) => {
      inRange(value, -max, max - 1n, `i${bits}`);
      const wide = BigInt(value);
      putUint(writer, wide < 0n ? -2n * wide - 1n : 2n * wide);
    },
    (guard) => {
      const zigzag = BigInt(takeUint(guard, Number(bits)));
      return zigzag & 1n ? -(zigzag + 1n) / 2n : zigzag / 2n;
    },
    `i${bits}`,
  );
}

/** One byte. @type {Type<number>} */
export const u8 = type(
  1,
  (writer, value) => {
    inRange(value, 0, 255, 'u8');
    writer.u8(value);
  },
  (guard) => guard.bytes[guard.take(1)],
  'u8',
);
/** @type {Type<number>} */
export const i8 = type(
  1,
  (writer, value) => {
    inRange(value, -128, 127, 'i8');
    writer.u8(value);
  },
  (guard) => guard.view.getInt8(guard.take(1)),
  'i8',
);
export const u16 = small(16);
export const u32 = small(32);
/** Integers of 64 and 128 bits are bigints; numbers are taken too. */
export const u64 = large(64n);
export const u128 = large(128n);
export const i16 = smallSigned(16);
export const i32 = smallSigned(32);
export const i64 = largeSigned(64n);
export const i128 = largeSigned(128n);

/** @type {Type<boolean>} */
export const bool = type(
  1,
  (writer, value) => writer.u8(value ? 1 : 0),
  (guard) => {
    const byte = guard.bytes[guard.take(1)];
    if (byte > 1) bad(`the boolean ${byte}`);
    return byte === 1;
  },
  'bool',
);

/** @type {Type<number>} */
export const f32 = type(
  4,
  (writer, value) => {
    writer.reserve(4);
    writer.view.setFloat32(writer.at, value, true);
    writer.at += 4;
  },
  (guard) => guard.view.getFloat32(guard.take(4), true),
  'f32',
);

/** @type {Type<number>} */
export const f64 = type(
  8,
  (writer, value) => {
    writer.reserve(8);
    writer.view.setFloat64(writer.at, value, true);
    writer.at += 8;
  },
  (guard) => guard.view.getFloat64(guard.take(8), true),
  'f64',
);

/** @param {Guard} guard @param {number} from */
function textFrom(guard, from) {
  try {
    return text(guard.bytes, from, guard.at);
  } catch {
    return bad('text that is not UTF-8');
  }
}

/** One character: its UTF-8 bytes without a length. @type {Type<string>} */
export const char = type(
  4,
  (writer, value) => {
    if ([...value].length !== 1) throw new TypeError(`${JSON.stringify(value)} is not one character`);
    writer.put(utf8(value));
  },
  (guard) => {
    const first = guard.bytes[guard.take(1)];
    const from = guard.at - 1;
    guard.take(first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3);
    return textFrom(guard, from);
  },
  'char',
);

/** @type {Type<string>} */
export const string = type(
  24,
  (writer, value) => putText(writer, value, putUint),
  (guard) => textFrom(guard, guard.take(takeLength(guard))),
  'string',
);

/** A byte string. @type {Type<Uint8Array>} */
export const bytes = type(
  24,
  (writer, value) => {
    putUint(writer, value.length);
    writer.put(value);
  },
  (guard) => {
    const from = guard.take(takeLength(guard));
    return own(guard.bytes.subarray(from, guard.at));
  },
  'bytes',
);

/** Nothing: `()`. @type {Type<undefined>} */
export const unit = type(1, () => {}, () => undefined, 'unit');

/** Runs `read` one level deeper. @template T @param {Guard} guard @param {() => T} read */
function nested(guard, read) {
  guard.enter();
  const value = read();
  guard.leave();
  return value;
}

/** `None` is null. @template T @param {Type<T>} inner @returns {Type<T | null>} */
export const option = (inner) =>
  type(
    inner.size,
    (writer, value) => {
      writer.u8(value === null || value === undefined ? 0 : 1);
      if (value !== null && value !== undefined) inner.write(writer, value);
    },
    (guard) => {
      const tag = guard.bytes[guard.take(1)];
      if (tag > 1) bad(`the option tag ${tag}`);
      return tag === 0 ? null : nested(guard, () => inner.read(guard));
    },
    { option: inner },
  );

/** A sequence of any length. @template T @param {Type<T>} inner @returns {Type<T[]>} */
export const seq = (inner) =>
  type(
    24,
    (writer, value) => {
      putUint(writer, value.length);
      for (const element of value) inner.write(writer, element);
    },
    (guard) => {
      const count = takeLength(guard);
      guard.charge(count, Math.max(1, inner.size));
      return nested(guard, () => {
        const array = [];
        for (let i = 0; i < count; i++) array.push(inner.read(guard));
        return array;
      });
    },
    { seq: inner },
  );

/** @template K, V @param {Type<K>} key @param {Type<V>} value @returns {Type<Map<K, V>>} */
export const map = (key, value) =>
  type(
    24,
    (writer, entries) => {
      putUint(writer, entries.size);
      for (const [k, v] of entries) {
        key.write(writer, k);
        value.write(writer, v);
      }
    },
    (guard) => {
      const count = takeLength(guard);
      guard.charge(count, Math.max(1, key.size + value.size));
      return nested(guard, () => {
        /** @type {Map<K, V>} */
        const entries = new Map();
        for (let i = 0; i < count; i++) {
          const k = key.read(guard);
          entries.set(k, value.read(guard));
        }
        return entries;
      });
    },
    { map: [key, value] },
  );

/** A tuple, or an array of a fixed size. @template {readonly unknown[]} T @param {{ [K in keyof T]: Type<T[K]> }} types @returns {Type<T>} */
export const tuple = (...types) =>
  type(
    types.reduce((sum, { size }) => sum + size, 0),
    (writer, values) => {
      if (values.length !== types.length) throw new TypeError(`${types.length} elements are expected, not ${values.length}`);
      types.forEach((each, at) => each.write(writer, values[at]));
    },
    (guard) => /** @type {any} */ (nested(guard, () => types.map((each) => each.read(guard)))),
    { tuple: types },
  );

/**
 * A struct: its fields in order.
 *
 * @template {Record<string, unknown>} T
 * @overload
 * @param {{ [K in keyof T]: Type<T[K]> }} fields
 * @returns {Type<T>}
 */
/**
 * One of whose fields is named by a number, which JavaScript would put before the others: they are a list of pairs.
 *
 * @overload
 * @param {[string, Type<any>][]} fields
 * @returns {Type<any>}
 */
/** @param {any} fields @returns {Type<any>} */
export function struct(fields) {
  const entries = inOrder(fields);
  return type(
    entries.reduce((sum, [, { size }]) => sum + size, 0),
    (writer, value) => {
      for (const [name, each] of entries) each.write(writer, value[name]);
    },
    (guard) => /** @type {any} */ (nested(guard, () => Object.fromEntries(entries.map(([name, each]) => [name, each.read(guard)])))),
    { struct: entries },
  );
}

/** @param {Record<string, Type<any>> | any[]} named @returns {[string, Type<any>][]} */
const inOrder = (named) => (Array.isArray(named) ? named : Object.entries(named));

/**
 * An enum, by its variants in the order they are declared. A value is the name of a unit variant, or an object of one:
 * `'Point'`, `{ Circle: 1.5 }`, `{ Rect: [1, 2] }`, `{ Label: { text: 'a' } }`.
 *
 * @param {Record<string, Type<any>> | [string, Type<any>][]} variants as the fields of a struct
 * @returns {Type<any>}
 */
export function enumeration(variants) {
  const entries = inOrder(variants);
  const names = entries.map(([name]) => name);
  return type(
    8,
    (writer, value) => {
      const name = typeof value === 'string' ? value : Object.keys(value)[0];
      const index = names.indexOf(name);
      if (index < 0) throw new TypeError(`there is no variant ${name}`);
      putUint(writer, index);
      entries[index][1].write(writer, typeof value === 'string' ? undefined : value[name]);
    },
    (guard) => {
      const index = Number(takeUint(guard, 32));
      if (index >= names.length) bad(`variant ${index} of ${names.length}`);
      const [name, inner] = entries[index];
      return nested(guard, () => (inner === unit ? name : { [name]: inner.read(guard) }));
    },
    { enum: entries },
  );
}

/** `Result<T, E>`: `{ Ok: value }` or `{ Err: error }`. @param {Type<any>} ok @param {Type<any>} err */
export const result = (ok, err) => enumeration({ Ok: ok, Err: err });

/** A type that contains itself. @template T @param {() => Type<T>} of @returns {Type<T>} */
export const lazy = (of) => type(8, (writer, value) => of().write(writer, value), (guard) => of().read(guard), { lazy: of });

/**
 * What the values of one procedure are.
 *
 * @typedef {object} Schema
 * @property {readonly Type<any>[]} [args] its arguments, none if not given
 * @property {Type<any>} [items] what the caller streams
 * @property {Type<any>} [returns] its answer, or what it streams; nothing if not given
 */

/** The codec of a procedure with `schema`. @param {Schema} [schema] @returns {import('./codec.js').Codec} */
export function bincode({ args = [], items = unit, returns = unit } = {}) {
  /** @template T @param {Uint8Array} bytes @param {import('./codec.js').DecodeLimits} limits @param {(guard: Guard) => T} read */
  const whole = (bytes, limits, read) => {
    const guard = new Guard(bytes, limits);
    const value = read(guard);
    guard.finish();
    return value;
  };
  return {
    id: 1,
    name: 'bincode',
    encodeArgs(writer, values) {
      if (values.length !== args.length) throw new TypeError(`${args.length} arguments are expected, not ${values.length}`);
      args.forEach((each, at) => each.write(writer, values[at]));
    },
    decodeArgs: (bytes, limits) => whole(bytes, limits, (guard) => args.map((each) => each.read(guard))),
    encodeItem: items.write,
    decodeItem: (bytes, limits) => whole(bytes, limits, items.read),
    encodeAnswer: returns.write,
    decodeAnswer: (bytes, limits) => whole(bytes, limits, returns.read),
  };
}
