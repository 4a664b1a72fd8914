// Sections 5, 11 and 12 of docs/protocol.md, frame by frame: what each end says when, by the number of its clause.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader } from '../src/bytes.js';
import { CloseCode, StreamCode } from '../src/close_code.js';
import { Interface } from '../src/interface.js';
import { decodeFrame, frameType } from '../src/mux/frame.js';
import { decodeHeader } from '../src/proto/header.js';
import { Status } from '../src/status.js';
import { Clock, pair } from '../src/testing.js';
import { collect, range, standard } from './kit.js';
import * as kit from './kit.js';
import { toHex } from './vectors.js';

/** Two wires, and what has passed between them since it was last asked, as `TYPE id code` or `TYPE id hex`. */
async function heard(offered, limits = {}) {
  const clock = new Clock();
  const options = { interface: offered ?? standard(clock), limits };
  const both = await pair(options, options, { clock });
  await clock.settle();
  const take = (transport) => {
    const frames = [];
    for (const record of transport.log.splice(0)) {
      const reader = new Reader(record);
      while (reader.left > 0) {
        const frame = decodeFrame(frameType(reader), reader);
        const what = frame.type === 'STREAM' ? `${toHex(frame.data)}${frame.fin ? ' FIN' : ''}` : frame.code;
        if (/STREAM|STOP/.test(frame.type) && !/MAX|BLOCKED/.test(frame.type)) frames.push(`${frame.type} ${frame.stream_id} ${what}`);
        if (frame.type === 'CONNECTION_CLOSE') frames.push(`CLOSE ${frame.code}`);
      }
    }
    return frames;
  };
  both.toServer.log = [];
  both.toClient.log = [];
  return { ...both, said: async () => (await clock.settle(), [take(both.toServer), take(both.toClient)]) };
}

test('clauses 2.2 and 2.4: each side opens its control stream first, streams 2 and 3, with magic, version and SETTINGS', async () => {
  const { toServer, toClient } = await pair({ interface: new Interface(), limits: { max_message_bytes: 1 << 20 } }, {}, { wait: false });
  toServer.log = [];
  toClient.log = [];
  await new Clock().settle();
  const first = ({ log }, id) => {
    for (const record of log) {
      const reader = new Reader(record);
      while (reader.left > 0) {
        const frame = decodeFrame(frameType(reader), reader);
        if (frame.type === 'STREAM') return assert.equal(frame.stream_id, id), toHex(frame.data);
      }
    }
  };
  assert.equal(first(toServer, 2), '006970666901' + '00020300', 'the client only calls: serves = 0');
  assert.equal(first(toClient, 3), '006970666901' + '00050180100000');
});

test('clause 2.6: GOAWAY is two bytes of the control stream, and stops calls and notifications of its receiver', async () => {
  const { client, server, said } = await heard();
  const running = client.call(kit.SLEEP, [50]).catch(() => {});
  await said();
  void server.shutdown(1000);
  assert.deepEqual((await said())[1], ['STREAM 3 0100']);
  await assert.rejects(client.call(0, ['x']), { code: 'UNAVAILABLE', neverStarted: true });
  await assert.rejects(client.notify(kit.NOTE), { code: 'UNAVAILABLE' });
  assert.deepEqual((await said())[0], []);
  client.close();
  await running;
});

test('clauses 3.3 and 5.7: the timeout is what remains, rounded up, and shrinks from hop to hop', async () => {
  const clock = new Clock();
  const seen = [];
  const last = new Interface().procedure(0, (_, { remaining }) => (seen.push(remaining), 1));
  const far = await pair({ interface: last }, {}, { clock });
  const relay = new Interface().procedure(0, async (_, { remaining }) => {
    seen.push(remaining);
    await clock.sleep(30.5);
    return far.client.call(0, [], { timeout: remaining - 30.5 });
  });
  const near = await pair({ interface: relay }, {}, { clock });
  const call = near.client.call(0, [], { timeout: 99.5 });
  await clock.advance(31);
  assert.equal(await call, 1);
  assert.deepEqual(seen, [100, 70]);
});

test('clause 5.3: an answer before the end of the request is followed by STOP_SENDING(NO_ERROR), answered by RESET_STREAM(NO_ERROR)', async () => {
  const offered = new Interface().procedureWithItems(0, () => 7).procedureWithItems(1, () => {
    throw new Status('ABORTED');
  });
  const { client, said } = await heard(offered);
  for (const [procedure, id] of [[0, 0], [1, 4]]) {
    const call = client.duplex(procedure);
    const answer = call.answer().catch((error) => error.code);
    const [, theirs] = await said();
    assert.ok(theirs.includes(`STOP_SENDING ${id} ${StreamCode.NO_ERROR}`), theirs.join());
    assert.equal(await answer, procedure ? 'ABORTED' : 7);
    assert.equal(await call.send(1), false);
  }
});

test('clauses 5.4 and 5.5: giving up is RESET_STREAM and STOP_SENDING with the reason, STOP_SENDING alone after FIN; both are echoed', async () => {
  const { client, said, clock } = await heard();
  const duplex = client.duplex(kit.TIMES, [2]);
  await said();
  duplex.cancel();
  assert.deepEqual(await said(), [['RESET_STREAM 0 1', 'STOP_SENDING 0 1'], ['RESET_STREAM 0 1']]);
  const controller = new AbortController();
  const call = client.call(kit.NEVER, [], { signal: controller.signal }).catch(() => {});
  await said();
  controller.abort();
  await call;
  assert.deepEqual(await said(), [['STOP_SENDING 4 1'], ['RESET_STREAM 4 1']]);
  const late = client.duplex(kit.TIMES, [2], null, { timeout: 10 }).next().catch(() => {});
  await said();
  await clock.advance(10);
  await late;
  // The callee's own deadline passes at the same time, and its status may cross.
  assert.deepEqual((await said())[0], ['RESET_STREAM 8 3', 'STOP_SENDING 8 3']);
});

test('clause 5.6: leaving a call that runs on is STOP_SENDING(DETACHED), and items may follow', async () => {
  const { client, said } = await heard();
  const call = client.duplex(kit.TIMES, [2]);
  await said();
  call.detach();
  assert.deepEqual((await said())[0], ['STOP_SENDING 0 7']);
  await call.send(5);
  call.end();
  assert.deepEqual((await said())[0], ['STREAM 0 0405', 'STREAM 0  FIN']);
});

test('clause 5.8: a callee that will not start a call resets and stops it with REFUSED', async () => {
  const { client, server, said } = await heard();
  const running = server.call(kit.SLEEP, [10]).catch(() => {});
  await said();
  void server.shutdown(100);
  const refused = client.duplex(0).next().catch((error) => error);
  const [, theirs] = await said();
  assert.ok(theirs.includes('RESET_STREAM 0 2') && theirs.includes('STOP_SENDING 0 2'), theirs.join());
  assert.equal((await refused).neverStarted, true);
  client.close();
  await running;
});

test('clause 5.9: a status that cannot leave within the grace period becomes the reset that stands for it', async () => {
  const offered = new Interface().sequence(0, async function* (_, { signal }) {
    for (let n = 0; n < 40; n++) yield new Uint8Array(1000);
    throw new Status('RESOURCE_EXHAUSTED', 'enough');
  });
  const { client, said, clock } = await heard(offered);
  const items = client.stream(0);
  await clock.advance(4999);
  assert.ok(!(await said())[1].some((frame) => /RESET_STREAM/.test(frame)));
  await clock.advance(1);
  assert.ok((await said())[1].includes('RESET_STREAM 0 5'));
  await assert.rejects(collect(items), { code: 'RESOURCE_EXHAUSTED', side: 'caller' });
});

test('clauses 5.11 and 11.1: a datagram is a header and message 0, without timeout and priority', async () => {
  const { client, toServer } = await heard(new Interface().notification(3, () => {}, { datagrams: true }));
  client.sendDatagram(3, ['hello'], { timeout: 5, priority: 3, metadata: { a: 'b' } });
  await new Clock().settle();
  const reader = new Reader(toServer.log[0]);
  const { data } = decodeFrame(frameType(reader), reader);
  const inner = new Reader(data);
  const header = decodeHeader(inner, client.limits);
  assert.deepEqual([header.procedure, header.timeout, header.priority, header.metadata.get('a')], [3, null, 0, 'b']);
  assert.equal(toHex(inner.take(inner.left)), '91a568656c6c6f');
});

test('clause 5.13: a shutdown closes with NO_ERROR, or SHUTDOWN where something was left', async () => {
  const quiet = await heard();
  await quiet.server.shutdown();
  assert.deepEqual((await quiet.said())[1], ['STREAM 3 0100', `CLOSE ${CloseCode.NO_ERROR}`]);
  const busy = await heard();
  const call = busy.client.call(kit.NEVER).catch((error) => error);
  await busy.said();
  const report = busy.server.shutdown(10);
  await busy.clock.advance(11);
  await report;
  const frames = (await busy.said())[1];
  assert.equal(frames.at(-1), `CLOSE ${CloseCode.SHUTDOWN}`);
  assert.equal((await call).code, 'UNAVAILABLE');
});

test('clause 14.1: hello("Ada") is the bytes of the example', async () => {
  const { bincode, string } = await import('../src/codec/bincode.js');
  const codec = bincode({ args: [string], returns: string });
  const { client, said } = await heard(new Interface().procedure(0, ([name]) => `Hello, ${name}!`, { codecs: [codec] }));
  assert.equal(await client.call(0, ['Ada'], { codec, timeout: Infinity }), 'Hello, Ada!');
  const [mine, theirs] = await said();
  assert.deepEqual(mine, ['STREAM 0 00011003416461 FIN']);
  assert.equal(theirs[0], 'STREAM 0 300b48656c6c6f2c2041646121 FIN');
});

test('a notification that finds no place in time, or is aborted, is not sent', async () => {
  const clock = new Clock();
  const offered = new Interface().notification(0, () => clock.sleep(1000));
  const { client, server } = await pair({ interface: offered, limits: { max_inbound_notifications: 2 } }, {}, { clock });
  await client.notify(0);
  await clock.settle();
  const late = assert.rejects(client.notify(0, [], { timeout: 100 }), { code: 'DEADLINE_EXCEEDED', neverStarted: true });
  const controller = new AbortController();
  const aborted = assert.rejects(client.notify(0, [], { signal: controller.signal }), { code: 'CANCELLED' });
  controller.abort();
  await clock.advance(100);
  await Promise.all([late, aborted]);
  assert.equal(server.notifications, 1);
});

test('a side that stood still for a minute does not take its own silence for the peer’s', async () => {
  const clock = new Clock();
  const { client } = await pair({ interface: standard(clock) }, {}, { clock });
  clock.time += 60_000;
  await clock.advance(0);
  assert.equal(client.closeReason, null);
  assert.equal(await client.call(0, ['still here']), 'still here');
  assert.deepEqual(range(1), [0]);
});
