// Random operations and random bytes, the same each time: nothing throws, hangs or grows. `FUZZ_ROUNDS=1000 npm test
// test/fuzz.test.js` runs more. F8: the corpora of `fuzz/`, where there are any, go through the same.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { Reader } from '../src/bytes.js';
import { json } from '../src/codec/json.js';
import { messagepack } from '../src/codec/messagepack.js';
import * as b from '../src/codec/bincode.js';
import { DecodeError } from '../src/codec/codec.js';
import { DEFAULT_LIMITS, resolveLimits } from '../src/limits.js';
import { Connection } from '../src/mux/connection.js';
import { ControlError, ControlReader } from '../src/proto/control.js';
import { decodeHeader } from '../src/proto/header.js';
import { ItemReader } from '../src/proto/item.js';
import { decodeStatus } from '../src/proto/status_body.js';
import { RecordReader, putRecord } from '../src/record.js';
import { Violation } from '../src/error.js';
import { Status } from '../src/status.js';
import { Clock, pair } from '../src/testing.js';
import { collect, creditBack, random, range, standard } from './kit.js';
import * as kit from './kit.js';
import { hex, vectors } from './vectors.js';

const ROUNDS = Number(process.env.FUZZ_ROUNDS ?? 60);

const seeds = [
  ...['qmux_frames', 'items', 'control', 'header', 'status', 'metadata'].flatMap((name) => vectors(name).vectors.map((vector) => hex(vector.hex))),
  ...['values', 'arguments', 'rejected', 'accepted'].flatMap((part) =>
    vectors('codecs')[part].flatMap((vector) => ['bincode', 'messagepack', 'hex'].filter((key) => typeof vector[key] === 'string' && /^([0-9a-f]{2})*$/.test(vector[key])).map((key) => hex(vector[key]))),
  ),
];

const corpus = new URL('../../../fuzz/corpus/', import.meta.url);
if (existsSync(corpus)) {
  for (const target of readdirSync(corpus)) {
    for (const file of readdirSync(new URL(`${target}/`, corpus))) seeds.push(new Uint8Array(readFileSync(new URL(`${target}/${file}`, corpus))));
  }
}

/** Bytes that are random, or those of a seed with some changed, cut, repeated or joined to another's. */
function mutant(next) {
  if (next(5) === 0) return Uint8Array.from({ length: next(200) }, () => next(256));
  let bytes = seeds[next(seeds.length)].slice(0, 4096);
  for (let changes = next(6); changes > 0 && bytes.length > 0; changes--) {
    const at = next(bytes.length);
    switch (next(4)) {
      case 0:
        bytes[at] = next(256);
        break;
      case 1:
        bytes = bytes.slice(0, at);
        break;
      case 2:
        bytes[at] ^= 1 << next(8);
        break;
      default:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...seeds[next(seeds.length)].subarray(0, 200), ...bytes.subarray(at)]);
    }
  }
  return bytes;
}

/** Runs `act`, which may fail in the ways that are allowed and no other. */
function only(kinds, act) {
  try {
    act();
  } catch (error) {
    if (!kinds.some((kind) => error instanceof kind)) throw error;
  }
}

test(`decoders take ${ROUNDS * 500} mutated inputs`, () => {
  const next = random(1);
  const Person = b.struct({ name: b.string, age: b.u8, email: b.option(b.string) });
  const any = b.enumeration({ A: b.unit, B: b.seq(b.lazy(() => any)), C: b.map(b.string, Person), D: b.tuple(b.i128, b.f32, b.char, b.bytes) });
  const codecs = [messagepack, json, b.bincode({ args: [any, b.u16], returns: any })];
  for (let round = 0; round < ROUNDS * 500; round++) {
    const bytes = mutant(next);
    const codec = codecs[round % 3];
    only([DecodeError], () => codec.decodeAnswer(bytes, DEFAULT_LIMITS));
    only([DecodeError], () => codec.decodeArgs(bytes, DEFAULT_LIMITS));
    only([Status], () => decodeHeader(new Reader(bytes), DEFAULT_LIMITS));
    only([Status], () => decodeStatus(bytes));
    only([ControlError], () => new ControlReader().push(bytes));
    only([Violation], () => [...new RecordReader(65_536).push(bytes)]);
  }
});

test('items give the same whatever the cuts', () => {
  const next = random(2);
  for (let round = 0; round < ROUNDS * 20; round++) {
    const bytes = mutant(next);
    const direction = next(2) ? 'request' : 'response';
    const read = (cuts) => {
      const reassembly = { bytes: 0 };
      const reader = new ItemReader(direction, DEFAULT_LIMITS, reassembly);
      const parts = [];
      try {
        for (const [from, to] of cuts) {
          reader.push(bytes.subarray(from, to));
          for (let part = reader.next(); part !== null; part = reader.next()) parts.push(part instanceof Status ? part.message : part);
        }
        reader.end();
        parts.push('end');
      } catch (error) {
        if (!(error instanceof Status)) throw error;
        parts.push(error.rule || error.message);
      }
      reader.release();
      assert.equal(reassembly.bytes, 0);
      return parts;
    };
    const whole = read([[0, bytes.length]]);
    const cuts = [];
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + next(9));
      cuts.push([at, end]);
      at = end;
    }
    assert.deepEqual(read(cuts), whole);
  }
});

test(`connections take ${ROUNDS * 20} mutated sessions, in both roles`, () => {
  const next = random(3);
  const first = hex('ff5153300d0a0d0a16040243e8050243e8060243e8070243e808010a09010a');
  for (let round = 0; round < ROUNDS * 20; round++) {
    const connection = new Connection(next(2) ? 'server' : 'client', resolveLimits(), 0);
    connection.handleRecord(0, first);
    connection.open(true);
    for (let n = 0; n < 30 && !connection.ended; n++) {
      connection.handleRecord(n, mutant(next));
      for (const stream of [...connection.takeReady(), ...connection.takeAccepted()]) {
        stream.events = 0;
        for (let act = next(4); act > 0; act--) {
          [() => stream.read(), () => stream.write(new Uint8Array(next(100)), next(2) === 0), () => stream.stop(1), () => stream.reset(1), () => stream.release()][next(5)]();
        }
        connection.settle(stream);
      }
      connection.takeDatagrams();
      for (let out = connection.transmit(n); out; out = connection.transmit(n)) assert.ok(out.length <= 65_536);
      assert.ok(connection.ended || connection.credit.holds);
    }
    if (connection.ended) assert.ok(['violation', 'peer', 'peer-transport'].includes(connection.ended.kind), connection.ended.message);
    assert.ok(connection.streams.size <= 400);
  }
});

test('F8: mutated records into a wire that calls and serves end in one clear close, or in none', async () => {
  const next = random(4);
  for (let round = 0; round < ROUNDS; round++) {
    const clock = new Clock();
    const offered = { interface: standard(clock) };
    const { client, server, toServer } = await pair(offered, offered, { clock });
    const ends = [client.call(0, ['x']), collect(client.stream(1, [50])), client.upload(2, [], [1, 2])].map((call) => call.catch(() => {}));
    for (let n = 0; n < 5; n++) toServer.send(mutant(next));
    await clock.advance(60_000);
    await Promise.all(ends);
    assert.equal(client.outbound.size + server.inbound.size, 0);
    client.close();
    assert.ok((await server.closed) instanceof Error);
  }
});

test(`whatever two peers do, bytes are exact and all credit comes back: ${ROUNDS} rounds`, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const next = random(100 + round);
    const limits = { stream_window_bytes: 1 + next(3) * 5000 + 300, max_inbound_calls: 1 + next(40), stream_send_buffer_bytes: 1 + next(20_000), send_buffer_bytes: 1 + next(100_000) };
    const clock = new Clock();
    const offered = { interface: standard(clock) };
    const pool = { window_pool_bytes: next(2) ? 4 << 20 : 0 };
    const { client, server } = await pair({ ...offered, limits }, { ...offered, limits: { ...limits, ...pool } }, { clock });
    const calls = range(60).map(async (n) => {
      const wire = next(2) ? client : server;
      const controller = new AbortController();
      const options = next(3) === 0 ? { signal: controller.signal } : {};
      if (options.signal) setTimeout(() => controller.abort(), 0);
      const size = next(4) === 0 ? next(60_000) : next(50);
      const text = String(n).repeat(1 + size / 3);
      try {
        switch (next(5)) {
          case 0:
            assert.equal(await wire.call(kit.ECHO, [text], options), text);
            break;
          case 1:
            assert.deepEqual(await collect(wire.stream(kit.COUNT, [size % 500], options)), range(size % 500));
            break;
          case 2:
            assert.equal(await wire.upload(kit.SUM, [], range(size % 300), options), range(size % 300).reduce((a, b) => a + b, 0));
            break;
          case 3:
            assert.deepEqual(await collect(wire.duplex(kit.RAW_ECHO, [text], [text, text], options)), [text, text, text]);
            break;
          default: {
            const items = wire.stream(kit.COUNT, [1000], options);
            for (let taken = next(20); taken > 0; taken--) await items.next();
            items.cancel();
          }
        }
      } catch (error) {
        if (!(error instanceof Status) || !options.signal) throw error;
      }
    });
    await Promise.all(calls);
    await clock.advance(10_000);
    assert.deepEqual([client.outbound.size, server.outbound.size, client.inbound.size, server.inbound.size], [0, 0, 0, 0]);
    for (const wire of [client, server]) {
      assert.equal(wire.session.connection.streams.size, 2, 'control streams');
      assert.equal(wire.session.connection.queued, 0);
      if (wire.limits.window_pool_bytes) creditBack(wire);
    }
    client.close();
  }
});

test('a reader of sized records gives the same whatever the cuts', () => {
  const next = random(9);
  for (let round = 0; round < 100; round++) {
    const records = range(next(20)).map(() => Uint8Array.from({ length: 1 + next(next(10) ? 50 : 20_000) }, () => next(256)));
    const bytes = records.map(putRecord);
    const all = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const each of bytes) {
      all.set(each, at);
      at += each.length;
    }
    const reader = new RecordReader(65_536);
    const seen = [];
    for (at = 0; at < all.length; ) {
      const end = Math.min(all.length, at + 1 + next(3000));
      seen.push(...reader.push(all.subarray(at, end)));
      at = end;
    }
    assert.deepEqual(seen, records);
  }
});
