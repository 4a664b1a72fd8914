// The claims of `interop-tests/src/conformance/` about limits and load: limits.rs, load.rs, faults.rs, notify.rs, roles.rs.
import assert from 'node:assert/strict';

import { bincode, bytes, seq, unit } from '../src/codec/bincode.js';
import { raw } from '../src/codec/raw.js';
import { Interface } from '../src/interface.js';
import { Status } from '../src/status.js';
import * as kit from './kit.js';

const { Probe, claim, alive, idle, failed, collect, range, OWN } = kit;
const text = (length) => 'x'.repeat(length);

/** A call that is in flight while another goes wrong. */
async function beside(stage, caller) {
  const unary = caller.call(kit.SLEEP, [2000]);
  const duplex = caller.duplex(kit.TIMES, [3]);
  const turn = async (n) => {
    await duplex.send(n);
    assert.deepEqual(await duplex.next(), { done: false, value: n * 3 });
  };
  await turn(1);
  return async () => {
    await turn(2);
    duplex.end();
    assert.equal((await duplex.next()).done, true);
    await stage.clock.advance(2000);
    assert.equal(await unary, 2000);
  };
}

function limitNamed(status, name, value, seen) {
  assert.deepEqual(status.limit, { name, value, seen });
}

claim("a request over the callee's limit fails before it leaves, as soon as that is known", async (stage) => {
  const { caller, callee, toCallee } = await stage.wires({}, { interface: stage.standard(), limits: { max_message_bytes: 1000 } });
  const unharmed = await beside(stage, caller);
  await stage.settle();
  toCallee.log = [];
  const status = await failed(caller.call(kit.ECHO, [text(2000)]), 'RESOURCE_EXHAUSTED');
  limitNamed(status, 'max_message_bytes', 1000, 2004);
  assert.deepEqual([status.side, status.neverStarted], ['caller', true]);
  await stage.settle();
  assert.ok(toCallee.log.reduce((sum, { length }) => sum + length, 0) < 200);
  await unharmed();
  await idle(stage, caller, callee);
});

claim("an answer over the caller's limit fails at the callee, which was told", async (stage) => {
  const offered = stage.standard().procedure(OWN, ([n]) => text(n));
  const { caller, callee } = await stage.wires({ limits: { max_message_bytes: 1000 } }, offered);
  const unharmed = await beside(stage, caller);
  const status = await failed(caller.call(OWN, [2000]), 'RESOURCE_EXHAUSTED');
  limitNamed(status, 'max_message_bytes', 1000, 2003);
  assert.equal(status.side, 'callee');
  assert.equal((await caller.call(OWN, [900])).length, 900);
  await unharmed();
  await idle(stage, caller, callee);
});

claim('an item that is too large fails alone, and the stream goes on', async (stage) => {
  const { caller, callee } = await stage.wires({}, { interface: stage.standard(), limits: { max_message_bytes: 1000 } });
  const call = caller.duplex(kit.TIMES, [2]);
  await call.send(1);
  await assert.rejects(call.send(text(2000)), { code: 'RESOURCE_EXHAUSTED' });
  await call.send(2);
  call.end();
  assert.deepEqual(await collect(call), [2, 4]);
  await idle(stage, caller, callee);
});

claim('half-received messages have a limit together, and the newest is refused', async (stage) => {
  const limits = { max_reassembly_bytes: 150_000, max_message_bytes: 100_000, stream_window_bytes: 16_384 };
  const offered = stage.standard().sequence(OWN, () => [new Uint8Array(90_000)]);
  const { caller, callee } = await stage.wires({ limits }, offered);
  const unharmed = await beside(stage, caller);
  const streams = range(4).map(() => caller.stream(OWN));
  const ends = await Promise.all(streams.map((items) => items.next().then(({ value }) => value.length, (e) => e)));
  streams.forEach((items) => items.cancel());
  const refused = ends.filter((end) => end instanceof Status);
  assert.ok(refused.length >= 1 && refused.length < 4, String(ends));
  for (const status of refused) {
    assert.deepEqual([status.code, status.limit.name, status.limit.value], ['RESOURCE_EXHAUSTED', 'max_reassembly_bytes', 150_000]);
  }
  await unharmed();
  await idle(stage, caller, callee);
});

claim('metadata over a limit fails the call before it leaves', async (stage) => {
  const { caller, callee } = await stage.wires({}, { interface: stage.standard(), limits: { max_metadata_bytes: 100 } });
  const status = await failed(caller.call(kit.ECHO, ['x'], { metadata: { key: text(200) } }), 'RESOURCE_EXHAUSTED');
  assert.deepEqual([status.limit.name, status.neverStarted], ['max_metadata_bytes', true]);
  const many = range(65).map((n) => [`k${n}`, '']);
  const wide = await stage.wires({}, stage.standard());
  limitNamed(await failed(wide.caller.call(kit.ECHO, ['x'], { metadata: many }), 'RESOURCE_EXHAUSTED'), 'max_metadata_entries', 64, 65);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('metadata of an answer over a limit fails the call', async (stage) => {
  const offered = stage.standard().procedure(OWN, (_, context) => context.setReplyMetadata({ key: text(200) }));
  const { caller, callee } = await stage.wires({ limits: { max_metadata_bytes: 100 } }, offered);
  const status = await failed(caller.call(OWN), 'RESOURCE_EXHAUSTED');
  assert.equal(status.limit.name, 'max_metadata_bytes');
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('what decodes to more than the limit is refused, and nothing else', async (stage) => {
  const many = bincode({ returns: seq(unit) });
  const offered = stage.standard().procedure(OWN, () => new Uint8Array([0xfd, 0, 0, 0, 0, 0, 0, 0, 0x10]), { codecs: [{ ...raw, id: 1 }] });
  const { caller, callee } = await stage.wires({}, offered);
  const unharmed = await beside(stage, caller);
  const status = await failed(caller.call(OWN, [], { codec: many }), 'RESOURCE_EXHAUSTED');
  assert.deepEqual([status.side, status.limit.name], ['caller', 'max_decoded_bytes']);
  await unharmed();
  await idle(stage, caller, callee);
});

claim('calls of this side over max_outbound_calls wait, first come first served', async (stage) => {
  const order = [];
  const offered = stage.standard().procedure(OWN, async ([n]) => {
    order.push(n);
    await stage.clock.sleep(10);
  });
  const { caller, callee } = await stage.wires({ limits: { max_outbound_calls: 2 } }, offered);
  const calls = range(10).map((n) => caller.call(OWN, [n]));
  await stage.settle();
  assert.equal(order.length, 2);
  await stage.clock.advance(200);
  await Promise.all(calls);
  assert.deepEqual(order, range(10));
  await idle(stage, caller, callee);
});

claim('a status is cut to what the caller takes, its code never', async (stage) => {
  const offered = stage.standard().procedure(OWN, ([n]) => {
    throw new Status('ABORTED', 'é'.repeat(n), { details: new Uint8Array(n) });
  });
  for (const [max, expected] of [[200, 98], [10, 3], [3, 0], [0, 0]]) {
    const { caller } = await stage.wires({ limits: { max_metadata_bytes: max } }, offered);
    const status = await failed(caller.call(OWN, [500]), 'ABORTED');
    assert.deepEqual([status.text.length, status.details.length], [expected, 0]);
  }
});

claim('[P4] 10 000 concurrent calls with 128 places all succeed, and never do 129 run', async (stage) => {
  const probe = new Probe();
  const offered = new Interface().procedure(OWN, async ([n], context) => {
    const leave = probe.enter(context);
    await null;
    leave();
    return n;
  });
  const { caller, callee } = await stage.wires({}, { interface: offered, limits: { max_inbound_calls: 128 } });
  const calls = stage.carrier === 'messages' ? 10_000 : 2000;
  assert.deepEqual(await Promise.all(range(calls).map((n) => caller.call(OWN, [n]))), range(calls));
  assert.ok(probe.most <= 128, `${probe.most} ran at once`);
  await idle(stage, caller, callee);
});

claim('streams beside each other keep their order, each its own', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const streams = stage.carrier === 'messages' ? 1000 : 100;
  await Promise.all(range(streams).map(async (n) => {
    assert.deepEqual(await collect(caller.stream(kit.COUNT, [n % 100])), range(n % 100));
  }));
  await idle(stage, caller, callee);
  kit.creditBack(caller);
});

claim('small calls do not wait behind a stream that nobody reads', async (stage) => {
  const offered = stage.standard().sequence(OWN, function* () {
    for (;;) yield new Uint8Array(10_000);
  });
  const { caller, callee } = await stage.wires({}, offered);
  const unread = range(100).map(() => caller.stream(OWN));
  await Promise.all(unread.map((items) => items.next()));
  await stage.settle();
  for (let n = 0; n < 100; n++) await alive(caller);
  unread.forEach((items) => items.cancel());
  await idle(stage, caller, callee);
  kit.creditBack(caller);
});

claim('a call that nobody reads says what came, what is unread and what credit is left, and the wire what passed', async (stage) => {
  const offered = stage.standard().sequence(OWN, function* () {
    for (;;) yield new Uint8Array(1000);
  });
  const { caller, callee } = await stage.wires({}, offered);
  const call = caller.stream(OWN);
  assert.equal(caller.stats.callsOut, 1);
  await stage.settle();
  assert.equal(callee.stats.callsIn, 1);
  const window = caller.limits.stream_window_bytes;
  assert.deepEqual(call.flow, { received: window, unread: window, credit: 0 });
  assert.ok(caller.stats.receivedBytes > window && caller.stats.receivedBytes === callee.stats.sentBytes);
  for (let n = 0; n < 100; n++) await call.next();
  const { received, unread, credit } = call.flow;
  assert.ok(received > window && unread + credit >= window / 2, `${received} received, ${unread} unread, ${credit} left`);
  call.cancel();
  await idle(stage, caller, callee);
  assert.deepEqual([caller.stats.callsOut, callee.stats.callsIn], [0, 0]);
  kit.creditBack(caller);
});

claim('[A13] a panic is INTERNAL to its own call, wherever it happens; its text stays at the callee', async (stage) => {
  const seen = [];
  const boom = () => {
    throw new Error('secret');
  };
  const offered = stage.standard()
    .procedure(OWN, boom)
    .procedure(OWN + 1, async () => boom())
    .procedureWithItems(OWN + 2, async (_, items) => {
      await items.next();
      boom();
    })
    .procedure(OWN + 3, () => ({ toJSON: boom }))
    .sequence(OWN + 4, () => ({ [Symbol.iterator]: boom }))
    .sequence(OWN + 5, () => 5);
  const { caller, callee } = await stage.wires({}, { interface: offered, onHandlerError: (error) => (seen.push(error.message), boom()) });
  const unharmed = await beside(stage, caller);
  for (const n of range(6)) {
    const call = n === 2 ? caller.upload(OWN + n, [], [1]) : n > 3 ? collect(caller.stream(OWN + n)) : caller.call(OWN + n);
    assert.doesNotMatch((await failed(call, 'INTERNAL')).message, /secret/);
  }
  assert.deepEqual(seen.slice(0, 5), Array(5).fill('secret'));
  await unharmed();
  await idle(stage, caller, callee);
});

claim('[A13] items before a panic in a sequence arrive', async (stage) => {
  const offered = stage.standard().sequence(OWN, function* () {
    yield 1;
    yield 2;
    throw new Error('boom');
  });
  const { caller, callee } = await stage.wires({}, offered);
  const items = [];
  await failed((async () => {
    for await (const item of caller.stream(OWN)) items.push(item);
  })(), 'INTERNAL');
  assert.deepEqual(items, [1, 2]);
  await idle(stage, caller, callee);
});

claim('[A13] a hook that throws is not the end of the connection', async (stage) => {
  const offered = stage.standard().procedure(OWN, (_, context) => context.setReplyMetadata({ a: '1' }));
  const { caller, callee } = await stage.wires({}, offered);
  const thrown = [];
  const before = globalThis.reportError;
  globalThis.reportError = (error) => thrown.push(error.message);
  try {
    await caller.call(OWN, [], { onMetadata: () => { throw new Error('mine'); } });
  } finally {
    globalThis.reportError = before;
  }
  assert.deepEqual(thrown, ['mine']);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('[A13] twice the largest message is RESOURCE_EXHAUSTED, and the limit is named', async (stage) => {
  const offered = stage.standard().procedure(OWN, () => new Uint8Array(8 << 20), { codecs: [bincode({ returns: bytes })] });
  const { caller, callee } = await stage.wires({}, offered);
  const status = await failed(caller.call(OWN), 'RESOURCE_EXHAUSTED');
  limitNamed(status, 'max_message_bytes', 4 << 20, (8 << 20) + 5);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('notifications of every size arrive, each once', async (stage) => {
  const heard = [];
  const { caller, callee } = await stage.wires({}, new Interface().notification(OWN, ([n]) => heard.push(n.length)));
  const sizes = [0, 1, 100, 10_000, 100_000];
  for (const size of sizes) await caller.notify(OWN, [text(size)]);
  await stage.settle();
  assert.deepEqual(heard.sort((a, b) => a - b), sizes);
  await idle(stage, caller, callee);
  kit.creditBack(callee);
});

claim('more notifications than have a place wait, and none is lost', async (stage) => {
  let heard = 0;
  const offered = new Interface().notification(OWN, async () => {
    await stage.clock.sleep(1);
    heard++;
  });
  const { caller, callee } = await stage.wires({}, offered);
  const sent = range(500).map(() => caller.notify(OWN));
  await stage.settle();
  assert.ok(callee.notifications <= 63);
  await stage.clock.advance(100);
  await Promise.all(sent);
  assert.equal(heard, 500);
});

claim('a notification that cannot run is counted and dropped, and nothing else', async (stage) => {
  const offered = stage.standard().notification(OWN, () => {
    throw new Error('boom');
  });
  const { caller, callee } = await stage.wires({}, offered);
  await caller.notify(999);
  await caller.notify(kit.ECHO, ['x']);
  await caller.notify(OWN);
  await caller.notify(kit.NOTE, [], { timeout: 0 });
  await stage.settle();
  assert.equal(callee.droppedNotifications, 4);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim("a notification's deadline ends its handler", async (stage) => {
  const probe = new Probe();
  const { caller } = await stage.wires({}, new Interface().notification(OWN, probe.never));
  await caller.notify(OWN, [], { timeout: 100 });
  await stage.clock.advance(101);
  assert.deepEqual(probe.causes, ['deadline']);
});

claim('a datagram arrives, raw or typed, and one that is too large is not sent', async (stage) => {
  const heard = [];
  const offered = new Interface()
    .notification(OWN, ([value]) => heard.push(value), { datagrams: true })
    .notification(OWN + 1, () => heard.push('no'));
  const { caller, callee } = await stage.wires({}, offered);
  assert.equal(caller.sendDatagram(OWN, ['typed']), true);
  assert.equal(caller.sendDatagram(OWN, [new Uint8Array([1])], { codec: raw }), true);
  caller.sendDatagram(OWN + 1);
  caller.sendDatagram(999);
  assert.throws(() => caller.sendDatagram(OWN, [text(20_000)]), RangeError);
  await stage.settle();
  assert.deepEqual([heard, callee.droppedNotifications], [['typed', new Uint8Array([1])], 2]);
});

claim('datagrams never run more handlers at once than notifications may', async (stage) => {
  const offered = new Interface().notification(OWN, () => stage.clock.sleep(10), { datagrams: true });
  const { caller, callee } = await stage.wires({}, { interface: offered, limits: { max_inbound_notifications: 4 } });
  for (const _ of range(20)) caller.sendDatagram(OWN);
  await stage.settle();
  assert.deepEqual([callee.notifications, callee.droppedNotifications], [4, 16]);
  await stage.clock.advance(20);
});

claim("who only calls says so, and the peer's calls fail before they leave", async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const status = await failed(callee.call(kit.ECHO, ['x']), 'UNIMPLEMENTED');
  assert.deepEqual([status.side, status.neverStarted], ['caller', true]);
  await alive(caller);
});
