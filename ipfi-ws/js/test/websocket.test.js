// Over real WebSockets on this machine: the platform's client against the `ws` package's server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocketPackage, { WebSocketServer } from 'ws';

import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import { ConnectionError, Interface, connect } from '../src/index.js';
import { Clock } from '../src/testing.js';
import * as kit from './kit.js';

const { collect, range } = kit;

async function serve(t, options = {}, onSocket) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 65_536, handleProtocols: () => SUBPROTOCOL, ...options });
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, 'listening');
  const offered = kit.standard(new Clock()).procedure(kit.OWN, async ([text], { wire }) => `${await wire.call(kit.ECHO, [text])}!`);
  const wires = [];
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    if (onSocket) return onSocket(socket);
    wires.push(acceptWebSocket(socket, { interface: offered }));
  });
  return { url: `ws://127.0.0.1:${server.address().port}`, wires };
}

for (const [name, options] of [['the platform', {}], ['the ws package', { WebSocket: WebSocketPackage }]]) {
  test(`every kind of call over the WebSocket of ${name}`, async (t) => {
    const { url } = await serve(t);
    const wire = await connect(url, { ...options, interface: new Interface().procedure(kit.ECHO, ([text]) => text) });
    assert.equal(wire.carrier, 'websocket');
    assert.equal(await wire.call(kit.ECHO, ['é']), 'é');
    assert.deepEqual(await collect(wire.stream(kit.COUNT, [10_000])), range(10_000));
    assert.equal(await wire.upload(kit.SUM, [], range(1000)), 499_500);
    assert.deepEqual(await collect(wire.duplex(kit.TIMES, [3], range(100))), range(100).map((n) => n * 3));
    assert.equal(await wire.call(kit.OWN, ['back']), 'back!');
    const all = await Promise.all(range(1000).map((n) => collect(wire.stream(kit.COUNT, [n % 30]))));
    all.forEach((items, n) => assert.deepEqual(items, range(n % 30)));
    await wire[Symbol.asyncDispose]();
  });

  test(`100 MB each way over the WebSocket of ${name}`, async (t) => {
    const { url } = await serve(t);
    const wire = await connect(url, options);
    const chunk = new Uint8Array(65_536).fill(1);
    const call = wire.duplex(kit.RAW_ECHO, [chunk], (function* () {
      for (let n = 1; n < 1600; n++) yield chunk;
    })());
    let seen = 0;
    for await (const item of call) seen += item.length;
    assert.equal(seen, 1600 * 65_536);
    wire.close();
  });
}

test('a server that agrees on no subprotocol, or another, fails the handshake', async (t) => {
  for (const handleProtocols of [() => false, () => 'other']) {
    const { url } = await serve(t, { handleProtocols }, () => {});
    await assert.rejects(connect(url), (error) => error instanceof ConnectionError && /connect ws:/.test(error.message));
  }
});

test('a text message, one that is too large and a cut record each end in one clear close', async (t) => {
  const hostile = {
    text: ['hello', /text message/, 1003],
    large: [new Uint8Array(70_000), /70000 bytes, limit max_record_bytes/, 1009],
    cut: [new Uint8Array([0xff, 0x51, 0x53]), /ends inside a frame type/, 1000],
    foreign: [new Uint8Array([0x10, 5]), /first frame is not QX_TRANSPORT_PARAMETERS/, 1000],
  };
  for (const [message, reason, code] of Object.values(hostile)) {
    let closed;
    const told = new Promise((resolve) => (closed = resolve));
    const { url } = await serve(t, {}, (socket) => {
      socket.on('close', closed);
      socket.send(message);
    });
    await assert.rejects(connect(url, { WebSocket: WebSocketPackage }), (error) => error.kind === 'violation' && reason.test(error.message));
    assert.equal(await told, code);
  }
});

test('a server that closes in mid-handshake, and one that vanishes in mid-stream', async (t) => {
  const early = await serve(t, {}, (socket) => socket.close(1011, 'not today'));
  await assert.rejects(connect(early.url), /not today/);
  let socket;
  const late = await serve(t, {}, (accepted) => {
    socket = accepted;
    acceptWebSocket(accepted, { interface: kit.standard(new Clock()) }).catch(() => {});
  });
  const wire = await connect(late.url);
  const items = wire.stream(kit.ONE_THEN_NEVER);
  assert.deepEqual(await items.next(), { done: false, value: 0 });
  socket.terminate();
  await assert.rejects(items.next(), (error) => error.code === 'UNAVAILABLE' && /closed \(1006/.test(error.text));
  assert.equal((await wire.closed).kind, 'lost');
});

test('a signal gives the attempt up', async (t) => {
  const { url } = await serve(t, {}, () => {});
  await assert.rejects(connect(url, { signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
  await assert.rejects(connect(url, { signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('of several URLs the first that works wins, and is tried first the next time', async (t) => {
  const silent = await serve(t, {}, () => {});
  const { url, wires } = await serve(t);
  const urls = ['https://127.0.0.1:1/none', silent.url, url];
  const first = await connect(urls, { headStartMs: 20 });
  assert.equal(await first.call(kit.ECHO, ['x']), 'x');
  const began = performance.now();
  const second = await connect(urls, { headStartMs: 5000 });
  assert.ok(performance.now() - began < 4000);
  assert.equal(wires.length, 2);
  first.close();
  second.close();
  await assert.rejects(connect(['https://127.0.0.1:1/none', 'ws://127.0.0.1:1']), (error) => /no WebTransport.*; connect ws:/.test(error.message));
  await assert.rejects(connect('ftp://x'), /ws:, wss: .* or https:/);
});
