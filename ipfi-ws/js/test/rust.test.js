// Against the Rust implementation, over TCP: the same records, with their Size.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { bincode, u64 } from '../src/codec/bincode.js';
import { json } from '../src/codec/json.js';
import { messagepack } from '../src/codec/messagepack.js';
import { Interface } from '../src/interface.js';
import { acceptPipe, connectPipe } from '../src/pipe.js';
import { rustPeer } from './rust_peer.js';
import { codecs, served } from './served.js';

let peer;
let server;
let port;

before(async () => {
  peer = rustPeer();
  server = spawn(peer, ['serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface(server.stdout), 'line');
  port = Number(line);
});

after(() => server?.kill());

const open = (options) => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  return connectPipe(socket, options);
};

test('every kind of call to Rust, in every codec', async () => {
  const wire = await open({ interface: served() });
  for (const name of ['bincode', 'MessagePack', 'JSON']) {
    const codec = (schema) => ({ codec: name === 'bincode' ? schema : name === 'JSON' ? json : messagepack });
    assert.equal(await wire.call(0, ['héllo'], codec(codecs.echo)), 'héllo');
    const items = [];
    for await (const n of wire.stream(1, [300], codec(codecs.count))) items.push(Number(n));
    assert.deepEqual(items, Array.from({ length: 300 }, (_, n) => n));
    assert.equal(Number(await wire.upload(2, [], [1, 2, 3], codec(codecs.sum)).catch((e) => e)), 6);
    const duplex = wire.duplex(3, [3], null, codec(codecs.times));
    for (let n = 0; n < 100; n++) {
      assert.equal(await duplex.send(n), true);
      assert.equal(Number((await duplex.next()).value), n * 3);
    }
    duplex.end();
    assert.equal((await duplex.next()).done, true);
    await assert.rejects(wire.call(6, [], codec(codecs.nothing)), { code: 'NOT_FOUND', text: 'no such key', side: 'callee' });
    await assert.rejects(wire.call(99, [], codec(codecs.nothing)), { code: 'UNIMPLEMENTED' });
  }
  assert.equal(await wire.call(5, ['x'], { codec: codecs.echo }), 'back: x');
  await wire[Symbol.asyncDispose]();
});

test('metadata goes to Rust and comes back', async () => {
  const wire = await open();
  let seen;
  const metadata = { trace: 'abc', bin: new Uint8Array([0, 255]) };
  await wire.call(10, [], { metadata, onMetadata: (m) => (seen = m) });
  assert.equal(seen.get('trace'), 'abc');
  assert.deepEqual(seen.getBytes('bin'), new Uint8Array([0, 255]));
  wire.close();
});

test('a notification to Rust, and one back', async () => {
  let heard;
  const told = new Promise((resolve) => (heard = resolve));
  const wire = await open({ interface: new Interface().notification(9, ([text]) => heard(text), { codecs: [codecs.echo] }) });
  await wire.notify(9, ['hello']);
  assert.equal(await told, 'hello');
  wire.close();
});

test('a deadline and a cancel end calls at Rust', async () => {
  const wire = await open();
  await assert.rejects(wire.call(4, [60_000], { timeout: 50 }), { code: 'DEADLINE_EXCEEDED' });
  await assert.rejects(wire.call(4, [60_000], { signal: AbortSignal.timeout(20) }), { code: 'DEADLINE_EXCEEDED' });
  for await (const n of wire.stream(11)) {
    assert.equal(n, 0);
    break;
  }
  assert.equal(await wire.call(0, ['alive']), 'alive');
  wire.close();
});

test('1000 concurrent streams of Rust keep their order', async () => {
  const wire = await open();
  await Promise.all(
    Array.from({ length: 1000 }, async (_, index) => {
      let expected = 0;
      for await (const n of wire.stream(1, [(index % 50) + 1])) assert.equal(n, expected++);
      assert.equal(expected, (index % 50) + 1);
    }),
  );
  wire.close();
});

test('100 MB each way between JavaScript and Rust, at once', async () => {
  const wire = await open();
  const chunk = new Uint8Array(65_536).fill(3);
  const began = performance.now();
  const up = wire.upload(7, [], (function* () {
    for (let n = 0; n < 1600; n++) yield chunk;
  })(), { codec: codecs.upload });
  const down = (async () => {
    let seen = 0;
    for await (const piece of wire.stream(8, [1600, 65_536], { codec: codecs.download })) seen += piece.length;
    return seen;
  })();
  assert.deepEqual([Number(await up), await down], [1600 * 65_536, 1600 * 65_536]);
  console.log(`# 2 x 105 MB in ${Math.round(performance.now() - began)} ms`);
  assert.equal(await wire.call(0, ['alive']), 'alive');
  wire.close();
});

test('Rust calls JavaScript: every kind, 1000 streams, 100 MB each way, deadline, cancel', async () => {
  const listener = createServer({ noDelay: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection').then(([socket]) => acceptPipe(socket, { interface: served() }));
  const caller = spawn(peer, ['call', `127.0.0.1:${listener.address().port}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  caller.stdout.on('data', (data) => (out += data));
  caller.stderr.on('data', (data) => (errors += data));
  const [code] = await once(caller, 'exit');
  listener.close();
  assert.equal(code, 0, `${out}\n${errors}`);
  assert.match(out, /ok: done/);
  const wire = await accepted;
  // The process may be gone before its CLOSE has left.
  assert.match((await wire.closed).kind, /peer|lost/);
});
