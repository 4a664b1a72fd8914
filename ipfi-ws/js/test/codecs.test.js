import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../src/bytes.js';
import * as b from '../src/codec/bincode.js';
import { DecodeError } from '../src/codec/codec.js';
import { json } from '../src/codec/json.js';
import { messagepack } from '../src/codec/messagepack.js';
import { raw } from '../src/codec/raw.js';
import { DEFAULT_LIMITS } from '../src/limits.js';
import { hex, toHex, vectors } from './vectors.js';

const { bincode } = b;
const Person = b.struct({ name: b.string, age: b.u8, email: b.option(b.string) });
const Shape = b.enumeration({
  Point: b.unit,
  Circle: b.f64,
  Rect: b.tuple(b.u32, b.u32),
  Label: b.struct({ text: b.string }),
});

const types = {
  '()': b.unit,
  '(u8, String)': b.tuple(b.u8, b.string),
  'BTreeMap<String, u32>': b.map(b.string, b.u32),
  Bytes: b.bytes,
  Id: b.u64,
  'Option<u32>': b.option(b.u32),
  Person,
  Shape,
  String: b.string,
  'Vec<()>': b.seq(b.unit),
  'Vec<Option<i32>>': b.seq(b.option(b.i32)),
  'Vec<Person>': b.seq(Person),
  'Vec<String>': b.seq(b.string),
  'Vec<u64>': b.seq(b.u64),
};
for (const name of ['bool', 'char', 'f32', 'f64', 'i8', 'i16', 'i32', 'i64', 'i128', 'u8', 'u16', 'u32', 'u64', 'u128']) {
  types[name] = b[name];
}

const tuples = {
  'no arguments': [],
  '(String,)': [b.string],
  '(u64,)': [b.u64],
  '(i32,)': [b.i32],
  '(u64, u32)': [b.u64, b.u32],
  '(String, Bytes)': [b.string, b.bytes],
  '(Person, Vec<Shape>)': [Person, b.seq(Shape)],
  '2 of u8': Array(2).fill(b.u8),
  '16 of u8': Array(16).fill(b.u8),
};

const encode = (put, value) => {
  const writer = new Writer();
  put(writer, value);
  return writer.finish();
};

/** A value as the vectors have it: bytes and big integers as JSON can hold them. */
function plain(value) {
  if (typeof value === 'bigint') return value > 2n ** 53n || value < -(2n ** 53n) ? String(value) : Number(value);
  if (value instanceof Uint8Array) return [...value];
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, entry]) => [key, plain(entry)]));
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
  }
  return value === undefined ? null : value;
}

/** A value of the vectors as this side's codecs take it. */
function typed(type, value) {
  if (/^[ui](8|16|32|64|128)$|^Id$/.test(type)) return Number.isSafeInteger(value) ? value : BigInt(value);
  if (type === 'Bytes') return Uint8Array.from(value);
  if (type === '()') return undefined;
  if (type.startsWith('BTreeMap')) return new Map(Object.entries(value));
  return value;
}

const { values, arguments: args, accepted, rejected } = vectors('codecs');

for (const vector of values) {
  const { type, name } = vector;
  const value = typed(type, vector.value);
  test(`clause 9.3: ${name} in every codec`, () => {
    const codec = bincode({ returns: types[type] });
    assert.equal(toHex(encode(codec.encodeAnswer, value)), vector.bincode);
    const back = codec.decodeAnswer(hex(vector.bincode), DEFAULT_LIMITS);
    assert.deepEqual(plain(back), plain(typed(type, vector.value)));
    const bytes = hex(vector.bincode);
    for (let cut = 0; cut < bytes.length; cut++) {
      assert.throws(() => codec.decodeAnswer(bytes.subarray(0, cut), DEFAULT_LIMITS), DecodeError);
    }
    // Without a schema a 32-bit float is one of 64, and an integer of 128 bits stays bytes.
    const packed = messagepack.decodeAnswer(hex(vector.messagepack), DEFAULT_LIMITS);
    if (!/128/.test(type)) assert.deepEqual(plain(packed), plain(typed(type, vector.value)));
    if (!/f32/.test(type)) assert.equal(toHex(encode(messagepack.encodeAnswer, value)), vector.messagepack);
    const text = new TextEncoder().encode(vector.json);
    assert.deepEqual(plain(json.decodeAnswer(text, DEFAULT_LIMITS)), plain(typed(type, vector.value)));
    if (vector.json !== '-0.0' && !/Map|Bytes/.test(type)) {
      assert.equal(new TextDecoder().decode(encode(json.encodeAnswer, value)), vector.json.replace(/\.0$/, ''));
    }
  });
}

for (const vector of args) {
  test(`clause 9.1: arguments, ${vector.name}`, () => {
    const inner = tuples[vector.type];
    const given = vector.value.map((value, at) => (inner[at] === b.bytes ? Uint8Array.from(value) : value));
    const codec = bincode({ args: inner });
    assert.equal(toHex(encode(codec.encodeArgs, given)), vector.bincode);
    assert.deepEqual(plain(codec.decodeArgs(hex(vector.bincode), DEFAULT_LIMITS)), vector.value);
    assert.equal(toHex(encode(messagepack.encodeArgs, given)).length > 0, true);
    assert.deepEqual(plain(messagepack.decodeArgs(hex(vector.messagepack), DEFAULT_LIMITS)), vector.value);
    if (!/Shape/.test(vector.type)) assert.equal(toHex(encode(messagepack.encodeArgs, given)), vector.messagepack);
    assert.deepEqual(json.decodeArgs(new TextEncoder().encode(vector.json), DEFAULT_LIMITS), vector.value);
  });
}

/** The three codecs by name, for one type. */
function codecOf(name, type) {
  if (name === 'messagepack') return messagepack;
  if (name === 'json') return json;
  return type in tuples ? bincode({ args: tuples[type] }) : bincode({ returns: types[type] });
}

const decodeAs = (codec, type, bytes) =>
  type in tuples ? codec.decodeArgs(bytes, DEFAULT_LIMITS) : codec.decodeAnswer(bytes, DEFAULT_LIMITS);

for (const vector of accepted) {
  if (vector.codec === 'postcard') continue;
  test(`clause 9.4: ${vector.codec} takes ${vector.name}`, () => {
    const bytes = vector.text === undefined ? hex(vector.hex) : new TextEncoder().encode(vector.text);
    const value = plain(decodeAs(codecOf(vector.codec, vector.type), vector.type, bytes));
    const expected = vector.value;
    if (vector.type === 'Person' && vector.codec !== 'bincode') {
      // Without a schema what is missing stays missing, and what is not known stays there.
      assert.equal(value.name, expected.name);
      assert.equal(value.age, expected.age);
    } else {
      assert.deepEqual(value, expected);
    }
  });
}

/** What only a schema can refuse. */
const NEEDS_SCHEMA = /out of range|for an integer|unknown variant|negative for unsigned|argument where none/;

for (const vector of rejected) {
  if (vector.codec === 'postcard') continue;
  if (vector.codec !== 'bincode' && NEEDS_SCHEMA.test(vector.name)) continue;
  test(`clause 9.2: ${vector.codec} refuses ${vector.type}, ${vector.name}`, () => {
    const bytes = vector.text === undefined ? hex(vector.hex) : new TextEncoder().encode(vector.text);
    assert.throws(
      () => decodeAs(codecOf(vector.codec, vector.type), vector.type, bytes),
      (error) => {
        assert.ok(error instanceof DecodeError, String(error));
        // What the engine's parser refuses is not told apart.
        assert.equal(error.kind, vector.codec === 'json' ? 'decode' : vector.error, error.message);
        return true;
      },
    );
  });
}

test('clause 9.2: nesting of 64 is taken, and no more, in every codec', () => {
  for (const depth of [64, 65]) {
    const packed = new Uint8Array(depth + 1).fill(0x91);
    packed[depth] = 0xc0;
    const text = new TextEncoder().encode('['.repeat(depth) + ']'.repeat(depth));
    const list = b.option(b.lazy(() => list));
    const some = new Uint8Array(depth + 1).fill(1);
    some[depth] = 0;
    const each = [
      () => messagepack.decodeAnswer(packed, DEFAULT_LIMITS),
      () => json.decodeAnswer(text, DEFAULT_LIMITS),
      () => bincode({ returns: list }).decodeAnswer(some, DEFAULT_LIMITS),
    ];
    for (const decode of each) {
      if (depth === 64) decode();
      else assert.throws(decode, (error) => error.kind === 'depth' && error.limit.name === 'max_depth' && error.limit.seen === 65);
    }
  }
});

test('MessagePack keeps integers exact, and names like __proto__ harmless', () => {
  const roundTrip = (value) => messagepack.decodeAnswer(encode(messagepack.encodeAnswer, value), DEFAULT_LIMITS);
  for (const n of [0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53) + 1, 0.5, NaN, Infinity]) {
    assert.deepEqual(roundTrip(n), n);
  }
  assert.equal(Object.is(roundTrip(-0), -0), true);
  for (const n of [2n ** 53n, 2n ** 64n - 1n, -(2n ** 63n)]) assert.equal(roundTrip(n), n);
  const hostile = messagepack.decodeAnswer(hex('81a95f5f70726f746f5f5f81a178c3'), DEFAULT_LIMITS);
  assert.equal(Object.getPrototypeOf(hostile), Object.prototype);
  assert.deepEqual(Object.keys(hostile), ['__proto__']);
  assert.deepEqual(roundTrip(new Map([[1, 'a'], ['b', [new Uint8Array([1])]]])), new Map([[1, 'a'], ['b', [new Uint8Array([1])]]]));
  const cycle = [];
  cycle.push(cycle);
  assert.throws(() => encode(messagepack.encodeAnswer, cycle), RangeError);
});

test('JSON keeps integers beyond 2^53 as bigints', () => {
  const bytes = encode(json.encodeAnswer, { big: 2n ** 64n - 1n, small: 5n });
  assert.equal(new TextDecoder().decode(bytes), '{"big":18446744073709551615,"small":5}');
  assert.deepEqual(json.decodeAnswer(bytes, DEFAULT_LIMITS), { big: 2n ** 64n - 1n, small: 5 });
});

test('bincode says what a value is not', () => {
  assert.throws(() => encode(b.u8.write, 256), /256 is no u8/);
  assert.throws(() => encode(b.u64.write, -1n), /-1 is no u64/);
  assert.throws(() => encode(b.i16.write, 1.5), /1.5 is no i16/);
  assert.throws(() => encode(b.char.write, 'ab'), /not one character/);
  assert.throws(() => encode(Shape.write, 'None'), /no variant None/);
});

test('raw bytes are the bytes themselves', () => {
  assert.equal(toHex(encode(raw.encodeArgs, [new Uint8Array([1, 2])])), '0102');
  assert.deepEqual(raw.decodeArgs(new Uint8Array([1, 2]), DEFAULT_LIMITS), [new Uint8Array([1, 2])]);
  assert.throws(() => encode(raw.encodeAnswer, 'text'), TypeError);
});

/** What is no end of a number in JSON: the prefix of one may be another. */
const NUMBER = /^-?[\d.]+(e[+-]?\d+)?$/;

/** Bytes cut anywhere are refused, and so are those that something follows. */
function cutAndFollowed(codec, decode, bytes, name) {
  for (let cut = 0; cut < bytes.length; cut++) {
    if (codec === json && NUMBER.test(new TextDecoder().decode(bytes.subarray(0, cut)))) continue;
    assert.throws(() => decode(bytes.subarray(0, cut), DEFAULT_LIMITS), DecodeError, `${codec.name}, ${name}, cut at ${cut}`);
  }
  for (const more of codec === json ? [0, 0x22, 0x5d] : [0, 1, 0x80, 0xc0, 0xff]) {
    const followed = Uint8Array.from([...bytes, more]);
    assert.throws(() => decode(followed, DEFAULT_LIMITS), DecodeError, `${codec.name}, ${name}, and ${more} behind`);
  }
}

test('F10: golden bytes that are cut anywhere, or followed by a byte, are refused in every codec', () => {
  let seen = 0;
  const utf8 = (text) => new TextEncoder().encode(text);
  for (const { type, name, bincode: packed, messagepack: named, json: text } of values) {
    const typed = bincode({ returns: types[type] });
    cutAndFollowed(typed, typed.decodeAnswer, hex(packed), name);
    cutAndFollowed(messagepack, messagepack.decodeAnswer, hex(named), name);
    cutAndFollowed(json, json.decodeAnswer, utf8(text), name);
    seen++;
  }
  for (const { type, name, bincode: packed, messagepack: named, json: text } of args) {
    const typed = bincode({ args: tuples[type] });
    cutAndFollowed(typed, typed.decodeArgs, hex(packed), name);
    cutAndFollowed(messagepack, messagepack.decodeArgs, hex(named), name);
    cutAndFollowed(json, json.decodeArgs, utf8(text), name);
    seen++;
  }
  assert.ok(seen > 60, `${seen} values`);
});
