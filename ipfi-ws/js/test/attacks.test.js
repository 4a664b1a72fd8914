// A hostile peer for each row of the threat model: refused, bounded, told why. And A14: a hostile server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader, Writer } from '../src/bytes.js';
import { CloseCode, StreamCode, TransportCode } from '../src/close_code.js';
import { Interface } from '../src/interface.js';
import { resolveLimits } from '../src/limits.js';
import { Connection } from '../src/mux/connection.js';
import { Type, decodeFrame, frameType, putClose, putFrame, putParameters, putStreamHeader } from '../src/mux/frame.js';
import { defaultParams } from '../src/mux/params.js';
import { MuxSession } from '../src/mux/session.js';
import { encodeControl, defaultSettings } from '../src/proto/control.js';
import { ItemReader } from '../src/proto/item.js';
import { Clock, MemoryTransport } from '../src/testing.js';
import { Wire } from '../src/wire.js';
import { hex } from './vectors.js';
import { aborted, range, standard } from './kit.js';

const PARAMS = {
  ...defaultParams(),
  initial_max_data: 1 << 24,
  initial_max_stream_data_bidi_local: 1 << 20,
  initial_max_stream_data_bidi_remote: 1 << 20,
  initial_max_stream_data_uni: 1 << 20,
  initial_max_streams_bidi: 100,
  initial_max_streams_uni: 100,
  max_datagram_frame_size: 16_382,
  max_record_size: 65_536,
};

/** Frames as one record. */
function record(act) {
  const writer = new Writer();
  act(writer);
  return writer.finish();
}

const stream = (writer, id, offset, data, fin = false) => {
  putStreamHeader(writer, id, offset, data.length, fin);
  writer.put(data);
};

/** A connection whose peer has sent its parameters. */
function connection(side = 'server', limits = {}) {
  const made = new Connection(side, resolveLimits(limits), 0);
  made.handleRecord(0, record((writer) => putParameters(writer, PARAMS)));
  drain(made);
  return made;
}

function drain(made) {
  const frames = [];
  for (let out = made.transmit(made.now); out; out = made.transmit(made.now)) {
    const reader = new Reader(out);
    while (reader.left > 0) frames.push(decodeFrame(frameType(reader), reader));
  }
  return frames;
}

function ended(made, code) {
  assert.equal(made.ended?.kind, 'violation', String(made.ended));
  assert.equal(made.ended.code, code, made.ended.message);
  const close = drain(made).at(-1);
  assert.deepEqual([close.type, close.application, close.code], ['CONNECTION_CLOSE', false, code]);
  return made.ended.reason;
}

test('bytes beyond the credit of a stream are a FLOW_CONTROL_ERROR, RFC 9000 section 4.1', () => {
  const made = connection();
  made.handleRecord(0, record((w) => stream(w, 0, 0, new Uint8Array(16_384))));
  assert.equal(made.ended, null);
  made.handleRecord(0, record((w) => stream(w, 0, 16_384, new Uint8Array(1))));
  assert.match(ended(made, TransportCode.FLOW_CONTROL_ERROR), /16385, limit 16384/);
});

test('bytes beyond the credit of the connection are a FLOW_CONTROL_ERROR, whatever the streams have', () => {
  const made = connection();
  // No honest limits get there: the connection window covers every stream.
  made.credit.granted = 10_000;
  made.handleRecord(0, record((w) => stream(w, 0, 0, new Uint8Array(10_001))));
  assert.match(ended(made, TransportCode.FLOW_CONTROL_ERROR), /connection, limit 10000/);
});

test('with 255 streams full and unread the 256th flows, hyper#2899', () => {
  const made = connection();
  for (const n of range(255)) made.handleRecord(0, record((w) => stream(w, n * 4, 0, new Uint8Array(16_384))));
  for (const n of range(50)) {
    made.handleRecord(0, record((w) => stream(w, 255 * 4, n * 16_384, new Uint8Array(16_384))));
    assert.equal(made.ended, null);
    const last = made.streams.get(255 * 4);
    while (last.read());
    assert.ok(drain(made).some(({ type }) => type === 'MAX_STREAM_DATA'));
    assert.ok(made.credit.holds);
  }
});

test('a stream beyond the limit is a STREAM_LIMIT_ERROR, RFC 9000 section 4.6', () => {
  for (const id of [256 * 4, 2 ** 50, 2n ** 62n - 4n, 64 * 4 + 2]) {
    const made = connection();
    made.handleRecord(0, record((w) => putFrame(w, Type.STREAM | 2, id, 0)));
    ended(made, TransportCode.STREAM_LIMIT_ERROR);
    assert.equal(made.streams.size, 0);
  }
});

test('a place comes back only when both halves are over and the handler has let go', () => {
  const made = connection('server', { max_inbound_calls: 4, abuse_budget: 200 });
  for (const n of range(4)) made.handleRecord(0, record((w) => stream(w, n * 4, 0, new Uint8Array(1), true)));
  const accepted = made.takeAccepted();
  for (const each of accepted) {
    each.read();
    each.finish();
  }
  assert.ok(!drain(made).some(({ type }) => type === 'MAX_STREAMS'));
  accepted[0].release();
  const [grant] = drain(made).filter(({ type }) => type === 'MAX_STREAMS');
  assert.equal(grant.maximum, 5);
});

test('frames for streams of the wrong direction, or never opened, are a STREAM_STATE_ERROR', () => {
  for (const frame of [
    (w) => putFrame(w, Type.MAX_STREAM_DATA, 2, 5),
    (w) => putFrame(w, Type.STOP_SENDING, 2, 0),
    (w) => stream(w, 3, 0, new Uint8Array(1)),
    (w) => stream(w, 1, 0, new Uint8Array(1)),
    (w) => putFrame(w, Type.RESET_STREAM, 2n ** 61n + 1n, 0, 0),
  ]) {
    const made = connection();
    made.handleRecord(0, record(frame));
    ended(made, TransportCode.STREAM_STATE_ERROR);
  }
});

test('a final size that changes or is overrun is a FINAL_SIZE_ERROR, RFC 9000 section 4.5', () => {
  for (const frame of [
    (w) => stream(w, 0, 3, new Uint8Array(1)),
    (w) => putFrame(w, Type.RESET_STREAM, 0, 0, 2),
    (w) => putFrame(w, Type.RESET_STREAM, 0, 0, 2n ** 62n - 1n),
  ]) {
    const made = connection();
    made.handleRecord(0, record((w) => stream(w, 0, 0, new Uint8Array(3), true)));
    made.handleRecord(0, record(frame));
    ended(made, TransportCode.FINAL_SIZE_ERROR);
  }
});

test('a record larger than offered is a FRAME_ENCODING_ERROR, an empty one a PROTOCOL_VIOLATION', () => {
  const large = connection();
  large.handleRecord(0, new Uint8Array(65_537));
  assert.match(ended(large, TransportCode.FRAME_ENCODING_ERROR), /65537 bytes, limit max_record_bytes = 65536/);
  const empty = connection();
  empty.handleRecord(0, new Uint8Array(0));
  ended(empty, TransportCode.PROTOCOL_VIOLATION);
});

/** Sends `frame(n)` until the connection ends: how many it took, and what memory was made of them. */
function flood(side, frame, { most = 10_000, setup = () => {}, limits = {} } = {}) {
  const made = connection(side, limits);
  setup(made);
  let count = 0;
  for (; count < most && !made.ended; count++) {
    made.handleRecord(0, record((w) => frame(w, count, side === 'server' ? 0 : 1)));
    made.takeReady();
    for (const accepted of made.takeAccepted()) accepted.release();
    made.takeDatagrams();
    assert.ok(made.control.length <= made.streams.size, 'control frames are bits of streams');
  }
  return { made, count };
}

const floods = {
  'pings, CVE-2019-9512': [(w, n) => putFrame(w, Type.PING, n + 1)],
  'runs of PADDING': [(w) => w.u8(0)],
  'empty STREAM frames, CVE-2019-9518': [(w, _, by) => stream(w, by, 0, new Uint8Array(0))],
  'MAX_DATA that raises nothing': [(w) => putFrame(w, Type.MAX_DATA, 1)],
  'MAX_STREAMS that raises nothing': [(w) => putFrame(w, Type.MAX_STREAMS, 1)],
  'DATA_BLOCKED that is untrue': [(w) => putFrame(w, Type.DATA_BLOCKED, 5)],
  'STREAMS_BLOCKED that is untrue': [(w) => putFrame(w, Type.STREAMS_BLOCKED, 5)],
  'STREAM_DATA_BLOCKED that is untrue': [(w, _, by) => putFrame(w, Type.STREAM_DATA_BLOCKED, by, 5)],
  'frames for a closed stream': [
    (w, _, by) => putFrame(w, Type.RESET_STREAM, 2 + by, 0, 0),
  ],
  'rapid reset, CVE-2023-44487': [
    (w, n, by) => {
      stream(w, n * 4 + by, 0, new Uint8Array([0, 3]));
      putFrame(w, Type.RESET_STREAM, n * 4 + by, 1, 2);
      putFrame(w, Type.STOP_SENDING, n * 4 + by, 1);
    },
    { setup: (made) => (made.remote[0].granted = 1e6, made.credit.committed += 1e6 * 16_384, made.credit.granted += 1e6 * 16_384) },
  ],
  'stops of one stream, CVE-2019-9514': [(w, _, by) => putFrame(w, Type.STOP_SENDING, by, 1)],
  'empty datagrams that are dropped': [(w) => putFrame(w, Type.DATAGRAM + 1, 0), { limits: { max_queued_datagrams: 0 } }],
};
for (const [name, [frame, options]] of Object.entries(floods)) {
  // A14: a server may be as hostile as a client.
  for (const side of ['server', 'client']) {
    test(`a flood is cut at the budget of a ${side} while nobody reads the answers: ${name}`, () => {
      const { made, count } = flood(side, frame, options);
      assert.ok(count >= 300 && count <= 1100, `${count} frames were taken`);
      assert.match(ended(made, TransportCode.PROTOCOL_VIOLATION), /enhance your calm.*abuse_budget = 1000/);
    });
  }
}

test('one answer is owed to any number of pings, and it is to the largest', () => {
  const made = connection();
  for (const n of range(100)) made.handleRecord(0, record((w) => putFrame(w, Type.PING, n * 2 + 1)));
  const pongs = drain(made).filter(({ type }) => type === 'QX_PING');
  assert.deepEqual(pongs, [{ type: 'QX_PING', response: true, sequence: 199 }]);
});

test('clause 1.4: a length is not trusted with an allocation', () => {
  const reader = new ItemReader('response', resolveLimits(), { bytes: 0 });
  reader.push(hex('8100000061'));
  assert.equal(reader.next(), null);
  assert.ok(reader.buffer.bytes.length <= 64, `${reader.buffer.bytes.length} bytes of room for one that came of 4 MiB`);
});

test('one-byte frames cost less than four windows, RUSTSEC-2026-0185 and A4', () => {
  const made = connection();
  for (const n of range(64)) {
    for (let offset = 0; offset < 16_384; offset += 256) {
      // A large record keeps nothing alive by a small payload.
      const big = new Uint8Array(60_000);
      const bytes = record((w) => {
        for (let at = offset; at < offset + 256; at++) stream(w, n * 4, at, new Uint8Array(1));
      });
      big.set(bytes);
      made.handleRecord(0, big.subarray(0, bytes.length));
      for (const ready of made.takeReady()) made.settle(ready);
    }
  }
  assert.equal(made.ended, null);
  let held = 0;
  for (const { input } of made.streams.values()) {
    const buffers = new Set(input.pieces.map(({ buffer }) => buffer));
    for (const buffer of buffers) held += buffer.byteLength;
    held += input.pieces.length * 128;
  }
  assert.ok(held < 4 * 64 * 16_384, `${held} bytes are held for ${64 * 16_384}`);
});

test('A4b: one-byte records are a cost of the carrier, and cut nothing honest', () => {
  const made = connection('server', { stream_window_bytes: 262_144, max_inbound_calls: 16 });
  for (let at = 0; at < 131_072; at++) made.handleRecord(0, record((w) => stream(w, 0, at, new Uint8Array(1))));
  assert.equal(made.ended, null);
  assert.equal(made.streams.get(0).input.length, 131_072);
});

test('a reader that takes nothing ends the connection after write_stall_timeout_ms', () => {
  const made = connection();
  made.handleTransport(0, 100, false);
  made.handleTimeout(9_999);
  assert.equal(made.ended, null);
  made.handleTimeout(10_000);
  assert.match(made.ended.message, /took no bytes for 10000 ms/);
});

test('a peer that falls silent is pinged once, and dead after the idle timeout', () => {
  const made = connection();
  // Half of the negotiated time, which is less than ping_interval_ms.
  assert.equal(made.deadline, 10_000);
  made.handleTimeout(10_000);
  assert.deepEqual(drain(made), [{ type: 'QX_PING', response: false, sequence: 1 }]);
  assert.equal(made.deadline, 20_000);
  made.handleTimeout(20_000);
  assert.match(made.ended.message, /idle timeout: nothing received from the peer for 20000 ms/);
});

test('a peer that never answers the handshake is given up after handshake_timeout_ms', () => {
  const made = new Connection('client', resolveLimits(), 0);
  made.handleTimeout(10_000);
  assert.match(made.ended.message, /handshake timeout/);
});

// --- A14: a hostile server against the calls of a client, by its own frames ---

/** A client whose server is this test. */
async function client(options = {}) {
  const clock = new Clock();
  const transport = new MemoryTransport();
  const sent = [];
  transport.send = (bytes) => sent.push(bytes);
  transport.close = () => {};
  const wire = new Wire((deadlines, limits) => (transport.session = new MuxSession('client', limits, transport, deadlines)), {
    runtime: clock,
    onHandlerError: () => {},
    ...options,
  });
  const say = async (act) => {
    transport.session.received(record(act));
    await clock.settle();
  };
  await say((w) => putParameters(w, PARAMS));
  await say((w) => stream(w, 3, 0, encodeControl(defaultSettings())));
  return { wire, say, clock, sent };
}

const answers = [
  ['an answer in a fragment that is empty', '01', 'INTERNAL', 'fragment-empty'],
  ['an answer of which a length claims 2^62 - 1', 'ffffffffffffffff', 'RESOURCE_EXHAUSTED', 'status-too-large|metadata-too-large|message-too-large'],
  ['a status that is malformed', '0e000000', 'INTERNAL', 'status-malformed'],
  ['metadata that are not first', '04c00f01', 'INTERNAL', ''],
  ['MessagePack of nothing known', '04c1', 'INTERNAL', ''],
  ['an end inside an item', '14', 'INTERNAL', 'end-inside-item'],
  ['two answers', '04c004c0', 'UNIMPLEMENTED', ''],
  ['nothing', '', 'UNIMPLEMENTED', ''],
];
for (const [name, bytes, code, rule] of answers) {
  test(`A14: a server that answers with ${name} fails that call alone`, async () => {
    const { wire, say } = await client();
    const first = wire.call(0, []).catch((error) => error);
    const second = wire.call(0, []);
    await say((w) => stream(w, 0, 0, hex(bytes), true));
    const error = await first;
    assert.equal(error.code, code, error.message);
    assert.equal(error.side, 'caller');
    if (rule) assert.match(error.rule, new RegExp(rule));
    await say((w) => stream(w, 4, 0, hex('0405'), true));
    assert.equal(await second, 5);
    assert.equal(wire.outbound.size, 0);
  });
}

test('clause 6.6: what resets of the response stand for', async () => {
  const { wire, say } = await client();
  const expected = ['UNKNOWN', 'CANCELLED', 'UNAVAILABLE', 'DEADLINE_EXCEEDED', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'INTERNAL', 'UNKNOWN', 'UNKNOWN'];
  for (const [code, name] of expected.entries()) {
    const call = wire.call(0, []).catch((error) => error);
    await say((w) => putFrame(w, Type.RESET_STREAM, code * 4, code === 8 ? 2n ** 60n : code, 0));
    const error = await call;
    assert.deepEqual([error.code, error.neverStarted], [name, code === StreamCode.REFUSED]);
  }
});

const controls = [
  ['clause 2.2: the end of the control stream', (w) => stream(w, 3, 8, new Uint8Array(0), true), CloseCode.PROTOCOL, /control stream ended/],
  ['clause 2.2: the reset of the control stream', (w) => putFrame(w, Type.RESET_STREAM, 3, 0, 8), CloseCode.PROTOCOL, /control stream ended/],
  ['clause 2.2: a second control stream', (w) => stream(w, 7, 0, encodeControl(defaultSettings())), CloseCode.PROTOCOL, /second control stream/],
  ['clause 2.4: SETTINGS twice', (w) => stream(w, 3, 8, hex('0000')), CloseCode.PROTOCOL, /SETTINGS came twice/],
  ['clause 2.7: a control message that is too large', (w) => stream(w, 3, 8, hex('0980004001')), CloseCode.PROTOCOL, /16385 bytes/],
];
for (const [name, frame, code, reason] of controls) {
  test(`${name} closes the connection with PROTOCOL`, async () => {
    const { wire, say, sent } = await client();
    const call = wire.call(0, []).catch((error) => error);
    await say(frame);
    const cause = await wire.closed;
    assert.deepEqual([cause.kind, cause.code], ['violation', code]);
    assert.match(cause.reason, reason);
    assert.equal((await call).code, 'UNAVAILABLE');
    const reader = new Reader(sent.at(-1));
    let last;
    while (reader.left > 0) last = decodeFrame(frameType(reader), reader);
    assert.deepEqual([last.type, last.application, last.code], ['CONNECTION_CLOSE', true, code]);
  });
}

test('clause 2.3: another version closes with VERSION and names both', async () => {
  const clock = new Clock();
  const transport = new MemoryTransport();
  transport.send = transport.close = () => {};
  const wire = new Wire((deadlines, limits) => (transport.session = new MuxSession('client', limits, transport, deadlines)), { runtime: clock });
  transport.session.received(record((w) => putParameters(w, PARAMS)));
  transport.session.received(record((w) => stream(w, 3, 0, hex('006970666902'))));
  const cause = await wire.closed;
  assert.equal(cause.message, 'version mismatch: this side speaks ipfi-1, the peer ipfi-2');
  assert.equal(cause.code, CloseCode.VERSION);
  await assert.rejects(wire.opened, cause);
});

test('clause 2.7: unknown control messages are skipped, and a flood of them is cut', async () => {
  const { wire, say } = await client();
  await say((w) => stream(w, 3, 8, hex('2108616e797468696e67')));
  assert.equal(wire.closeReason, null);
  await say((w) => stream(w, 3, 18, new Uint8Array(2000).map((_, n) => (n % 2 ? 0 : 9))));
  assert.equal(wire.closeReason.code, CloseCode.RESOURCE_EXHAUSTED);
});

test('clause 2.8: a unidirectional stream of an unknown type is stopped with REFUSED, and one that ends inside it ignored', async () => {
  const { wire, say, sent } = await client();
  sent.length = 0;
  await say((w) => stream(w, 7, 0, hex('5000aabb')));
  const frames = sent.flatMap((bytes) => {
    const reader = new Reader(bytes);
    const found = [];
    while (reader.left > 0) found.push(decodeFrame(frameType(reader), reader));
    return found;
  });
  assert.deepEqual(frames.filter(({ type }) => type === 'STOP_SENDING'), [{ type: 'STOP_SENDING', stream_id: 7, code: StreamCode.REFUSED }]);
  await say((w) => stream(w, 11, 0, hex('40'), true));
  assert.equal(wire.closeReason, null);
});

test('clause 2.9: a peer that sends no SETTINGS is closed with PROTOCOL after the handshake time', async () => {
  const clock = new Clock();
  const transport = new MemoryTransport();
  transport.send = transport.close = () => {};
  const wire = new Wire((deadlines, limits) => (transport.session = new MuxSession('client', limits, transport, deadlines)), { runtime: clock });
  transport.session.received(record((w) => putParameters(w, PARAMS)));
  await clock.advance(10_000);
  assert.match((await wire.closed).message, /no SETTINGS within 10000 ms/);
});

// Requests of a hostile caller, against what this side serves.
const requests = [
  ['clause 3.2: the reserved flag', '0083', 'UNIMPLEMENTED'],
  ['clause 3.2: a codec that nobody has', '000f00', 'UNIMPLEMENTED'],
  ['clause 3.3: a timeout of 0', '00130004 90'.replace(' ', ''), 'DEADLINE_EXCEEDED'],
  ['clause 3.5: a priority above 255', '00434100', 'INVALID_ARGUMENT'],
  ['clause 3.6: a reserved procedure', 'c00000004000000000', 'UNIMPLEMENTED'],
  ['clause 3.8: an end inside the header', '00', 'INVALID_ARGUMENT'],
  ['clause 4.2: an empty fragment', '000301', 'INVALID_ARGUMENT'],
  ['clause 4.3: no arguments', '0003', 'INVALID_ARGUMENT'],
  ['clause 4.6: an end inside a message', '00030990', 'INVALID_ARGUMENT'],
  ['clause 4.7: a status in a request', '00030e010000', 'INVALID_ARGUMENT'],
  ['clause 4.8: a message that is too large', '0003c000000100000000', 'RESOURCE_EXHAUSTED'],
  ['clause 5.12: a second message', '0003049004 90'.replace(' ', ''), 'UNIMPLEMENTED'],
  ['clause 9.2: bytes that are left over', '0003089090', 'INVALID_ARGUMENT'],
];
for (const [name, bytes, code] of requests) {
  test(`${name} in a request is ${code}, and harms nobody`, async () => {
    let ran = 0;
    const offered = new Interface().procedure(0, (_, { signal }) => (ran++, aborted(signal))).procedure(1, () => 1);
    const { wire, say, sent } = await client({ interface: offered });
    sent.length = 0;
    await say((w) => stream(w, 1, 0, hex(bytes), true));
    const bytesSent = sent.flatMap((out) => {
      const reader = new Reader(out);
      const found = [];
      while (reader.left > 0) found.push(decodeFrame(frameType(reader), reader));
      return found;
    });
    const answer = bytesSent.find((frame) => frame.type === 'STREAM' && frame.stream_id === 1);
    const reader = new ItemReader('response', wire.limits, { bytes: 0 });
    reader.push(answer.data);
    assert.equal(reader.next().code, code);
    assert.equal(answer.fin, true);
    sent.length = 0;
    await say((w) => stream(w, 5, 0, hex('01030490'), true));
    assert.equal(sent.length, 1);
    assert.equal(wire.closeReason, null);
    assert.equal(wire.inbound.size, 0);
    assert.equal(ran, /5.12/.test(name) ? ran : 0);
  });
}

test('a request that never becomes whole is ended after request_timeout_ms, by a reset inside its header', async () => {
  const { wire, say, sent, clock } = await client({ interface: standard(new Clock()) });
  await say((w) => stream(w, 1, 0, hex('00')));
  await say((w) => stream(w, 5, 0, hex('0003')));
  sent.length = 0;
  await clock.advance(10_000);
  const found = [];
  for (const out of sent) {
    const reader = new Reader(out);
    while (reader.left > 0) found.push(decodeFrame(frameType(reader), reader));
  }
  const of = (id) => found.filter((frame) => frame.stream_id === id).map(({ type, code }) => `${type} ${code ?? ''}`.trim());
  assert.deepEqual(of(1), ['RESET_STREAM 3', 'STOP_SENDING 3']);
  assert.deepEqual(of(5), ['STOP_SENDING 0', 'STREAM']);
  assert.equal(wire.inbound.size, 0);
});

test('a CLOSE of the peer ends everything with its words, cut to 256 bytes', async () => {
  const { wire, say } = await client();
  await say((w) => putClose(w, true, CloseCode.UNAUTHENTICATED, new TextEncoder().encode('no'.repeat(1000))));
  const cause = await wire.closed;
  assert.deepEqual([cause.kind, cause.code, cause.reason.length], ['peer', 3, 256]);
});
