// A signal that many calls share has one listener, and none once nobody waits.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { Interface } from '../src/interface.js';
import { Clock, pair } from '../src/testing.js';
import { NEVER, NOTE, ONE_THEN_NEVER, SLEEP, range, standard } from './kit.js';

const listeners = (signal) => getEventListeners(signal, 'abort').length;

test('calls, streams and notifications that share a signal share its listener, and an abort ends all of them', async () => {
  const clock = new Clock();
  const offered = standard(clock).notification(200, () => clock.sleep(1000));
  const { client } = await pair({ interface: offered, limits: { max_inbound_notifications: 2 } }, {}, { clock });
  const { signal } = new AbortController();
  const controller = new AbortController();
  await client.notify(200);
  const other = client.call(SLEEP, [50], { signal });
  const items = client.stream(ONE_THEN_NEVER, [], { signal: controller.signal });
  await items.next();
  const calls = range(1000).map(() => client.call(NEVER, [], { signal: controller.signal }));
  const waits = client.notify(NOTE, [], { signal: controller.signal });
  await clock.settle();
  assert.deepEqual([listeners(controller.signal), listeners(signal)], [1, 1]);
  controller.abort(new Error('enough'));
  const ended = await Promise.allSettled([...calls, items.next(), waits]);
  assert.deepEqual([...new Set(ended.map(({ reason }) => `${reason.code}: ${reason.text}`))], ['CANCELLED: enough']);
  assert.equal(ended.at(-1).reason.neverStarted, true);
  assert.equal(listeners(controller.signal), 0);
  await clock.advance(50);
  assert.equal(await other, 50);
  assert.equal(listeners(signal), 0);
});

test('nobody listens to a signal whose calls have ended, however they did, and it can be used again', async () => {
  const clock = new Clock();
  const offered = new Interface().procedure(0, ([n]) => n).procedure(1, () => clock.sleep(1000));
  const { client, server } = await pair({ interface: offered }, {}, { clock });
  const { signal } = new AbortController();
  for (const _ of range(3)) {
    const calls = range(100).map((n) => client.call(0, [n], { signal }));
    assert.equal(listeners(signal), 1);
    assert.deepEqual(await Promise.all(calls), range(100));
    assert.equal(listeners(signal), 0);
  }
  const late = assert.rejects(client.call(1, [], { signal, timeout: 10 }), { code: 'DEADLINE_EXCEEDED' });
  const unknown = assert.rejects(client.call(9, [], { signal }), { code: 'UNIMPLEMENTED' });
  const unsent = assert.rejects(client.call(0, [() => {}], { signal }), { code: 'INVALID_ARGUMENT' });
  await clock.advance(10);
  await Promise.all([late, unknown, unsent]);
  assert.equal(listeners(signal), 0);
  const cut = assert.rejects(client.call(1, [], { signal }), { code: 'UNAVAILABLE' });
  await clock.settle();
  server.close();
  await clock.settle();
  await cut;
  assert.equal(listeners(signal), 0);
});

test('a notification that waits for a place ends as a call does when its signal times out', async () => {
  const clock = new Clock();
  const offered = new Interface().notification(0, () => clock.sleep(1000));
  const { client } = await pair({ interface: offered, limits: { max_inbound_notifications: 2 } }, {}, { clock });
  await client.notify(0);
  const controller = new AbortController();
  const sent = client.notify(0, [], { signal: controller.signal });
  await clock.settle();
  controller.abort(new DOMException('too late', 'TimeoutError'));
  await assert.rejects(sent, { code: 'DEADLINE_EXCEEDED', text: 'too late', neverStarted: true });
  assert.equal(listeners(controller.signal), 0);
});

test('20 000 calls with one signal cost no more listeners than one call', async () => {
  const clock = new Clock();
  const { client } = await pair({ interface: standard(clock), limits: { max_inbound_calls: 256 } }, {}, { clock });
  let [added, most] = [0, 0];
  const { signal } = new AbortController();
  const listening = new Set();
  // What a browser does for each: it looks through all that are there.
  signal.addEventListener = (type, listener) => {
    added += listening.size;
    listening.add(listener);
    most = Math.max(most, listening.size);
  };
  signal.removeEventListener = (type, listener) => {
    added += listening.size;
    listening.delete(listener);
  };
  const calls = range(20_000).map((n) => client.call(SLEEP, [0], { signal, timeout: Infinity }).catch(({ code }) => code));
  assert.equal(listening.size, 1);
  client.close();
  assert.deepEqual([...new Set(await Promise.all(calls))], ['UNAVAILABLE']);
  assert.deepEqual([most, listening.size], [1, 0]);
  assert.ok(added <= 40_000, `${added} listeners were looked at`);
});
