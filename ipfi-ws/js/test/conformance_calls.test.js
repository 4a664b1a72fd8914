// The claims of `interop-tests/src/conformance/` about calls: grpc.rs, kinds.rs, codecs.rs, handlers.rs, state.rs.
import assert from 'node:assert/strict';

import { bincode, result, string, u64 } from '../src/codec/bincode.js';
import { json } from '../src/codec/json.js';
import { messagepack } from '../src/codec/messagepack.js';
import { raw } from '../src/codec/raw.js';
import { Interface } from '../src/interface.js';
import { Status } from '../src/status.js';
import * as kit from './kit.js';

const { claim, alive, idle, failed, collect, range, OWN } = kit;
const bytesOf = (length, seed = 1) => Uint8Array.from({ length }, (_, n) => (n * 31 + seed) & 0xff);

claim('[P1] empty_unary: nothing in, nothing out', async (stage) => {
  const { caller, callee } = await stage.wires({}, new Interface().procedure(OWN, () => {}));
  assert.equal(await caller.call(OWN), null);
  assert.deepEqual(await caller.call(OWN, [], { codec: bincode() }).catch((e) => e.code), 'UNIMPLEMENTED');
  await idle(stage, caller, callee);
});

claim('[P1] large_unary: 271828 bytes in, 314159 bytes out', async (stage) => {
  const offered = new Interface().procedure(OWN, ([bytes]) => (assert.equal(bytes.length, 271_828), bytesOf(314_159)));
  const { caller, callee } = await stage.wires({}, offered);
  assert.deepEqual(await caller.call(OWN, [bytesOf(271_828)]), bytesOf(314_159));
  await idle(stage, caller, callee);
  kit.creditBack(caller);
  kit.creditBack(callee);
});

claim('[P1] client_streaming: 27182, 8, 1828 and 45904 bytes add up to 74922', async (stage) => {
  const offered = new Interface().procedureWithItems(OWN, async (_, chunks) => {
    let sum = 0;
    for await (const chunk of chunks) sum += chunk.length;
    return sum;
  });
  const { caller, callee } = await stage.wires({}, offered);
  assert.equal(await caller.upload(OWN, [], [27182, 8, 1828, 45904].map((n) => bytesOf(n))), 74922);
  await idle(stage, caller, callee);
  kit.creditBack(callee);
});

claim('[P1] server_streaming: 31415, 9, 2653 and 58979 bytes come in order', async (stage) => {
  const sizes = [31415, 9, 2653, 58979];
  const { caller, callee } = await stage.wires({}, new Interface().sequence(OWN, ([all]) => all.map((n) => bytesOf(n))));
  assert.deepEqual((await collect(caller.stream(OWN, [sizes]))).map(({ length }) => length), sizes);
  await idle(stage, caller, callee);
  kit.creditBack(caller);
});

claim('[P1] ping_pong: four requests and four answers take turns', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const call = caller.duplex(kit.TIMES, [2]);
  for (const n of [1, 2, 3, 4]) {
    await call.send(n);
    assert.deepEqual(await call.next(), { done: false, value: n * 2 });
  }
  call.end();
  assert.equal((await call.next()).done, true);
  await idle(stage, caller, callee);
});

claim('[P1] empty_stream: a stream of nothing is answered by a stream of nothing', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  assert.deepEqual(await collect(caller.duplex(kit.TIMES, [2], [])), []);
  assert.deepEqual(await collect(caller.stream(kit.COUNT, [0])), []);
  await idle(stage, caller, callee);
});

claim('[P1] custom_metadata: it travels with the request and comes back before the answer', async (stage) => {
  const offered = new Interface()
    .procedure(OWN, (_, context) => context.setReplyMetadata(context.metadata))
    .sequence(OWN + 1, function* (_, context) {
      context.setReplyMetadata([...context.metadata, ['more', '1']]);
      yield 1;
    });
  const { caller, callee } = await stage.wires({}, offered);
  const order = [];
  const onMetadata = (metadata) => order.push(metadata.get('x-grpc-test-echo-initial'), metadata.getBytes('bin'));
  const metadata = { 'x-grpc-test-echo-initial': 'test_initial', bin: new Uint8Array([0xab]) };
  await caller.call(OWN, [], { metadata, onMetadata });
  order.push('answer');
  assert.deepEqual(order, ['test_initial', new Uint8Array([0xab]), 'answer']);
  const seen = [];
  for await (const item of caller.stream(OWN + 1, [], { metadata, onMetadata: (m) => seen.push(m.get('more')) })) seen.push(item);
  assert.deepEqual(seen, ['1', 1]);
  await idle(stage, caller, callee);
});

for (const [name, text] of [
  ['status_code_and_message: both arrive, of a unary call and of a stream', 'test status message'],
  ['special_status_message: whitespace and every plane of Unicode arrive', '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'],
]) {
  claim(`[P1] ${name}`, async (stage) => {
    const details = new Uint8Array([1, 2, 3]);
    const fail = () => {
      throw new Status('DATA_LOSS', text, { details });
    };
    const offered = new Interface().procedure(OWN, fail).sequence(OWN + 1, function* () {
      yield 1;
      fail();
    });
    const { caller, callee } = await stage.wires({}, offered);
    const status = await failed(caller.call(OWN), 'DATA_LOSS');
    assert.deepEqual([status.text, status.side, status.details, status.neverStarted], [text, 'callee', details, false]);
    const items = [];
    const late = await failed((async () => {
      for await (const item of caller.stream(OWN + 1)) items.push(item);
    })(), 'DATA_LOSS');
    assert.deepEqual([items, late.text], [[1], text]);
    await idle(stage, caller, callee);
  });
}

claim('[P1] unimplemented_method: UNIMPLEMENTED, and its index is named', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  assert.match((await failed(caller.call(4711), 'UNIMPLEMENTED')).text, /4711/);
  assert.match((await failed(caller.call(2 ** 30), 'UNIMPLEMENTED')).text, /1073741824/);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('[P1] unimplemented_service: so is every call to an empty interface', async (stage) => {
  const { caller } = await stage.wires({}, new Interface());
  for (const index of range(10)) await failed(caller.call(index), 'UNIMPLEMENTED');
});

claim('both sides call at once, and answer each other', async (stage) => {
  const { caller, callee } = await stage.wires(stage.standard(), stage.standard());
  const calls = range(200).map((n) => (n % 2 ? caller : callee).call(kit.ECHO, [`${n}`]));
  assert.deepEqual(await Promise.all(calls), range(200).map(String));
  await idle(stage, caller, callee);
});

claim('a handler calls its caller back over the same wire', async (stage) => {
  const offered = new Interface().procedure(OWN, async ([text], { wire }) => `${await wire.call(kit.ECHO, [text])}!`);
  const { caller, callee } = await stage.wires(stage.standard(), offered);
  assert.equal(await caller.call(OWN, ['back']), 'back!');
  await idle(stage, caller, callee);
});

claim('priorities from -128 to 127 are accepted, and the call is the same', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  for (const priority of [-128, -1, 0, 1, 127]) {
    assert.equal(await caller.call(kit.ECHO, ['x'], { priority }), 'x');
    assert.deepEqual(await collect(caller.stream(kit.COUNT, [3], { priority })), [0, 1, 2]);
  }
  await idle(stage, caller, callee);
});

claim('a callee may answer before the request has ended, and its answer wins', async (stage) => {
  const offered = new Interface().procedureWithItems(OWN, async (_, items) => (await items.next()).value);
  const { caller, callee } = await stage.wires({}, offered);
  const call = caller.duplex(OWN);
  await call.send(7);
  assert.equal(await call.answer(), 7);
  assert.equal(await call.send(8), false);
  await idle(stage, caller, callee);
});

claim('items that nobody needs end a source that has no more', async (stage) => {
  const offered = new Interface().procedureWithItems(OWN, () => 'early');
  const { caller, callee } = await stage.wires({}, offered);
  let told = false;
  const idleSource = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => ((told = true), { done: true, value: undefined }),
    }),
  };
  assert.equal(await caller.upload(OWN, [], idleSource), 'early');
  await stage.settle();
  assert.equal(told, true);
  await idle(stage, caller, callee);
});

claim('items of any kind keep their order, raw ones of every size too', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const sizes = [0, 1, 15, 16, 63, 64, 1000, 16383, 16384, 70_000];
  const sent = sizes.map((n) => bytesOf(n, n));
  assert.deepEqual(await collect(caller.duplex(kit.RAW_ECHO, [sent[0]], sent.slice(1), { codec: raw })), sent);
  assert.deepEqual(await collect(caller.stream(kit.COUNT, [5000])), range(5000));
  await idle(stage, caller, callee);
  kit.creditBack(caller);
  kit.creditBack(callee);
});

claim("items are sent under the reader's backpressure, both ways", async (stage) => {
  let made = 0;
  const offered = stage.standard().sequence(OWN, function* () {
    for (; made < 100_000; made++) yield bytesOf(1000);
  });
  const { caller, callee } = await stage.wires({}, offered);
  const items = caller.stream(OWN);
  await stage.settle();
  await items.next();
  await stage.settle();
  assert.ok(made < 2000, `${made} items were made for one that was read`);
  let sent = 0;
  const upload = caller.duplex(kit.NEVER_READS, [], (function* () {
    for (; sent < 100_000; sent++) yield bytesOf(1000);
  })());
  await stage.settle();
  assert.ok(sent < 2000, `${sent} items were sent to one that reads none`);
  await alive(caller);
  upload.cancel();
  items.cancel();
  await idle(stage, caller, callee);
  kit.creditBack(caller);
  kit.creditBack(callee);
});

claim('[P8] an unknown procedure is UNIMPLEMENTED', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  await failed(caller.call(999), 'UNIMPLEMENTED');
  await failed(caller.stream(999).next(), 'UNIMPLEMENTED');
  await failed(caller.upload(999, [], [1, 2]), 'UNIMPLEMENTED');
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('[P8] arguments of a wrong type are INVALID_ARGUMENT, and so are items', async (stage) => {
  const echo = bincode({ args: [string], returns: string });
  const sum = bincode({ items: u64, returns: u64 });
  const offered = new Interface()
    .procedure(OWN, ([text]) => text, { codecs: [echo] })
    .procedureWithItems(OWN + 1, async (_, items) => BigInt((await collect(items)).length), { codecs: [sum] });
  const { caller, callee } = await stage.wires({}, offered);
  const wrong = bincode({ args: [u64, u64], items: string, returns: string });
  const status = await failed(caller.call(OWN, [1000n, 5n], { codec: wrong }), 'INVALID_ARGUMENT');
  assert.match(status.text, /bincode/);
  await failed(caller.upload(OWN + 1, [], ['text'], { codec: bincode({ items: string, returns: u64 }) }), 'INVALID_ARGUMENT');
  assert.equal(await caller.call(OWN, ['x'], { codec: echo }), 'x');
  await idle(stage, caller, callee);
});

claim('[P8] an answer of a wrong type is INTERNAL at the caller', async (stage) => {
  const offered = new Interface().procedure(OWN, () => 'text', { codecs: [bincode({ returns: string })] });
  const { caller, callee } = await stage.wires({}, offered);
  const status = await failed(caller.call(OWN, [], { codec: bincode({ returns: u64 }) }), 'INTERNAL');
  assert.deepEqual([status.side, /bincode/.test(status.text)], ['caller', true]);
  await idle(stage, caller, callee);
});

claim('[P8] a unary call to a sequence is UNIMPLEMENTED and names both kinds', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  for (const items of [0, 2]) {
    const status = await failed(caller.call(kit.COUNT, [items]), 'UNIMPLEMENTED');
    assert.match(status.text, /exactly one answer.*sequence/);
  }
  assert.equal(await caller.call(kit.COUNT, [1]), 0);
  await idle(stage, caller, callee);
});

claim('[P8] a sequence from a procedure is one item', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  assert.deepEqual(await collect(caller.stream(kit.ECHO, ['one'])), ['one']);
  await idle(stage, caller, callee);
});

claim('[P8] a call to a notification is UNIMPLEMENTED and says what it is', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  assert.match((await failed(caller.call(kit.NOTE), 'UNIMPLEMENTED')).text, /notification/);
  await idle(stage, caller, callee);
});

claim('[P8] items to a procedure without items are UNIMPLEMENTED', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const call = caller.duplex(kit.NEVER);
  await stage.settle();
  await call.send(1);
  assert.match((await failed(call.next(), 'UNIMPLEMENTED')).text, /takes none.*procedure/);
  await alive(caller);
  await idle(stage, caller, callee);
});

claim('raw arguments to typed procedures, and typed ones to raw codecs, are refused', async (stage) => {
  const { caller, callee } = await stage.wires({}, stage.standard());
  const status = await failed(caller.call(kit.ECHO, ['x'], { codec: bincode({ args: [string] }) }), 'UNIMPLEMENTED');
  assert.match(status.text, /codec 1/);
  const typed = await failed(caller.call(kit.ECHO, ['x'], { codec: raw }), 'INVALID_ARGUMENT');
  assert.deepEqual([typed.side, typed.neverStarted], ['caller', true]);
  await idle(stage, caller, callee);
});

claim('every codec carries arguments, items and answers of every kind of call', async (stage) => {
  const times = bincode({ args: [u64], items: u64, returns: u64 });
  const offered = stage.standard().sequenceWithItems(OWN, async function* ([by], items) {
    for await (const n of items) yield n * by;
  }, { codecs: [times] });
  const { caller, callee } = await stage.wires({}, offered);
  for (const codec of [messagepack, json]) {
    assert.equal(await caller.call(kit.ECHO, ['é'], { codec }), 'é');
    assert.deepEqual(await collect(caller.stream(kit.COUNT, [100], { codec })), range(100));
    assert.equal(await caller.upload(kit.SUM, [], range(100), { codec }), 4950);
    assert.deepEqual(await collect(caller.duplex(kit.TIMES, [3], range(10), { codec })), range(10).map((n) => n * 3));
  }
  assert.deepEqual(await collect(caller.duplex(OWN, [3n], [1n, 2n], { codec: times })), [3n, 6n]);
  await idle(stage, caller, callee);
});

claim("each call may choose its codec, whatever the wire's and its neighbours'", async (stage) => {
  const offered = new Interface().procedure(OWN, (_, { codec }) => codec);
  const { caller, callee } = await stage.wires({ codec: json }, { interface: offered, codec: messagepack });
  const names = await Promise.all([caller.call(OWN), caller.call(OWN, [], { codec: messagepack })]);
  assert.deepEqual(names, ['JSON', 'MessagePack']);
  await idle(stage, caller, callee);
});

claim('tuples of 0 to 16 arguments arrive in every codec', async (stage) => {
  const offered = new Interface().procedure(OWN, (args) => args.length);
  const { caller } = await stage.wires({}, offered);
  for (const codec of [messagepack, json]) {
    for (const n of range(17)) assert.equal(await caller.call(OWN, range(n), { codec }), n);
  }
});

claim("raw bytes travel as they are, whatever the wire's codec", async (stage) => {
  const { caller } = await stage.wires({}, stage.standard());
  for (const n of [0, 1, 1000, 100_000]) {
    assert.deepEqual(await caller.call(kit.ECHO_BYTES, [bytesOf(n)], { codec: raw }), bytesOf(n));
  }
});

claim('a typed error is a value, and the call succeeds', async (stage) => {
  const codec = bincode({ args: [u64], returns: result(string, u64) });
  const offered = new Interface().procedure(OWN, ([n]) => (n > 5n ? { Err: n } : { Ok: 'fine' }), { codecs: [codec] });
  const { caller } = await stage.wires({}, offered);
  assert.deepEqual(await caller.call(OWN, [7n], { codec }), { Err: 7n });
  assert.deepEqual(await caller.call(OWN, [1n], { codec }), { Ok: 'fine' });
});

claim('the context tells the procedure, the peer, the metadata and the time left', async (stage) => {
  const offered = new Interface().procedure(OWN, (_, { procedure, wire, metadata, remaining, codec }) => ({
    procedure, side: wire.side, trace: metadata.get('trace'), remaining, codec,
  }));
  const { caller, callee } = await stage.wires({}, offered);
  const seen = await caller.call(OWN, [], { metadata: { trace: 'abc' }, timeout: 1234 });
  assert.deepEqual(seen, { procedure: OWN, side: callee.side, trace: 'abc', remaining: 1234, codec: 'MessagePack' });
});

claim('a handler that is ready at once is answered at once', async (stage) => {
  const { caller, toCaller } = await stage.wires({}, stage.standard());
  toCaller.log = [];
  await Promise.all(range(100).map((n) => caller.call(kit.ECHO, [`${n}`])));
  if (stage.carrier === 'messages') assert.ok(toCaller.log.length <= 4, `${toCaller.log.length} messages for 100 answers`);
});

claim('using ends a call, and await using a connection', async (stage) => {
  const probe = new kit.Probe();
  const { caller, callee } = await stage.wires({}, stage.standard().sequence(OWN, async function* (_, context) {
    await probe.never(_, context);
  }));
  const call = caller.stream(OWN);
  await stage.settle();
  call[Symbol.dispose]();
  await stage.settle();
  assert.deepEqual(probe.causes, ['caller']);
  await caller[Symbol.asyncDispose]();
  await stage.settle();
  assert.equal((await callee.closed).orderly, true);
});
