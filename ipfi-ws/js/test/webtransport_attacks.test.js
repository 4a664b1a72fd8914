// A14 over WebTransport: a hostile peer whose streams are native, at either side. What the browser holds is its own affair;
// what this side holds and runs is bounded.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WebTransportSession } from '../src/carrier/webtransport.js';
import { CloseCode } from '../src/close_code.js';
import { Interface } from '../src/interface.js';
import { defaultSettings, encodeControl } from '../src/proto/control.js';
import { Clock } from '../src/testing.js';
import { Wire } from '../src/wire.js';
import { fakeWebTransport } from './fake_webtransport.js';
import { aborted, range } from './kit.js';
import { hex } from './vectors.js';

/** A wire at `side`, whose peer is this test. */
async function stage(side, offered = new Interface(), limits = {}) {
  const clock = new Clock();
  const ends = fakeWebTransport();
  const peer = side === 'client' ? ends.server : ends.client;
  const wire = new Wire((_, all) => new WebTransportSession(ends[side], all, side), { runtime: clock, onHandlerError: () => {}, interface: offered, limits });
  const control = (await peer.createUnidirectionalStream()).getWriter();
  await control.write(encodeControl(defaultSettings()));
  await wire.opened;
  /** Opens a stream that says `bytes`, and does not wait for anything. */
  const say = async (bytes, uni = false) => {
    const made = uni ? { writable: await peer.createUnidirectionalStream() } : await peer.createBidirectionalStream();
    const writer = made.writable.getWriter();
    writer.closed.catch(() => {});
    writer.write(bytes).catch(() => {});
    return { writer, readable: made.readable };
  };
  return { wire, clock, peer, control, say };
}

const reset = () => new WebTransportError('', { source: 'stream', streamErrorCode: 1 });

for (const side of ['client', 'server']) {
  test(`a ${side} cuts a flood of calls that are given up at the budget, CVE-2023-44487`, async () => {
    let [running, most] = [0, 0];
    const offered = new Interface().procedure(0, async (_, { signal }) => {
      most = Math.max(most, ++running);
      await aborted(signal);
      running--;
    });
    const { wire, say, clock } = await stage(side, offered);
    let made = 0;
    for (; !wire.closeReason && made < 3000; made += 50) {
      const opened = await Promise.all(range(50).map(() => say(hex('00030490'))));
      await clock.settle();
      for (const { writer, readable } of opened) {
        writer.abort(reset()).catch(() => {});
        readable.cancel(reset()).catch(() => {});
      }
      await clock.settle();
    }
    assert.equal(wire.closeReason?.code, CloseCode.RESOURCE_EXHAUSTED, `after ${made}`);
    assert.match(wire.closeReason.message, /enhance your calm.*abuse_budget = 1000/);
    assert.ok(made >= 500 && made <= 1200, `${made} calls`);
    assert.ok(most <= 256, `${most} handlers ran at once`);
    assert.deepEqual([running, wire.inbound.size, wire.session.streams.size], [0, 0, 0]);
  });

  test(`a ${side} holds no more streams than it has places, whatever is opened and never ended`, async () => {
    const { wire, say, clock } = await stage(side, undefined, { max_inbound_calls: 8, max_inbound_notifications: 8 });
    await Promise.all(range(200).map((n) => say(hex(n % 2 ? '00' : '01'), n % 2 === 0)));
    await clock.settle();
    assert.deepEqual(wire.session.held, [8, 8]);
    // Its own control stream, and those.
    assert.ok(wire.session.streams.size <= 17, `${wire.session.streams.size} streams`);
    assert.equal(wire.closeReason, null);
    // Each is let go when it has not become whole in time, and the next has its place.
    await clock.advance(10_000);
    assert.ok(wire.inbound.size <= 8 && wire.session.streams.size <= 17, `${wire.inbound.size} ${wire.session.streams.size}`);
  });

  test(`a ${side} trusts no length of a peer, and a second control stream is the end`, async () => {
    const { wire, say, clock, peer } = await stage(side, new Interface().procedure(0, (value) => value));
    for (const request of ['0003ffffffffffffffff', '0003c000000100000000', '0023ffffffffffffffff']) {
      const { readable } = await say(hex(request));
      const { value } = await readable.getReader().read();
      // A status: its length and kind, and RESOURCE_EXHAUSTED.
      assert.equal(value[value[0] < 64 ? 1 : 2], 8, request);
    }
    await clock.settle();
    assert.deepEqual([wire.closeReason, wire.reassembly.bytes, wire.inbound.size], [null, 0, 0]);
    await say(encodeControl(defaultSettings()).subarray(0), true);
    await clock.settle();
    assert.match(String((await wire.closed).message), /a second control stream/);
    assert.deepEqual(await peer.closed.then(({ closeCode }) => closeCode), CloseCode.PROTOCOL);
  });

  test(`a ${side} is closed with RESOURCE_EXHAUSTED by a flood of unknown control messages`, async () => {
    const { wire, control, clock } = await stage(side);
    control.write(hex('2500'.repeat(1001))).catch(() => {});
    await clock.settle();
    assert.deepEqual([wire.closeReason?.kind, wire.closeReason?.code], ['violation', CloseCode.RESOURCE_EXHAUSTED]);
  });
}

test('a client whose server answers without an end holds no more than the limits of one message', async () => {
  const { wire, peer, clock } = await stage('client', new Interface(), { max_message_bytes: 65_536, max_reassembly_bytes: 200_000 });
  const incoming = peer.incomingBidirectionalStreams.getReader();
  const failures = [];
  for (const n of range(10)) {
    wire.call(n, [], { timeout: Infinity }).catch(({ code, limit }) => failures.push(`${code} ${limit?.name}`));
    const { value } = await incoming.read();
    const writer = value.writable.getWriter();
    writer.closed.catch(() => {});
    // 60 000 bytes of a message of 65 536, and no more.
    writer.write(Uint8Array.from([...hex('80040000'), ...new Uint8Array(60_000)])).catch(() => {});
    await clock.settle();
    assert.ok(wire.reassembly.bytes <= 200_000, `${wire.reassembly.bytes} bytes`);
  }
  assert.deepEqual(failures, range(7).map(() => 'RESOURCE_EXHAUSTED max_reassembly_bytes'));
  assert.equal(wire.outbound.size, 3);
  wire.close();
  await clock.settle();
  assert.equal(wire.reassembly.bytes, 0);
});
