// The modules as they are in a real headless Chromium, against a server of the `ws` package.
import { test } from 'node:test';
import { WebSocketServer } from 'ws';

import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import { checkPage, passed, serveFiles } from './browser.js';
import { PAGE_CHECKS } from './checks.js';
import { served } from './served.js';

test('a page in Chromium', { timeout: 120_000 }, async (t) => {
  const files = await serveFiles(t);
  const server = new WebSocketServer({ server: files.http, handleProtocols: () => SUBPROTOCOL, maxPayload: 65_536 });
  const offered = served(() => server.clients.forEach((socket) => socket.terminate()));
  server.on('connection', (socket) => void acceptWebSocket(socket, { interface: offered }).catch(() => {}));
  passed(t, await checkPage(t, files, { server: files.origin.replace('http:', 'ws:') }), PAGE_CHECKS);
});
