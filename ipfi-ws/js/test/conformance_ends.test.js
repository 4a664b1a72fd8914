// The claims of `interop-tests/src/conformance/` about how calls and connections end: cancel.rs, deadline.rs, detach.rs,
// cut.rs, drain.rs, drops.rs, ends.rs.
import assert from 'node:assert/strict';

import { CloseCode } from '../src/close_code.js';
import { Interface } from '../src/interface.js';
import * as kit from './kit.js';

const { Probe, aborted, claim, alive, idle, failed, collect, range, OWN } = kit;

claim('[P5] a call that is dropped before it is sent never reaches the callee', async (stage) => {
  const probe = new Probe();
  const { caller, callee } = await stage.wires({}, new Interface().procedure(OWN, probe.never));
  const signal = AbortSignal.abort();
  for (let n = 0; n < 100; n++) {
    assert.equal((await failed(caller.call(OWN, [], { signal }), 'CANCELLED')).neverStarted, true);
    await failed(caller.stream(OWN, [], { signal }).next(), 'CANCELLED');
  }
  assert.equal(probe.started, 0);
  await idle(stage, caller, callee);
});

claim('[P5] a call that is dropped while it waits for a place leaves the place to others', async (stage) => {
  const probe = new Probe();
  const offered = stage.standard().procedure(OWN, probe.never);
  const { caller, callee } = await stage.wires({}, { interface: offered, limits: { max_inbound_calls: 2 } });
  const controllers = range(2).map(() => new AbortController());
  const running = controllers.map(({ signal }) => failed(caller.call(OWN, [], { signal }), 'CANCELLED'));
  await stage.settle();
  const givenUp = new AbortController();
  const waiting = range(10).map((n) => caller.call(kit.ECHO, [`${n}`], n % 2 ? {} : { signal: givenUp.signal }));
  waiting.forEach((each) => each.catch(() => {}));
  await stage.settle();
  assert.equal(probe.running, 2);
  givenUp.abort();
  for (const n of [0, 2, 4]) assert.equal((await failed(waiting[n], 'CANCELLED')).neverStarted, true);
  controllers.forEach((each) => each.abort());
  await Promise.all(running);
  for (const n of [1, 3, 5, 7, 9]) assert.equal(await waiting[n], `${n}`);
  await idle(stage, caller, callee);
  assert.deepEqual(probe.causes, ['caller', 'caller']);
});

claim('[P5] a handler is dropped when its call is, and knows that the caller did it', async (stage) => {
  const probe = new Probe();
  const { caller, callee } = await stage.wires({}, stage.standard().procedure(OWN, probe.never));
  for (let n = 0; n < 20; n++) {
    const controller = new AbortController();
    const call = failed(caller.call(OWN, [], { signal: controller.signal }), 'CANCELLED');
    await stage.settle();
    assert.equal(probe.running, 1);
    controller.abort(new Error('not any more'));
    assert.match((await call).text, /not any more/);
    await stage.settle();
    assert.equal(probe.running, 0);
  }
  assert.deepEqual(probe.causes, Array(20).fill('caller'));
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('[P5] a sequence is dropped after its first item, between items and under backpressure', async (stage) => {
  const probe = new Probe();
  const offered = stage.standard().sequence(OWN, async function* ([quick], context) {
    const leave = probe.enter(context);
    try {
      for (let n = 0; ; n++) {
        if (n >= quick) await aborted(context.signal);
        if (context.signal.aborted) return;
        yield new Uint8Array(10_000);
      }
    } finally {
      leave();
    }
  });
  const { caller, callee } = await stage.wires({}, offered);
  for (const [taken, quick] of [[0, 0], [0, 1], [1, 1], [1, 1000], [5, 1000]]) {
    const items = caller.stream(OWN, [quick]);
    for (let n = 0; n < taken; n++) await items.next();
    await stage.settle();
    assert.equal(probe.running, 1);
    await items[Symbol.asyncIterator]().return();
    await stage.settle();
    assert.equal(probe.running, 0);
  }
  assert.deepEqual(probe.causes, Array(5).fill('caller'));
  await alive(caller);
  await idle(stage, caller, callee);
  kit.creditBack(caller);
});

claim("[P5] a duplex ends when either of the caller's halves is dropped", async (stage) => {
  const probe = new Probe();
  const offered = stage.standard().procedureWithItems(OWN, async (_, items, context) => {
    const leave = probe.enter(context);
    await collect(items).catch(() => {});
    leave();
  });
  const { caller, callee } = await stage.wires({}, offered);
  const call = caller.duplex(OWN);
  await call.send(1);
  await stage.settle();
  call.cancel();
  await failed(call.next(), 'CANCELLED');
  assert.equal(await call.send(2), false);
  const failing = caller.upload(OWN, [], (async function* () {
    yield 1;
    await stage.settle();
    throw new Error('no more');
  })());
  assert.match((await failed(failing, 'CANCELLED')).text, /source.*no more/);
  await stage.settle();
  assert.deepEqual([probe.running, probe.causes], [0, ['caller', 'caller']]);
  await idle(stage, caller, callee);
});

claim('[P5] 1000 cancellations that race completion each end once, whoever wins', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const next = kit.random(5);
  const ends = await Promise.all(range(1000).map(async (n) => {
    const controller = new AbortController();
    const call = caller.call(kit.SLEEP, [0], { signal: controller.signal }).then(() => 'answer', ({ code }) => code);
    for (let turns = next(6); turns > 0; turns--) await null;
    if (n % 3) controller.abort();
    void stage.clock.advance(0);
    return call;
  }));
  assert.ok(ends.every((end) => end === 'answer' || end === 'CANCELLED'));
  await stage.clock.advance(10);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('[P5] a place is free when the handler has ended, not when the caller gave up', async (stage) => {
  let end;
  const offered = stage.standard().procedure(OWN, () => new Promise((resolve) => (end = resolve)));
  const { caller, callee } = await stage.wires({}, { interface: offered, limits: { max_inbound_calls: 1 } });
  const controller = new AbortController();
  const call = failed(caller.call(OWN, [], { signal: controller.signal }), 'CANCELLED');
  await stage.settle();
  controller.abort();
  await call;
  let answered = false;
  const waiting = caller.call(kit.ECHO, ['x']).then(() => (answered = true));
  await stage.settle();
  assert.equal(answered, false);
  end();
  await waiting;
  await idle(stage, caller, callee);
});

claim('[P6] a deadline of 1 ms ends a sleeping handler within 50 ms, at both sides', async (stage) => {
  const probe = new Probe();
  const { caller, callee } = await stage.wires({}, new Interface().procedure(OWN, probe.never));
  const call = failed(caller.call(OWN, [], { timeout: 1 }), 'DEADLINE_EXCEEDED');
  await stage.clock.advance(50);
  await call;
  assert.deepEqual(probe.causes, ['deadline']);
  await idle(stage, caller, callee);
});

claim('[P6] unary calls have the default deadline, streams and uploads none', async (stage) => {
  const offered = stage.standard()
    .procedure(OWN, (_, { remaining }) => remaining)
    .sequence(OWN + 1, function* (_, { remaining }) { yield remaining === Infinity; })
    .procedureWithItems(OWN + 2, (_, items, { remaining }) => remaining === Infinity);
  const { caller } = await stage.wires({}, offered);
  assert.equal(await caller.call(OWN), 30_000);
  assert.deepEqual(await collect(caller.stream(OWN + 1)), [true]);
  assert.equal(await caller.upload(OWN + 2, [], []), true);
  const late = failed(caller.call(kit.NEVER), 'DEADLINE_EXCEEDED');
  await stage.clock.advance(30_000);
  await late;
});

claim('[P6] a deadline holds for every kind of call', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const timeout = 100;
  const calls = [
    caller.call(kit.NEVER, [], { timeout }),
    collect(caller.stream(kit.ONE_THEN_NEVER, [], { timeout })),
    caller.upload(kit.NEVER_READS, [], [1], { timeout }),
    collect(caller.duplex(kit.TIMES, [1], null, { timeout })),
  ].map((call) => failed(call, 'DEADLINE_EXCEEDED'));
  await stage.clock.advance(100);
  await Promise.all(calls);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('[P6] a deadline that has passed is not sent at all', async (stage) => {
  const { caller, toCallee } = await stage.wires({}, stage.standard());
  await stage.settle();
  toCallee.log = [];
  const status = await failed(caller.call(kit.ECHO, ['x'], { timeout: 0 }), 'DEADLINE_EXCEEDED');
  await stage.settle();
  assert.deepEqual([status.neverStarted, toCallee.log.length], [true, 0]);
});

claim('[P6] a call that waits for a place has its deadline, and never started', async (stage) => {
  const { caller, callee } = await stage.wires({}, { interface: stage.standard(), limits: { max_inbound_calls: 1 } });
  const running = caller.call(kit.SLEEP, [1000]);
  await stage.settle();
  const waiting = failed(caller.call(kit.ECHO, ['x'], { timeout: 100 }), 'DEADLINE_EXCEEDED');
  await stage.clock.advance(100);
  assert.equal((await waiting).neverStarted, true);
  await stage.clock.advance(1000);
  assert.equal(await running, 1000);
  await idle(stage, caller, callee);
});

claim('[P6] 1000 deadlines at once each end in their time', async (stage) => {
  const { caller, callee } = await stage.wires({}, { interface: stage.standard(), limits: { max_inbound_calls: 1000, abuse_budget: 5000 } });
  const ended = [];
  range(1000).forEach((n) => caller.call(kit.NEVER, [], { timeout: 1000 - n }).catch(() => ended.push(stage.clock.time - (1000 - n))));
  await stage.settle();
  for (let n = 0; n < 20; n++) await stage.clock.advance(50);
  assert.equal(ended.length, 1000);
  assert.ok(ended.every((late) => late >= 0 && late <= 1), `${Math.max(...ended)} ms late`);
  await idle(stage, caller, callee);
});

claim('[P6] a call that is answered in time leaves no deadline behind', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  await stage.settle();
  const before = [caller.deadlines.heap.length, callee.deadlines.heap.length];
  for (let n = 0; n < 100; n++) await caller.call(kit.ECHO, ['x'], { timeout: 1000 });
  await stage.settle();
  assert.deepEqual([caller.deadlines.heap.length, callee.deadlines.heap.length], before);
});

claim('[A13] a handler that never ends is ended by its deadline, and its place is free', async (stage) => {
  const offered = stage.standard().procedure(OWN, () => new Promise(() => {}));
  const { caller, callee } = await stage.wires({}, { interface: offered, limits: { max_inbound_calls: 1 } });
  const call = failed(caller.call(OWN, [], { timeout: 10 }), 'DEADLINE_EXCEEDED');
  await stage.clock.advance(10);
  await call;
  const next = caller.call(kit.ECHO, ['x']);
  await stage.clock.advance(6000);
  assert.equal(await next, 'x');
  await idle(stage, caller, callee);
});

claim('a stream that is detached runs on, and sends into nothing without holding it', async (stage) => {
  const probe = new Probe();
  const offered = stage.standard().sequence(OWN, async function* ([to], context) {
    const leave = probe.enter(context);
    for (let n = 0; n < to; n++) {
      await stage.clock.sleep(1);
      yield new Uint8Array(1000);
    }
    leave();
  });
  const { caller, callee } = await stage.wires({}, offered);
  const call = caller.stream(OWN, [100]);
  await stage.clock.advance(10);
  call.detach();
  assert.equal((await call.next()).done, true);
  await stage.clock.advance(200);
  assert.deepEqual(probe.causes, [null]);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('a duplex whose answers nobody wants takes items to their end', async (stage) => {
  const taken = [];
  const offered = stage.standard().sequenceWithItems(OWN, async function* (_, items) {
    for await (const item of items) {
      taken.push(item);
      yield item;
    }
  });
  const { caller, callee } = await stage.wires({}, offered);
  const call = caller.duplex(OWN);
  await call.send(1);
  await stage.settle();
  call.detach();
  for (const n of [2, 3]) await call.send(n);
  call.end();
  await stage.settle();
  assert.deepEqual(taken, [1, 2, 3]);
  await idle(stage, caller, callee);
});

claim('a stream without end that is detached lets everybody else run', async (stage) => {
  const offered = stage.standard().sequence(OWN, function* () {
    for (;;) yield 1;
  });
  const { caller, callee } = await stage.wires({}, offered);
  const call = caller.stream(OWN, [], { timeout: 1000 });
  await call.next();
  call.detach();
  for (let n = 0; n < 10; n++) await alive(caller);
  await stage.clock.advance(1000);
  await idle(stage, caller, callee);
});

claim('a detached call is still cancelled by its deadline', async (stage) => {
  const probe = new Probe();
  const offered = new Interface().sequence(OWN, async function* (_, context) {
    const leave = probe.enter(context);
    await aborted(context.signal);
    leave();
  });
  const { caller, callee } = await stage.wires({}, offered);
  const call = caller.stream(OWN, [], { timeout: 100 });
  await stage.settle();
  call.detach();
  await stage.clock.advance(101);
  assert.deepEqual(probe.causes, ['deadline']);
  await idle(stage, caller, callee);
});

claim('a broken carrier ends every kind of waiting call at once, with the cause', async (stage) => {
  const { caller, callee, toCallee } = await stage.wires({}, stage.standard());
  const duplex = caller.duplex(kit.TIMES, [2]);
  const calls = [
    caller.call(kit.NEVER),
    collect(caller.stream(kit.ONE_THEN_NEVER)),
    caller.upload(kit.NEVER_READS, [], [1]),
    duplex.next(),
  ].map((call) => failed(call, 'UNAVAILABLE'));
  await stage.settle();
  toCallee.cut('the cable was pulled');
  for (const call of calls) {
    const status = await call;
    assert.match(status.text, /the cable was pulled.*may have run/);
    assert.deepEqual([status.side, status.neverStarted, status.cause.kind], ['caller', false, 'lost']);
  }
  assert.equal((await caller.closed).message, 'connection lost: the cable was pulled');
  assert.equal((await failed(caller.call(kit.ECHO, ['x']), 'UNAVAILABLE')).neverStarted, true);
  await failed(caller.notify(kit.NOTE), 'UNAVAILABLE');
  await stage.clock.advance(10_000);
  assert.deepEqual([caller.outbound.size, callee.inbound.size], [0, 0]);
});

claim('a broken carrier ends every kind of handler, which learns that it was the connection', async (stage) => {
  const probe = new Probe();
  const offered = new Interface()
    .procedure(OWN, probe.never)
    .sequence(OWN + 1, async function* (_, context) {
      await probe.never(_, context);
    })
    .procedureWithItems(OWN + 2, async (_, items, context) => {
      const leave = probe.enter(context);
      await collect(items).catch(() => {});
      leave();
    })
    .notification(OWN + 3, probe.never);
  const { caller, toCallee } = await stage.wires({}, offered);
  caller.call(OWN).catch(() => {});
  caller.stream(OWN + 1).next().catch(() => {});
  caller.upload(OWN + 2, [], { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }).catch(() => {});
  await caller.notify(OWN + 3);
  await stage.settle();
  assert.equal(probe.running, 4);
  toCallee.cut('cut');
  await stage.settle();
  assert.deepEqual(probe.causes, Array(4).fill('connection'));
});

claim('what had been answered before the carrier broke is still there', async (stage) => {
  const { caller, toCallee } = await stage.wires({}, stage.standard());
  const items = caller.stream(kit.COUNT, [5]);
  await stage.settle();
  toCallee.cut('cut');
  assert.deepEqual(await collect(items), [0, 1, 2, 3, 4]);
});

claim('a call that the carrier never took says that it never started', async (stage) => {
  const { caller, toCallee } = await stage.wires({}, stage.standard());
  await stage.settle();
  const call = failed(caller.call(kit.ECHO, ['x']), 'UNAVAILABLE');
  toCallee.cut('cut');
  assert.equal((await call).neverStarted, true);
});

claim('close() ends everything at once, with its code and reason at both sides', async (stage) => {
  const probe = new Probe();
  const { caller, callee } = await stage.wires({}, new Interface().procedure(OWN, probe.never));
  const call = failed(caller.call(OWN), 'UNAVAILABLE');
  await stage.settle();
  callee.close(CloseCode.UNAUTHENTICATED, 'who are you?');
  assert.match((await call).text, /closed by the peer: UNAUTHENTICATED: who are you\?/);
  const [here, there] = [await callee.closed, await caller.closed];
  assert.deepEqual([here.kind, here.code, here.reason], ['local', 3, 'who are you?']);
  assert.deepEqual([there.kind, there.code, there.reason], ['peer', 3, 'who are you?']);
  await stage.settle();
  assert.deepEqual(probe.causes, ['connection']);
});

claim('an interface serves other wires when one has ended', async (stage) => {
  const offered = stage.standard();
  const first = await stage.wires({}, offered);
  const second = await stage.wires({}, offered);
  first.toCallee.cut('cut');
  await alive(second.caller);
});

claim('closing loses no notification that was handed over', async (stage) => {
  const heard = [];
  const { caller } = await stage.wires({}, new Interface().notification(OWN, ([n]) => heard.push(n)));
  for (const n of range(50)) await caller.notify(OWN, [n]);
  caller.close();
  await stage.settle();
  assert.equal(heard.length, 50);
});

claim('[P7] 500 calls in flight are all answered during a drain', async (stage) => {
  const { caller, callee } = await stage.wires({}, { interface: stage.standard(), limits: { max_inbound_calls: 500, abuse_budget: 2000 } });
  const calls = range(500).map((n) => caller.call(kit.SLEEP, [n]));
  await stage.settle();
  const report = callee.shutdown(5000);
  await stage.clock.advance(600);
  assert.deepEqual(await Promise.all(calls), range(500));
  assert.deepEqual({ ...(await report), finished: 0 }, { finished: 0, cut: 0, abandoned: 0 });
  assert.equal((await caller.closed).orderly, true);
});

claim('[P7] calls made during a drain never start, and may be made elsewhere', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const running = caller.call(kit.SLEEP, [1000]);
  await stage.settle();
  const report = callee.shutdown(5000);
  // Not heard of yet: refused by the callee.
  const early = failed(caller.call(kit.ECHO, ['x']), 'UNAVAILABLE');
  assert.equal((await early).neverStarted, true);
  await stage.settle();
  assert.equal((await failed(caller.call(kit.ECHO, ['x']), 'UNAVAILABLE')).neverStarted, true);
  assert.equal((await failed(callee.call(kit.ECHO, ['x']), 'UNAVAILABLE')).neverStarted, true);
  await stage.clock.advance(1000);
  assert.equal(await running, 1000);
  await report;
});

claim('[P7] what is left after the grace period is cut, and the report says so', async (stage) => {
  const probe = new Probe();
  const { caller, callee } = await stage.wires({}, stage.standard().procedure(OWN, probe.never));
  const call = failed(caller.call(OWN), 'UNAVAILABLE');
  const short = caller.call(kit.SLEEP, [10]);
  await stage.settle();
  const report = callee.shutdown(100);
  await stage.clock.advance(101);
  assert.equal(await short, 10);
  assert.match((await call).text, /shuts down/);
  assert.deepEqual(await report, { finished: 1, cut: 1, abandoned: 0 });
  assert.deepEqual(probe.causes, ['shutdown']);
  assert.equal((await caller.closed).code, CloseCode.SHUTDOWN);
});

claim('[P7] a shutdown with nothing to wait for is immediate and orderly', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  assert.deepEqual(await callee.shutdown(), { finished: 0, cut: 0, abandoned: 0 });
  const cause = await caller.closed;
  assert.deepEqual([cause.kind, cause.code, cause.orderly], ['peer', CloseCode.NO_ERROR, true]);
});

claim('[P7] a caller that shuts down waits for its own calls, then abandons them', async (stage) => {
  const probe = new Probe();
  const { caller } = await stage.wires({}, stage.standard().procedure(OWN, probe.never));
  const call = failed(caller.call(OWN), 'UNAVAILABLE');
  await stage.settle();
  const report = caller.shutdown(100);
  await stage.clock.advance(101);
  await call;
  assert.deepEqual(await report, { finished: 0, cut: 0, abandoned: 1 });
  assert.deepEqual(probe.causes, ['shutdown']);
});

claim('[P7] both sides may shut down at once', async (stage) => {
  const { caller, callee } = await stage.wires(stage.standard(), stage.standard());
  const [a, b] = await Promise.all([caller.shutdown(), callee.shutdown()]);
  assert.deepEqual([a.cut, b.cut], [0, 0]);
});

claim('[P7] notifications that run are waited for; those that come later are dropped', async (stage) => {
  let ended = 0;
  const offered = new Interface().notification(OWN, async ([ms]) => {
    await stage.clock.sleep(ms);
    ended++;
  });
  const { caller, callee } = await stage.wires({}, offered);
  await caller.notify(OWN, [100]);
  await stage.settle();
  const report = callee.shutdown(1000);
  await caller.notify(OWN, [100]);
  await stage.clock.advance(100);
  await report;
  assert.deepEqual([ended, callee.droppedNotifications], [1, 1]);
});

claim('[P7] a peer that takes no bytes cannot hold up a shutdown', async (stage) => {
  const { caller, callee, toCaller } = await stage.wires({}, stage.standard());
  toCaller.stall(true);
  caller.call(kit.NEVER).catch(() => {});
  await stage.settle();
  const report = callee.shutdown(100);
  await stage.clock.advance(101);
  assert.equal((await report).cut, 1);
});
