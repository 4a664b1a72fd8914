// Against the Rust server over WebSockets, from Node and from a page in Chromium.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { connect } from '../src/index.js';
import { openPage, passed, serveFiles } from './browser.js';
import { checks } from './rust_checks.js';
import { rustPeer, serveWeb } from './rust_peer.js';

let peer;

before(() => {
  peer = rustPeer();
});

const CHECKS = 11;

test('Node and the Rust server over a WebSocket', { timeout: 120_000 }, async (t) => {
  passed(t, await checks((await serveWeb(t, peer, 'null')).ws), CHECKS);
});

test('a page in Chromium and the Rust server over a WebSocket, which takes its origin', { timeout: 120_000 }, async (t) => {
  const { origin, results } = await serveFiles(t);
  const { ws: server } = await serveWeb(t, peer, origin);
  openPage(t, `${origin}/test/chromium_rust.html?server=${encodeURIComponent(server)}`);
  passed(t, await results, CHECKS);
});

test('a page in Chromium and the Rust server over WebTransport', { timeout: 120_000 }, async (t) => {
  const { origin, results } = await serveFiles(t);
  const { https, hash } = await serveWeb(t, peer, origin);
  openPage(t, `${origin}/test/chromium_rust.html?server=${encodeURIComponent(https)}&hash=${hash}`);
  passed(t, await results, CHECKS);
});

test('the Rust server refuses a page of another origin', { timeout: 120_000 }, async (t) => {
  const { origin, results } = await serveFiles(t);
  const { ws: server } = await serveWeb(t, peer, 'https://other.example');
  openPage(t, `${origin}/test/chromium_rust.html?server=${encodeURIComponent(server)}`);
  const [{ name, error }, ...more] = await results;
  assert.deepEqual([name, more], ['connect', []]);
  assert.match(error, /connect ws:/);
  // It still serves programs, which have no origin.
  const wire = await connect(server);
  assert.equal(await wire.call(0, ['x']), 'x');
  wire.close();
});
