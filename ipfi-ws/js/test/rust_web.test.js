// Against the Rust server over the carriers of the web, from Node and from a page in Chromium.
import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { before, test } from 'node:test';
import WebSocket from 'ws';

import { connect } from '../src/index.js';
import { checkPage, passed, serveFiles } from './browser.js';
import { CHECKS, PAGE_CHECKS, checks } from './checks.js';
import { rustPeer, serveWeb } from './rust_peer.js';

let peer;

before(() => {
  peer = rustPeer();
});

test('Node and the Rust server over a WebSocket', { timeout: 120_000 }, async (t) => {
  const { ws } = await serveWeb(t, peer, 'null');
  passed(t, await checks(ws), CHECKS);
});

test('Node and the Rust server over a WebSocket within TLS', { timeout: 120_000 }, async (t) => {
  const { wss, certificate } = await serveWeb(t, peer, 'null');
  const ca = new X509Certificate(certificate).toString();
  class Trusting extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { ca });
    }
  }
  passed(t, await checks(wss, { WebSocket: Trusting }), CHECKS);
  await assert.rejects(connect(wss, { WebSocket }), { kind: 'lost' });
});

test('a page in Chromium and the Rust server over a WebSocket, which takes its origin', { timeout: 120_000 }, async (t) => {
  const files = await serveFiles(t);
  const { ws } = await serveWeb(t, peer, files.origin);
  passed(t, await checkPage(t, files, { server: ws }), PAGE_CHECKS);
});

test('a page in Chromium and the Rust server over a WebSocket within TLS', { timeout: 120_000 }, async (t) => {
  const files = await serveFiles(t);
  const { wss, certificate } = await serveWeb(t, peer, files.origin);
  // A page cannot name the certificate of a WebSocket's server: its browser is told that this key is to be trusted.
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  const trusted = `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`;
  passed(t, await checkPage(t, files, { server: wss }, [trusted]), PAGE_CHECKS);
});

test('a page in Chromium and the Rust server over WebTransport', { timeout: 120_000 }, async (t) => {
  const files = await serveFiles(t);
  const { https, hash } = await serveWeb(t, peer, files.origin);
  passed(t, await checkPage(t, files, { server: https, hash }), PAGE_CHECKS);
});

for (const carrier of ['ws', 'https']) {
  test(`the Rust server refuses a page of another origin: ${carrier}`, { timeout: 120_000 }, async (t) => {
    const files = await serveFiles(t);
    const served = await serveWeb(t, peer, 'https://other.example');
    const [{ name, error }, ...more] = await checkPage(t, files, { server: served[carrier], hash: served.hash });
    assert.deepEqual([name, more], ['connect', []]);
    assert.match(error, /connect (ws|https):/);
    // It still serves programs, which have no origin.
    const wire = await connect(served.ws);
    assert.equal(await wire.call(0, ['x']), 'x');
    wire.close();
  });
}
