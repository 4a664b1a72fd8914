// Clause 2.5 of docs/protocol.md: a caller has no more calls open than its peer says that it runs at once. The carrier of
// these tests would let all of them out, so that only the caller's own line holds them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader } from '../src/bytes.js';
import { Interface } from '../src/interface.js';
import { decodeFrame, frameType } from '../src/mux/frame.js';
import { encodeControl, defaultSettings } from '../src/proto/control.js';
import { Clock, pair } from '../src/testing.js';
import { OWN, Probe, aborted, collect, failed, idle, range, standard } from './kit.js';
import * as kit from './kit.js';
import { toHex } from './vectors.js';

/** Two wires whose server says `places`, while its carrier gives credit for `credit` calls. */
async function stage(places, offered, { credit = 1000, client = {} } = {}) {
  const clock = new Clock();
  const limits = { max_inbound_calls: credit, abuse_budget: 100_000 };
  const made = await pair({ interface: offered ?? standard(clock), limits }, { limits: client }, { clock, wait: false });
  // The control stream says this, the carrier keeps what it has.
  made.server.limits = { ...made.server.limits, max_inbound_calls: places };
  return { ...made, settle: () => clock.settle() };
}

/** A procedure whose calls end one by one, in any order that the test likes. */
function gate() {
  const started = [];
  const offered = new Interface().procedure(OWN, ([n], { signal }) =>
    Promise.race([aborted(signal), new Promise((resolve) => started.push({ n, open: () => resolve(n) }))]),
  );
  return { started, offered };
}

test('clause 2.5: no more calls are open than the peer runs at once, and those that wait are let in first come first served', async () => {
  const { started, offered } = gate();
  const made = await stage(2, offered);
  const { client, server, settle } = made;
  await client.opened;
  const calls = range(6).map((n) => client.call(OWN, [n]));
  await settle();
  assert.deepEqual(started.map(({ n }) => n), [0, 1]);
  assert.deepEqual([client.outbound.size, client.line.size, server.inbound.size], [6, 4, 2]);
  started[1].open();
  assert.equal(await calls[1], 1);
  await settle();
  assert.deepEqual(started.map(({ n }) => n), [0, 1, 2]);
  for (const next of [0, 2, 3, 4, 5]) {
    started[next].open();
    await settle();
    assert.ok(server.inbound.size <= 2);
  }
  assert.deepEqual(await Promise.all(calls), range(6));
  assert.deepEqual(started.map(({ n }) => n), range(6));
  await idle(made, client, server);
});

test('clause 2.5: before the SETTINGS have come the default of 256 holds', async () => {
  const { started, offered } = gate();
  const made = await stage(300, offered);
  const { client, server, settle } = made;
  const calls = range(310).map((n) => client.call(OWN, [n]));
  assert.deepEqual([client.settled, client.line.size], [false, 54]);
  await settle();
  assert.deepEqual([client.settled, client.line.size, started.length], [true, 10, 300]);
  for (let n = 0; n < 310; n++) {
    started[n].open();
    if (n % 10 === 0) await settle();
  }
  assert.deepEqual(await Promise.all(calls), range(310));
  assert.deepEqual(started.map(({ n }) => n), range(310));
  await idle(made, client, server);
});

test('clause 2.5: a peer that says less than the default holds back what has not left yet, and nothing else', async () => {
  const { started, offered } = gate();
  const made = await stage(1, offered);
  const { client, server, settle } = made;
  const early = range(3).map((n) => client.call(OWN, [n]));
  await client.opened;
  const late = client.call(OWN, [3]);
  await settle();
  // The first three were made when the default held.
  assert.deepEqual([started.length, client.line.size], [3, 1]);
  started[0].open();
  started[1].open();
  await settle();
  assert.deepEqual([started.length, client.line.size], [3, 1]);
  started[2].open();
  await settle();
  started[3].open();
  assert.deepEqual(await Promise.all([...early, late]), range(4));
  await idle(made, client, server);
});

test('clause 2.5: a call that is aborted, late or left while it waits has never started, and its place in line goes to the next', async () => {
  const { started, offered } = gate();
  const made = await stage(1, offered);
  const { client, server, clock, toServer, settle } = made;
  await client.opened;
  const first = client.call(OWN, [0]);
  const aborting = new AbortController();
  const waiting = [
    client.call(OWN, [1], { signal: aborting.signal }),
    client.call(OWN, [2], { timeout: 50 }),
    client.stream(OWN, [3]),
    client.upload(OWN, [4], [1, 2, 3], { timeout: 50 }),
  ];
  const last = client.call(OWN, [5]);
  await settle();
  toServer.log = [];
  aborting.abort();
  waiting[2].cancel();
  const ends = [failed(waiting[0], 'CANCELLED'), failed(waiting[1], 'DEADLINE_EXCEEDED'), failed(waiting[2].next(), 'CANCELLED'), failed(waiting[3], 'DEADLINE_EXCEEDED')];
  await clock.advance(50);
  for (const status of await Promise.all(ends)) assert.deepEqual([status.neverStarted, status.side], [true, 'caller']);
  assert.deepEqual([started.length, client.line.size, toServer.log.length], [1, 1, 0]);
  started[0].open();
  await first;
  await settle();
  started[1].open();
  assert.deepEqual([await last, started.map(({ n }) => n)], [5, [0, 5]]);
  await idle(made, client, server);
});

test('clauses 2.5 and 3.3: the timeout of a call that waited is what remains', async () => {
  const seen = [];
  const offered = new Interface().procedure(OWN, async (_, { remaining }) => (seen.push(remaining), clock.sleep(40)));
  const made = await stage(1, offered);
  const { client, clock } = made;
  await client.opened;
  const calls = [client.call(OWN, [], { timeout: 100 }), client.call(OWN, [], { timeout: 100 })];
  await clock.advance(40);
  await clock.advance(40);
  await Promise.all(calls);
  assert.deepEqual(seen, [100, 60]);
});

test('clause 2.5: with max_inbound_calls = 0 every call waits for its deadline', async () => {
  const made = await stage(0);
  const { client, server, clock } = made;
  await client.opened;
  const call = failed(client.call(kit.ECHO, ['x'], { timeout: 100 }), 'DEADLINE_EXCEEDED');
  await clock.advance(100);
  assert.equal((await call).neverStarted, true);
  await idle(made, client, server);
});

test('clause 2.5: a call counts until its response has ended or it was given up', async () => {
  const made = await stage(1);
  const { client, server, settle } = made;
  await client.opened;
  const items = client.stream(kit.ONE_THEN_NEVER);
  await items.next();
  const echo = client.call(kit.ECHO, ['x']);
  await settle();
  assert.equal(client.line.size, 1);
  items.cancel();
  assert.equal(await echo, 'x');
  const duplex = client.duplex(kit.TIMES, [2], [1, 2]);
  const after = client.call(kit.ECHO, ['y']);
  assert.deepEqual(await collect(duplex), [2, 4]);
  assert.equal(await after, 'y');
  await idle(made, client, server);
});

test('clauses 2.5 and 2.6: after GOAWAY those who wait in line fail, never started, and those who run go on', async () => {
  const { started, offered } = gate();
  const made = await stage(1, offered);
  const { client, server, settle } = made;
  await client.opened;
  const running = client.call(OWN, [0]);
  const waiting = range(3).map((n) => failed(client.call(OWN, [n + 1]), 'UNAVAILABLE'));
  await settle();
  const over = server.shutdown(1000);
  for (const status of await Promise.all(waiting)) assert.equal(status.neverStarted, true);
  started[0].open();
  assert.equal(await running, 0);
  await over;
  assert.deepEqual([started.length, client.outbound.size, client.line.size], [1, 0, 0]);
});

test('clause 2.5: a connection that ends fails those in line, never started, and whoever shuts down lets none of them in', async () => {
  for (const end of [(client, made) => made.toServer.cut('cut'), (client) => void client.shutdown(0)]) {
    const probe = new Probe();
    const made = await stage(1, new Interface().procedure(OWN, probe.never));
    const { client, settle } = made;
    await client.opened;
    const calls = range(4).map(() => failed(client.call(OWN), 'UNAVAILABLE'));
    await settle();
    end(client, made);
    await made.clock.advance(1);
    const statuses = await Promise.all(calls);
    assert.deepEqual(statuses.map(({ neverStarted }) => neverStarted), [false, true, true, true]);
    assert.deepEqual([probe.started, client.outbound.size, client.line.size], [1, 0, 0]);
  }
});

test('clause 2.5: thousands of calls in line that all fail as they are let in end without a deep stack', async () => {
  const made = await stage(1);
  const { client, server, clock, settle } = made;
  await client.opened;
  const first = client.call(kit.SLEEP, [1]);
  const all = range(20_000).map(() => client.call(kit.ECHO, ['x']).catch(({ code }) => code));
  await settle();
  // What the peer takes was known all along; here it is what fails a call as late as that.
  client.settings.max_message_bytes = 0;
  await clock.advance(1);
  await first;
  assert.deepEqual(new Set(await Promise.all(all)), new Set(['RESOURCE_EXHAUSTED']));
  await idle(made, client, server);
});

test('clause 2.5: who serves says how many calls it runs, if that is not the default, and who only calls says nothing', async () => {
  const said = async (options) => {
    const { toClient } = await pair(options, {}, { wait: false });
    toClient.log = [];
    await new Clock().settle();
    const frames = toClient.log.flatMap((record) => {
      const reader = new Reader(record);
      const all = [];
      while (reader.left > 0) all.push(decodeFrame(frameType(reader), reader));
      return all;
    });
    return toHex(frames.find(({ type }) => type === 'STREAM').data);
  };
  const expected = (changes) => toHex(encodeControl({ ...defaultSettings(), ...changes }));
  const offered = new Interface();
  assert.equal(await said({ interface: offered, limits: { max_inbound_calls: 7 } }), expected({ max_inbound_calls: 7 }));
  assert.equal(await said({ interface: offered, limits: { max_inbound_calls: 7 } }), '006970666901' + '00020607');
  assert.equal(await said({ interface: offered }), expected({}));
  assert.equal(await said({ limits: { max_inbound_calls: 7 } }), expected({ serves: false }));
});
