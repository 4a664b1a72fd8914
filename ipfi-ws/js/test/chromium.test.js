// The modules as they are in a real headless Chromium, against a server of the `ws` package.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';

import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import * as kit from './kit.js';

const browser = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync('which', [name]).status === 0);

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
  assert.ok(browser, 'there is no Chromium to run the page in: none of chromium, chromium-browser and google-chrome is installed');
  let told;
  const results = new Promise((resolve) => (told = resolve));
  const http = createServer((request, response) => {
    if (request.method === 'POST') {
      let body = '';
      request.on('data', (data) => (body += data)).on('end', () => (told(JSON.parse(body)), response.end()));
      return;
    }
    const path = request.url === '/' ? '/test/chromium.html' : request.url;
    try {
      const file = readFileSync(new URL(`..${path}`, import.meta.url));
      response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
      response.end(file);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  const server = new WebSocketServer({ server: http, handleProtocols: () => SUBPROTOCOL, maxPayload: 65_536 });
  server.on('connection', (socket) => {
    const { own, ...options } = offered();
    own(socket);
    acceptWebSocket(socket, options).catch(() => {});
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const profile = mkdtempSync(join(tmpdir(), 'ipfi-'));
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', `--user-data-dir=${profile}`];
  const chromium = spawn(browser, [...flags, `http://127.0.0.1:${http.address().port}/`], { stdio: 'ignore' });
  t.after(async () => {
    chromium.kill('SIGKILL');
    await once(chromium, 'exit').catch(() => {});
    http.close();
    http.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const seen = await results;
  for (const { name, ms, error } of seen) {
    t.diagnostic(error ? `${name}: ${error}` : `${name}: ${ms} ms`);
  }
  assert.deepEqual(seen.filter(({ error }) => error), []);
  assert.ok(seen.length >= 11);
});
