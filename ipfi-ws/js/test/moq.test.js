// Against a QMux that nobody here wrote: @moq/qmux, over real WebSockets, as client of ours and of Rust's and as server. Its
// sessions have the interface of WebTransport, so the call layer runs on their streams as on a browser's.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import Session from '@moq/qmux';
import { WebSocketServer } from 'ws';

import { WebTransportSession } from '../src/carrier/webtransport.js';
import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import { connect } from '../src/index.js';
import { Clock } from '../src/testing.js';
import { Wire } from '../src/wire.js';
import { openPage, passed, serveFiles } from './browser.js';
import { CHECKS, PAGE_CHECKS, checks } from './checks.js';
import './fake_webtransport.js';
import * as kit from './kit.js';
import { dial } from './moq.js';
import { rustPeer, serveWeb } from './rust_peer.js';

const { collect, range } = kit;

async function serve(t, onSocket) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
  t.after(() => (server.clients.forEach((socket) => socket.terminate()), server.close()));
  server.on('connection', onSocket);
  await once(server, 'listening');
  return `ws://127.0.0.1:${server.address().port}`;
}

async function everything(wire) {
  assert.equal(await wire.call(kit.ECHO, ['é']), 'é');
  assert.deepEqual(await collect(wire.stream(kit.COUNT, [5000])), range(5000));
  assert.equal(await wire.upload(kit.SUM, [], range(1000)), 499_500);
  assert.deepEqual(await collect(wire.duplex(kit.TIMES, [3], range(100))), range(100).map((n) => n * 3));
  await wire.notify(kit.NOTE);
  await assert.rejects(wire.call(999), { code: 'UNIMPLEMENTED' });
  const items = wire.stream(kit.ONE_THEN_NEVER);
  await items.next();
  items.cancel();
  await assert.rejects(wire.call(kit.NEVER, [], { timeout: 20 }), { code: 'DEADLINE_EXCEEDED' });
  const all = await Promise.all(range(300).map((n) => collect(wire.stream(kit.COUNT, [n % 30]))));
  all.forEach((seen, n) => assert.deepEqual(seen, range(n % 30)));
  const large = new Uint8Array(1 << 20).fill(5);
  assert.deepEqual(await wire.call(kit.ECHO_BYTES, [large]), large);
}

test('@moq/qmux as the client of our server', async (t) => {
  const url = await serve(t, (socket) => void acceptWebSocket(socket, { interface: kit.standard(new Clock()) }));
  const wire = await dial(url);
  await everything(wire);
  wire.close();
});

test('@moq/qmux as the server of our client', async (t) => {
  const url = await serve(t, (socket) => {
    const session = Session.accept(socket, { protocol: SUBPROTOCOL });
    new Wire((_, limits) => new WebTransportSession(session, limits, 'server'), { interface: kit.standard(new Clock()) });
  });
  const wire = await connect(url);
  await everything(wire);
  wire.close();
});

test('@moq/qmux in Node as the client of the Rust server', { timeout: 120_000 }, async (t) => {
  const { ws } = await serveWeb(t, rustPeer(), 'null');
  passed(t, await checks(ws, { dial }), CHECKS);
});

test('@moq/qmux in Chromium as the client of the Rust server', { timeout: 120_000 }, async (t) => {
  const files = await serveFiles(t);
  const { ws } = await serveWeb(t, rustPeer(), files.origin);
  openPage(t, `${files.origin}/test/moq.html?${new URLSearchParams({ server: ws })}`);
  passed(t, await files.results, PAGE_CHECKS);
});
