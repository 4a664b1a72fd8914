// The same modules in Deno, as a client and as a server: nothing was built, and nothing is Node's.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

import { connect } from '../src/index.js';
import { passed } from './browser.js';
import { CHECKS, checks } from './checks.js';
import { rustPeer, serveWeb } from './rust_peer.js';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const binary = path('../node_modules/deno/deno');

let peer;

before(() => {
  assert.ok(existsSync(binary), `${binary} is not there: \`npm ci\` installs it, with its install script`);
  peer = rustPeer();
});

/** Runs `deno.js` with what is allowed: its process, and the lines that it prints. */
function deno(t, ...args) {
  const allowed = ['--no-prompt', '--no-config', '--no-lock', '--allow-net=127.0.0.1'];
  const child = spawn(binary, ['run', ...allowed, path('./deno.js'), ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' } });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    assert.ok(!done, 'Deno has ended without a word');
    return value;
  };
  return { child, line };
}

test('Deno and the Rust server over a WebSocket', { timeout: 120_000 }, async (t) => {
  const { ws } = await serveWeb(t, peer, 'null');
  const { line } = deno(t, 'connect', ws);
  passed(t, JSON.parse(await line()), CHECKS);
});

test('Node and a server in Deno over a WebSocket', { timeout: 120_000 }, async (t) => {
  const { child, line } = deno(t, 'serve');
  const exit = once(child, 'exit');
  const url = await line();
  const other = new WebSocket(url, 'another');
  const [error] = await once(other, 'error');
  assert.match(error.message, /400/);
  passed(t, await checks(url), CHECKS);
  // The last check has killed it.
  await exit;
  await assert.rejects(connect(url), { kind: 'lost' });
});

test('Deno and a server in Deno over a WebSocket', { timeout: 120_000 }, async (t) => {
  const url = await deno(t, 'serve').line();
  passed(t, JSON.parse(await deno(t, 'connect', url).line()), CHECKS);
});

test('Deno and the Rust server over TCP', { timeout: 120_000 }, async (t) => {
  const server = spawn(peer, ['serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill());
  const [port] = await once(createInterface(server.stdout), 'line');
  assert.deepEqual(JSON.parse(await deno(t, 'pipe', port).line()), ['é', 1000, 1 << 21]);
});
