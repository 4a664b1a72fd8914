// The call layer over native streams: the same claims as over QMux, as far as they do not look into it. The streams are the
// platform's, the session is made in memory; a browser's own is tested elsewhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WebTransportSession } from '../src/carrier/webtransport.js';
import { CloseCode } from '../src/close_code.js';
import { Interface } from '../src/interface.js';
import { Clock } from '../src/testing.js';
import { Wire } from '../src/wire.js';
import { fakeWebTransport } from './fake_webtransport.js';
import * as kit from './kit.js';

const { Probe, collect, failed, range, OWN } = kit;

async function open(offered, options = {}) {
  const clock = new Clock();
  const ends = fakeWebTransport();
  const wire = (side, more) =>
    new Wire((_, limits) => new WebTransportSession(ends[side], limits, side), { runtime: clock, onHandlerError: () => {}, ...more });
  const callee = wire('server', { interface: offered ?? kit.standard(clock), ...options });
  const caller = wire('client', { interface: kit.standard(clock) });
  await Promise.all([caller.opened, callee.opened]);
  const idle = async () => {
    await clock.settle();
    assert.deepEqual([caller.outbound.size, callee.inbound.size], [0, 0]);
    assert.ok(caller.session.streams.size <= 2 && callee.session.streams.size <= 2, `${[...caller.session.streams].length} ${callee.session.streams.size} streams are left`);
  };
  return { caller, callee, clock, ends, idle };
}

test('every kind of call, both ways', async () => {
  const { caller, callee, idle } = await open();
  for (const wire of [caller, callee]) {
    assert.equal(await wire.call(kit.ECHO, ['é']), 'é');
    assert.deepEqual(await collect(wire.stream(kit.COUNT, [1000])), range(1000));
    assert.equal(await wire.upload(kit.SUM, [], range(100)), 4950);
    assert.deepEqual(await collect(wire.duplex(kit.TIMES, [3], range(10))), range(10).map((n) => n * 3));
    await wire.notify(kit.NOTE);
  }
  await idle();
});

test('statuses, metadata, a second answer and none', async () => {
  const { caller, idle } = await open();
  await failed(caller.call(999), 'UNIMPLEMENTED');
  await failed(caller.call(kit.COUNT, [2]), 'UNIMPLEMENTED');
  await failed(caller.call(kit.COUNT, [0]), 'UNIMPLEMENTED');
  await idle();
});

test('a cancel, a deadline and leaving a loop reach the handler', async () => {
  const probe = new Probe();
  const offered = new Interface().procedure(OWN, probe.never).sequence(OWN + 1, async function* (_, context) {
    yield 1;
    await probe.never(_, context);
  });
  const { caller, clock, idle } = await open(offered);
  const controller = new AbortController();
  const call = failed(caller.call(OWN, [], { signal: controller.signal }), 'CANCELLED');
  await clock.settle();
  controller.abort();
  await call;
  const late = failed(caller.call(OWN, [], { timeout: 50 }), 'DEADLINE_EXCEEDED');
  await clock.advance(51);
  await late;
  const items = caller.stream(OWN + 1);
  await items.next();
  await clock.settle();
  await items[Symbol.asyncIterator]().return();
  await clock.settle();
  assert.deepEqual(probe.causes, ['caller', 'deadline', 'caller']);
  await idle();
});

test("items are sent under the reader's backpressure", async () => {
  let made = 0;
  const offered = new Interface().sequence(OWN, function* () {
    for (; made < 100_000; made++) yield new Uint8Array(1000);
  });
  const { caller, clock, idle } = await open(offered);
  const items = caller.stream(OWN);
  await items.next();
  await clock.settle();
  assert.ok(made < 2000, `${made} items were made for one that was read`);
  items.cancel();
  await idle();
});

test('1000 concurrent streams within the places that there are', async () => {
  const probe = new Probe();
  const offered = new Interface().procedure(OWN, async ([n], context) => {
    const leave = probe.enter(context);
    await null;
    leave();
    return n;
  });
  const { caller, idle } = await open(offered, { limits: { max_inbound_calls: 16 } });
  assert.deepEqual(await Promise.all(range(1000).map((n) => caller.call(OWN, [n]))), range(1000));
  assert.ok(probe.most <= 16, `${probe.most} ran at once`);
  await idle();
});

test('a close has its code and reason at both sides, a break its cause', async () => {
  const first = await open();
  const call = failed(first.caller.call(kit.NEVER), 'UNAVAILABLE');
  await first.clock.settle();
  first.callee.close(CloseCode.UNAUTHENTICATED, 'who are you?');
  assert.match((await call).text, /closed by the peer: UNAUTHENTICATED: who are you\?/);
  assert.equal((await first.caller.closed).code, 3);
  const second = await open();
  const lost = failed(second.caller.call(kit.NEVER), 'UNAVAILABLE');
  await second.clock.settle();
  second.ends.client.cut('the tab was closed');
  assert.match((await lost).text, /the tab was closed/);
});

test('a shutdown refuses what arrives, and what runs is answered', async () => {
  const { caller, callee, clock } = await open();
  const running = caller.call(kit.SLEEP, [100]);
  await clock.settle();
  const report = callee.shutdown(1000);
  const refused = await failed(caller.call(kit.ECHO, ['x']), 'UNAVAILABLE');
  assert.equal(refused.neverStarted, true);
  await clock.advance(100);
  assert.equal(await running, 100);
  assert.deepEqual((await report).cut, 0);
  assert.equal((await caller.closed).orderly, true);
});

test('a datagram arrives', async () => {
  const heard = [];
  const { caller, clock } = await open(new Interface().notification(OWN, ([n]) => heard.push(n), { datagrams: true }));
  assert.equal(caller.sendDatagram(OWN, [5]), true);
  await clock.settle();
  assert.deepEqual(heard, [5]);
});
