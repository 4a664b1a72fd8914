/**
 * Connecting by URL, over what the URL says, or over the first of several that works.
 *
 * @module
 */

import { ConnectionError, words } from './error.js';

/** @typedef {import('./wire.js').Wire} Wire */

/**
 * @typedef {import('./wire.js').WireOptions & {
 *   signal?: AbortSignal,
 *   serverCertificateHashes?: { algorithm: 'sha-256', value: BufferSource }[],
 *   headStartMs?: number,
 *   WebSocket?: typeof WebSocket,
 * }} ConnectOptions
 *
 * `signal` gives the attempt up; `serverCertificateHashes` names a WebTransport server's certificate that no authority has
 * signed; `headStartMs` is what each URL is ahead of the next, 500 by default, or until it fails; `WebSocket` is the class to
 * use in place of the platform's.
 */

/** Which URL won last, of those that were raced. @type {Map<string, string>} */
const winners = new Map();

const HEAD_START_MS = 500;

/**
 * Connects to a peer.
 *
 * `ws:` and `wss:` are WebSocket, `https:` is WebTransport. Several URLs of one peer are raced, each with a head start on
 * the next, since a network that drops UDP leaves WebTransport pending for long; what won is tried first the next time.
 *
 * ```js
 * const wire = await connect(['https://example.com:4433/ipfi', 'wss://example.com/ipfi']);
 * ```
 *
 * @param {string | URL | readonly (string | URL)[]} urls
 * @param {ConnectOptions} [options]
 * @returns {Promise<Wire>} fulfilled when the peer has said what it speaks and takes
 * @throws {ConnectionError} saying why not, of each URL
 */
export async function connect(urls, options = {}) {
  const all = (Array.isArray(urls) ? urls : [urls]).map(String);
  if (all.length === 1) return dial(all[0], options);
  const { signal, headStartMs = HEAD_START_MS } = options;
  signal?.throwIfAborted();
  const key = all.join(' ');
  const winner = winners.get(key);
  const order = winner ? [winner, ...all.filter((url) => url !== winner)] : all;
  const over = new AbortController();
  const either = AbortSignal.any(signal ? [signal, over.signal] : [over.signal]);
  /** @type {unknown[]} */
  const failures = [];
  /** @type {Wire | undefined} */
  let first;
  /** @type {(value: null) => void} */
  let win = () => {};
  const won = new Promise((resolve) => (win = resolve));
  /** @type {Promise<unknown>[]} */
  const attempts = [];
  for (const url of order) {
    const attempt = dial(url, { ...options, signal: either }).then(
      (wire) => {
        // The slower of two that both got there is not kept.
        if (first) return wire.close();
        first = wire;
        winners.set(key, url);
        win(null);
      },
      (error) => void failures.push(error),
    );
    attempts.push(attempt);
    await Promise.race([attempt, won, late(headStartMs)]);
    if (first || signal?.aborted) break;
  }
  await Promise.race([won, Promise.all(attempts)]);
  over.abort();
  if (first) return first;
  signal?.throwIfAborted();
  const why = failures.map(words).join('; ');
  throw new ConnectionError('lost', why, 0, why);
}

/** @param {number} ms */
const late = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {string} url @param {ConnectOptions} options @returns {Promise<Wire>} */
async function dial(url, options) {
  const base = /** @type {any} */ (globalThis).location?.href;
  const target = new URL(url, base);
  switch (target.protocol) {
    case 'ws:':
    case 'wss:':
      // Each carrier is loaded where it is used: QMux is half of what there is.
      return (await import('./carrier/websocket.js')).connectWebSocket(target, options);
    case 'https:':
      return (await import('./carrier/webtransport.js')).connectWebTransport(target, options);
    default:
      throw new ConnectionError('misuse', `connect ${url}: ws:, wss: (WebSocket) or https: (WebTransport) is needed`);
  }
}
