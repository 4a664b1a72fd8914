// The modules as they are in a real headless Chromium, against a server of the `ws` package.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';

import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import { checkPage, openPage, passed, serveFiles } from './browser.js';
import { PAGE_CHECKS } from './checks.js';
import { served } from './served.js';

test('a page in Chromium', { timeout: 120_000 }, async (t) => {
  const files = await serveFiles(t);
  const server = new WebSocketServer({ server: files.http, handleProtocols: () => SUBPROTOCOL, maxPayload: 65_536 });
  const offered = served(() => server.clients.forEach((socket) => socket.terminate()));
  server.on('connection', (socket) => void acceptWebSocket(socket, { interface: offered }).catch(() => {}));
  passed(t, await checkPage(t, files, { server: files.origin.replace('http:', 'ws:') }), PAGE_CHECKS);
});

test('20 000 calls of a page that share a signal cost at most a few times those without', { timeout: 120_000 }, async (t) => {
  const files = await serveFiles(t);
  openPage(t, `${files.origin}/test/chromium_signal.html`);
  const { without, shared, ended } = await files.results;
  t.diagnostic(`${without} ms without, ${shared} ms with`);
  assert.equal(ended, 20_000);
  // With a listener for each it was 25 times as much.
  assert.ok(shared < 3 * without + 100, `${without} ms without, ${shared} ms with`);
});
