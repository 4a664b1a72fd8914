// What generated tables have beside the types of bincode: each against the bytes that Rust makes.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../src/bytes.js';
import { bincode, option, seq, u8, unit } from '../src/codec/bincode.js';
import { DecodeError, Guard } from '../src/codec/codec.js';
import { DEFAULT_LIMITS } from '../src/limits.js';
import { array, ip, ipv4, ipv6, newtype, octetArray, octets, raw, some, uuid } from '../src/typed.js';
import { hex, toHex } from './vectors.js';

const write = (type, value) => {
  const writer = new Writer();
  type.write(writer, value);
  return toHex(writer.finish());
};
const read = (type, text) => {
  const guard = new Guard(hex(text), DEFAULT_LIMITS);
  const value = type.read(guard);
  guard.finish();
  return value;
};
const both = (type, value, text) => {
  assert.equal(write(type, value), text);
  assert.deepEqual(read(type, text), value);
};

test('options of options and of nothing are told apart', () => {
  const type = some(option(u8));
  both(type, null, '00');
  both(type, { Some: null }, '0100');
  both(type, { Some: 7 }, '010107');
  both(some(unit), { Some: undefined }, '01');
  assert.equal(write(type, undefined), '00');
  assert.throws(() => read(type, '02'), DecodeError);
});

test('arrays and bytes have their length', () => {
  both(array(u8, 3), [1, 2, 3], '010203');
  both(octetArray(2), new Uint8Array([1, 2]), '0102');
  both(octets, new Uint8Array([1, 2]), '020102');
  assert.throws(() => write(array(u8, 3), [1, 2]), TypeError);
  assert.throws(() => write(octetArray(2), new Uint8Array(3)), TypeError);
  assert.throws(() => read(octetArray(3), '0102'), DecodeError);
});

test('a message as it is takes what there is', () => {
  both(raw, new Uint8Array([1, 2]), '0102');
  assert.throws(() => write(raw, 'text'), TypeError);
});

test('a newtype is as deep as in Rust', () => {
  const deep = (levels) => (levels === 0 ? seq(u8) : newtype(deep(levels - 1)));
  assert.deepEqual(read(deep(63), '0101'), [1]);
  assert.throws(() => read(deep(64), '0101'), { kind: 'depth' });
});

test('UUIDs and addresses are text, as Rust prints it', () => {
  both(uuid, '67e55044-10b1-426f-9247-bb680e5fe0c8', '1067e5504410b1426f9247bb680e5fe0c8');
  assert.equal(write(uuid, '67E55044-10B1-426F-9247-BB680E5FE0C8'), '1067e5504410b1426f9247bb680e5fe0c8');
  assert.throws(() => read(uuid, '0f67e5504410b1426f9247bb680e5fe0'), DecodeError);
  for (const text of ['', '67e55044', '67e5504410b1426f9247bb680e5fe0c8', '67e55044-10b1-426f-9247-bb680e5fe0cg']) {
    assert.throws(() => write(uuid, text), TypeError);
  }
  both(ipv4, '192.0.2.1', 'c0000201');
  for (const text of ['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', ' 1.2.3.4']) assert.throws(() => write(ipv4, text), TypeError);
  both(ipv6, '::', '0'.repeat(32));
  both(ipv6, '::1', `${'0'.repeat(31)}1`);
  both(ipv6, '2001:db8::1:0:0:1', '20010db8000000000001000000000001');
  both(ipv6, '1:0:2:0:3:0:4:0', '00010000000200000003000000040000');
  both(ipv6, '1::', '0001'.padEnd(32, '0'));
  both(ipv6, '::ffff:1.2.3.4', '00000000000000000000ffff01020304');
  assert.equal(write(ipv6, '::1.2.3.4'), '00000000000000000000000001020304');
  assert.equal(write(ipv6, '1:2:3:4:5:6:7::'), '00010002000300040005000600070000');
  for (const text of ['', ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '::1.2.3', 'g::', '1:2:3:4:5:6:7:8::']) {
    assert.throws(() => write(ipv6, text), TypeError, text);
  }
  both(ip, '192.0.2.1', '00c0000201');
  both(ip, '::1', `01${'0'.repeat(31)}1`);
  assert.throws(() => write(ip, 'here'), TypeError);
});

test('an array whose elements take no bytes takes no more memory than it may', () => {
  const endless = bincode({ returns: array(unit, 2 ** 32 - 1) });
  assert.throws(() => endless.decodeAnswer(new Uint8Array(), DEFAULT_LIMITS), /too large/);
  const short = bincode({ returns: array(unit, 3) });
  assert.deepEqual(short.decodeAnswer(new Uint8Array(), DEFAULT_LIMITS), [undefined, undefined, undefined]);
});
