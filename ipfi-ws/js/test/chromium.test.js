// The modules as they are in a real headless Chromium, against a server of the `ws` package.
import { test } from 'node:test';
import { WebSocketServer } from 'ws';

import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import { openPage, passed, serveFiles } from './browser.js';
import * as kit from './kit.js';

function offered() {
  let made = 0;
  let socket;
  const clock = { sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) };
  return {
    own: (accepted) => (socket = accepted),
    interface: kit.standard(clock)
      .procedure(101, ([text], { wire }) => wire.call(0, [text]))
      .sequence(102, function* () {
        for (; made < 100_000; made++) yield new Uint8Array(1000);
      })
      .procedure(103, () => made)
      .notification(104, () => socket.terminate()),
  };
}

test('a page in Chromium', { timeout: 120_000 }, async (t) => {
  const { http, origin, results } = await serveFiles(t);
  const server = new WebSocketServer({ server: http, handleProtocols: () => SUBPROTOCOL, maxPayload: 65_536 });
  server.on('connection', (socket) => {
    const { own, ...options } = offered();
    own(socket);
    acceptWebSocket(socket, options).catch(() => {});
  });
  openPage(t, `${origin}/test/chromium.html`);
  passed(t, await results, 11);
});
