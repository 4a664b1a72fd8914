// The machine by itself: fairness, windows, opening, ends, and that every cut of a session gives the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader, Writer } from '../src/bytes.js';
import { Deadlines } from '../src/deadlines.js';
import { DEFAULT_LIMITS, resolveLimits } from '../src/limits.js';
import { ByteQueue } from '../src/mux/byte_queue.js';
import { Connection } from '../src/mux/connection.js';
import { decodeFrame, frameType } from '../src/mux/frame.js';
import { QUANTUM, Schedule } from '../src/mux/schedule.js';
import { Bag, Table } from '../src/table.js';
import { Clock, pair } from '../src/testing.js';
import { random, range, standard } from './kit.js';

/** Two machines, and what is between them. */
function machines(limits = {}, theirs = limits) {
  const client = new Connection('client', resolveLimits(limits), 0);
  const server = new Connection('server', resolveLimits(theirs), 0);
  const drive = (rounds = 1000) => {
    for (let n = 0; n < rounds; n++) {
      let moved = false;
      for (const [from, to] of [[client, server], [server, client]]) {
        const record = from.transmit(0);
        if (!record) continue;
        moved = true;
        to.handleRecord(0, record);
        for (const stream of to.takeReady()) stream.events = 0;
      }
      if (!moved) return;
    }
    assert.fail('they never come to rest');
  };
  drive();
  return { client, server, drive };
}

function framesOf(record) {
  const reader = new Reader(record);
  const frames = [];
  while (reader.left > 0) frames.push(decodeFrame(frameType(reader), reader));
  return frames;
}

test('the first frame sent is the transport parameters, and nothing else before the peer’s', () => {
  const connection = new Connection('client', resolveLimits(), 0);
  assert.equal(connection.canOpen(false), false);
  const frames = framesOf(connection.transmit(0));
  assert.deepEqual(frames.map(({ type }) => type), ['QX_TRANSPORT_PARAMETERS']);
  assert.equal(frames[0].parameters.initial_max_data, 256 * 16_384 + (4 << 20));
  assert.equal(frames[0].parameters.max_record_size, 65_536);
  assert.equal(connection.transmit(0), null);
});

test('a small call goes before bulk, and bulk does not starve', () => {
  const { client, drive } = machines({ stream_window_bytes: 1 << 20, max_inbound_calls: 64, window_pool_bytes: 4 << 20 });
  const bulk = client.open(false);
  bulk.write(new Uint8Array(1 << 20));
  client.transmit(0);
  const calls = range(40).map(() => client.open(false));
  calls.forEach((call) => call.write(new Uint8Array(10), true));
  const frames = framesOf(client.transmit(0)).filter(({ type }) => type === 'STREAM');
  const place = frames.findIndex(({ stream_id }) => stream_id === bulk.id);
  assert.equal(place, 16, 'one stream of the ring after sixteen fresh ones');
  assert.equal(frames.filter(({ stream_id }) => stream_id !== bulk.id).length, 40);
  drive();
});

test('priorities are strict, and each stream sends a quantum in its turn', () => {
  const { client } = machines({ stream_window_bytes: 1 << 18, max_inbound_calls: 64, window_pool_bytes: 4 << 20 });
  const streams = range(3).map(() => client.open(false));
  streams[2].setPriority(1);
  streams.forEach((stream) => stream.write(new Uint8Array(40_000)));
  const sent = [];
  for (let record = client.transmit(0); record; record = client.transmit(0)) {
    for (const { type, stream_id, data } of framesOf(record)) if (type === 'STREAM') sent.push([stream_id / 4, data.length]);
  }
  const order = sent.map(([index]) => index);
  assert.deepEqual(order.slice(0, order.lastIndexOf(2) + 1).filter((index) => index !== 2), [], 'the higher band first');
  const turns = order.filter((index, at) => index !== 2 && index !== order[at - 1]);
  assert.deepEqual(turns, [0, 1, 0, 1, 0, 1]);
  assert.ok(sent.every(([, length]) => length <= QUANTUM));
});

test('a window doubles when the peer is blocked by it and the reader keeps up, within the pool, and goes back', () => {
  const { client, server, drive } = machines();
  const stream = client.open(false);
  stream.write(new Uint8Array(3 << 20), true);
  drive();
  const [received] = server.takeAccepted();
  let read = 0;
  const windows = new Set();
  while (!received.ended) {
    for (let piece = received.read(); piece; piece = received.read()) read += piece.length;
    windows.add(received.credit.window);
    drive();
    assert.ok(server.credit.holds);
  }
  assert.equal(read, 3 << 20);
  assert.ok(Math.max(...windows) >= 512 << 10, [...windows].join());
  assert.equal(server.credit.pool, (4 << 20) - 64 * 16_384);
});

test('a slow reader’s window does not grow', () => {
  const { client, server, drive } = machines();
  client.open(false).write(new Uint8Array(1 << 20), true);
  drive();
  const [received] = server.takeAccepted();
  assert.equal(received.input.length, 16_384);
  assert.equal(received.credit.window, 16_384);
});

test('STOP_SENDING is answered with a reset of the same code, RFC 9000 section 3.5', () => {
  const { client, server, drive } = machines();
  const stream = client.open(false);
  stream.write(new Uint8Array(100_000));
  drive();
  const [received] = server.takeAccepted();
  received.stop(1234);
  drive();
  assert.equal(stream.stoppedBy, 1234);
  assert.equal(stream.sent, true);
  stream.write(new Uint8Array(10), true);
  assert.equal(client.queued, 0);
  received.release();
  received.finish();
  drive();
  stream.read();
  drive();
  assert.equal(client.streams.size + server.streams.size, 0);
});

test('a reset discards what is unread, and all credit comes back', () => {
  const { client, server, drive } = machines();
  const stream = client.open(true);
  stream.write(new Uint8Array(10_000));
  drive();
  const [received] = server.takeAccepted();
  stream.reset(7);
  drive();
  assert.equal(received.resetBy, 7);
  assert.equal(received.read(), null);
  received.release();
  drive();
  assert.equal(server.credit.received - server.credit.released, 0);
  assert.equal(server.streams.size, 0);
});

test('stream ids past 2^30 and 2^32', () => {
  for (const index of [2 ** 30, 2 ** 32, 2 ** 40]) {
    const { client, server, drive } = machines();
    client.local[0].next = index;
    client.local[0].max = index + 10;
    Object.assign(server.remote[0], { opened: index, closed: index, granted: index + 256 });
    const stream = client.open(false);
    assert.equal(stream.id, index * 4);
    stream.write(new Uint8Array([1]), true);
    drive();
    const [received] = server.takeAccepted();
    assert.deepEqual([received.id, received.read()], [index * 4, new Uint8Array([1])]);
    received.write(new Uint8Array([2]), true);
    received.release();
    drive();
    assert.deepEqual(stream.read(), new Uint8Array([2]));
    drive();
    assert.equal(client.streams.size + server.streams.size, 0);
  }
});

test('writers wait when the send buffer is full, for their share, and go on', () => {
  const { client, server, drive } = machines({ stream_send_buffer_bytes: 1000, send_buffer_bytes: 4000 });
  const streams = range(8).map(() => client.open(false));
  for (const stream of streams) {
    while (stream.writable) stream.write(new Uint8Array(100));
  }
  assert.ok(client.queued <= 4000 + 800, `${client.queued} bytes are queued`);
  client.ready.length = 0;
  for (let record = client.transmit(0); record; record = client.transmit(0)) server.handleRecord(0, record);
  assert.equal(client.ready.length, 8, 'each is told of room');
  drive();
});

test('limits that cannot work are refused by name, before anything is sent', () => {
  for (const [limits, text] of [
    [{ max_record_bytes: 1000 }, /max_record_bytes = 1000 is too small: at least 16382/],
    [{ stream_window_bytes: 0 }, /stream_window_bytes = 0 is too small/],
    [{ window_pool_bytes: 1000 }, /window_pool_bytes = 1000 is too small: at least 1048576/],
    [{ abuse_budget: 10 }, /abuse_budget = 10 is too small: at least 641/],
    [{ max_stream_window_bytes: 10 }, /at least 16384/],
    [{ nonsense: 1 }, /there is no limit nonsense/],
    [{ max_depth: 1.5 }, /max_depth = 1.5 is no whole number/],
  ]) {
    assert.throws(() => resolveLimits(limits), text);
  }
  assert.equal(resolveLimits({ idle_timeout_ms: Infinity }).idle_timeout_ms, 0);
  assert.deepEqual(resolveLimits(), { ...DEFAULT_LIMITS });
});

test('a queue of bytes keeps them in order, small ones together', () => {
  const next = random(3);
  const queue = new ByteQueue();
  let written = 0;
  let read = 0;
  for (let n = 0; n < 5000; n++) {
    if (next(2)) {
      const bytes = Uint8Array.from({ length: next(next(20) ? 30 : 5000) }, () => written++ & 0xff);
      queue.push(bytes, next(2) === 0);
      if (next(3) === 0) queue.settle();
    } else if (next(2)) {
      const piece = queue.shift(1 + next(3000));
      for (const byte of piece ?? []) assert.equal(byte, read++ & 0xff);
    } else {
      const count = next(queue.length + 1);
      const target = new Uint8Array(count + 3);
      queue.move(count, target, 3);
      for (const byte of target.subarray(3)) assert.equal(byte, read++ & 0xff);
    }
    assert.equal(queue.length, written - read);
  }
});

test('a table and a bag hold what was put there, and nothing else', () => {
  const next = random(4);
  const table = new Table();
  const bag = new Bag();
  const model = new Map();
  for (let n = 0; n < 20_000; n++) {
    const id = next(2) ? next(400) : (next(50) + 2 ** 20) * 4096;
    if (model.has(id)) {
      assert.equal(table.get(id), model.get(id));
      bag.delete(model.get(id));
      model.delete(id);
      assert.equal(table.delete(id), true);
    } else {
      assert.equal(table.get(id), undefined);
      assert.equal(table.delete(id), false);
      const member = { id, place: -1 };
      model.set(id, member);
      table.add(member);
      bag.add(member);
    }
    assert.deepEqual([table.size, bag.size], [model.size, model.size]);
  }
  assert.deepEqual(new Set(table.values()), new Set(model.values()));
  assert.deepEqual(new Set(bag), new Set(model.values()));
});

test('a schedule is empty when everybody is away', () => {
  const schedule = new Schedule();
  const turns = range(10).map((n) => ({ priority: n % 3, list: null, prev: null, next: null, allowance: 0, awaySince: -1 }));
  turns.forEach((turn) => schedule.add(turn));
  assert.equal(schedule.first().priority, 2);
  turns.forEach((turn) => schedule.remove(turn));
  assert.equal(schedule.empty, true);
});

test('deadlines pass in order, with one timer, and those that were removed do not', async () => {
  const clock = new Clock();
  const deadlines = new Deadlines(clock);
  const next = random(6);
  const passed = [];
  const all = range(500).map(() => {
    const at = next(1000);
    return deadlines.add(at, () => passed.push(at));
  });
  const kept = all.filter((deadline, n) => (n % 3 === 0 ? (deadlines.remove(deadline), false) : true));
  assert.equal(clock.timers.length, 1);
  await clock.advance(1000);
  assert.deepEqual(passed, kept.map(({ at }) => at).sort((a, b) => a - b));
  assert.equal(deadlines.heap.length, 0);
});

test('varints of every length survive', () => {
  const writer = new Writer();
  const values = [0, 63, 64, 16383, 16384, 2 ** 30 - 1, 2 ** 30, 2 ** 32, 2 ** 53 - 1, 2n ** 53n, 2n ** 62n - 1n];
  values.forEach((value) => writer.varint(value));
  const reader = new Reader(writer.finish());
  assert.deepEqual(values.map(() => reader.varint()), values);
});

test('20 000 calls, of which one in ten is cancelled, leave memory as it was', async () => {
  const clock = new Clock();
  const { client, server } = await pair({ interface: standard(clock) }, {}, { clock });
  const cancelled = async (rounds) => {
    for (let n = 0; n < rounds; n++) {
      const controllers = range(100).map(() => new AbortController());
      const calls = controllers.map(({ signal }, at) => client.call(at % 10 ? 0 : 6, ['x'], { signal }).catch(() => {}));
      await calls[1];
      controllers.forEach((controller, at) => at % 10 || controller.abort());
      await Promise.all(calls);
    }
  };
  await cancelled(200);
  assert.equal(client.closeReason, null, String(client.closeReason));
  await clock.advance(6000);
  assert.deepEqual([client.outbound.size, server.inbound.size, client.deadlines.heap.length < 4], [0, 0, true]);
  assert.equal(server.session.connection.streams.size, 2);
  assert.equal(server.deadlines.heap.length < 4, true);
});
