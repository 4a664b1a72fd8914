// Clause 13.4: what handlers run in vain for the peer is bounded, and what costs no handler is free.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../src/bytes.js';
import { CloseCode } from '../src/close_code.js';
import { Interface } from '../src/interface.js';
import { putParameters, putStreamHeader } from '../src/mux/frame.js';
import { defaultParams } from '../src/mux/params.js';
import { MuxSession } from '../src/mux/session.js';
import { defaultSettings, encodeControl } from '../src/proto/control.js';
import { Status } from '../src/status.js';
import { Clock, MemoryTransport, pair } from '../src/testing.js';
import { Wire } from '../src/wire.js';
import { aborted, range } from './kit.js';
import { hex } from './vectors.js';

const PARAMS = {
  ...defaultParams(),
  initial_max_data: 1 << 24,
  initial_max_stream_data_bidi_local: 1 << 20,
  initial_max_stream_data_bidi_remote: 1 << 20,
  initial_max_stream_data_uni: 1 << 20,
  initial_max_streams_bidi: 100,
  initial_max_streams_uni: 100,
  max_record_size: 65_536,
};

/** A server of `offered` whose client says bytes. */
async function stage(offered) {
  const clock = new Clock();
  const transport = new MemoryTransport();
  transport.send = transport.close = () => {};
  const wire = new Wire((deadlines, limits) => (transport.session = new MuxSession('server', limits, transport, deadlines)), {
    runtime: clock,
    onHandlerError: () => {},
    interface: offered,
  });
  const say = async (act) => {
    const writer = new Writer();
    act(writer);
    transport.session.received(writer.finish());
    await clock.settle();
  };
  const put = (writer, id, bytes, fin, offset = 0) => {
    putStreamHeader(writer, id, offset, bytes.length, fin);
    writer.put(bytes);
  };
  await say((w) => putParameters(w, PARAMS));
  await say((w) => put(w, 2, encodeControl(defaultSettings()), false));
  return { wire, clock, say, put };
}

/** Makes calls of `request`, `rest` of it later, until the connection is closed: how many, and how many were begun. */
async function flood(request, rest, ms, most = 2000) {
  let begun = 0;
  const offered = new Interface().procedure(0, (_, { signal }) => (begun++, aborted(signal)));
  const { wire, clock, say, put } = await stage(offered);
  let made = 0;
  while (!wire.closeReason && made < most) {
    const ids = range(40).map(() => made++ * 4);
    await say((w) => ids.forEach((id) => put(w, id, request, rest.length === 0)));
    await clock.advance(ms);
    if (rest.length > 0) await say((w) => ids.forEach((id) => put(w, id, rest, true, request.length)));
  }
  return { wire, made, begun };
}

const doomed = {
  'a second message': ['00030490', '0490', 0],
  'an empty fragment behind the arguments': ['00030490', '01', 0],
  'an end inside a message behind the arguments': ['00030490', '09', 0],
  'a timeout of a millisecond': ['0013010490', '', 1],
};
for (const [what, [request, rest, ms]] of Object.entries(doomed)) {
  test(`calls that the callee must end while they run are cut within a thousand: ${what}`, async () => {
    const { wire, made, begun } = await flood(hex(request), hex(rest), ms);
    assert.deepEqual([wire.closeReason?.kind, wire.closeReason?.code], ['violation', CloseCode.RESOURCE_EXHAUSTED], `after ${made}`);
    assert.match(wire.closeReason.message, /enhance your calm.*abuse_budget = 1000/);
    assert.ok(made >= 1000 && made <= 1200, `${made} calls`);
    assert.ok(begun >= 1000, `${begun} were begun`);
    assert.equal(wire.inbound.size, 0);
  });
}

test('a call that is refused before its handler runs is free, and so is one that had its time', async () => {
  for (const [request, ms] of [['0003', 0], ['09030490', 0], ['0003089090', 0], ['000304900490', 0], ['001340640490', 100]]) {
    const { wire, made } = await flood(hex(request), hex(''), ms);
    assert.deepEqual([wire.closeReason, made], [null, 2000], request);
  }
});

test('a second message that comes after 100 ms of a call costs nothing', async () => {
  const offered = new Interface().procedure(0, (_, { signal }) => aborted(signal));
  const { wire, clock, say, put } = await stage(offered);
  for (const ms of [100, 0]) {
    const { tokens } = wire.waste;
    const id = ms === 100 ? 0 : 4;
    await say((w) => put(w, id, hex('00030490'), false));
    await clock.advance(ms);
    await say((w) => put(w, id, hex('0490'), true, 4));
    assert.equal(tokens - wire.waste.tokens, ms === 100 ? 0 : 1);
    assert.equal(wire.inbound.size, 0);
  }
});

test('a call that succeeds earns eight, and ten thousand statuses in a row end nothing', async () => {
  const clock = new Clock();
  const offered = new Interface().procedure(0, () => 1).procedure(1, () => {
    throw new Status('NOT_FOUND', 'gone');
  });
  const { client, server } = await pair({ interface: offered }, {}, { clock });
  server.waste.spend(20, 'a test');
  for (const expected of [988, 996, 1000]) {
    await client.call(0);
    assert.equal(server.waste.tokens, expected);
  }
  for (let n = 0; n < 100; n++) {
    const ended = await Promise.all(range(100).map((n) => client.call(1 + (n % 2) * 8).catch(({ code }) => code)));
    assert.deepEqual([...new Set(ended)], ['NOT_FOUND', 'UNIMPLEMENTED']);
  }
  assert.deepEqual([client.closeReason, server.closeReason], [null, null]);
});
