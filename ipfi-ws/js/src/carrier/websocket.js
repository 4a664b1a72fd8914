/**
 * QMux over WebSocket, `docs/protocol.md` 12.4: subprotocol `qmux-02.ipfi-1`, each binary message one record.
 *
 * A browser cannot hold back what it receives, so credit is the only bound there. Nor does it say when what it was given
 * to send has left: `bufferedAmount` is looked at, at first soon and then every few milliseconds, only while something
 * waits. The `ws` package of Node says when, and is not asked.
 *
 * @module
 */

import { ConnectionError, badFrame } from '../error.js';
import { MuxSession } from '../mux/session.js';
import { Wire } from '../wire.js';

// All that a page needs which calls over WebSocket alone. From the main module it costs more where a bundler makes one file of
// everything: `connect` there loads each carrier by itself.
export { Interface } from '../interface.js';
export { Status } from '../status.js';

/**
 * @typedef {import('../mux/session.js').MessageTransport} MessageTransport
 * @typedef {import('../wire.js').WireOptions} WireOptions
 */

/** What both sides must name (clause 12.1). */
export const SUBPROTOCOL = 'qmux-02.ipfi-1';

/** Looks at `bufferedAmount` this often in turns of the event loop before it waits longer. */
const SOON = 32;
const MAX_WAIT_MS = 8;

/** Close codes of WebSocket (RFC 6455 section 7.4.1). */
const NORMAL = 1000;
const UNSUPPORTED_DATA = 1003;
const MESSAGE_TOO_BIG = 1009;

/** @implements {MessageTransport} */
class WebSocketTransport {
  name = 'websocket';
  /** @type {MuxSession | null} */
  session = null;
  looks = 0;
  watching = false;
  code = NORMAL;
  /** @type {MessageChannel | null} */
  channel = null;

  /** @param {WebSocket} socket @param {number} maxRecord */
  constructor(socket, maxRecord) {
    this.socket = socket;
    /** Whether it says when something was sent: the `ws` package. */
    this.tells = typeof (/** @type {any} */ (socket).terminate) === 'function';
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') {
        this.code = UNSUPPORTED_DATA;
        this.session?.violated(badFrame('a text message'));
        return;
      }
      if (data.byteLength > maxRecord) this.code = MESSAGE_TOO_BIG;
      this.session?.received(new Uint8Array(data));
    };
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      this.channel?.port1.close();
      this.session?.lost(`the WebSocket was closed (${code}${reason && `: ${reason}`})`);
    };
  }

  get buffered() {
    return this.socket.bufferedAmount;
  }

  /** @param {Uint8Array} bytes */
  send(bytes) {
    const { socket } = this;
    if (this.tells) /** @type {any} */ (socket).send(bytes, () => this.session?.drained());
    else if (socket.readyState === 1) socket.send(/** @type {Uint8Array<ArrayBuffer>} */ (bytes));
  }

  watch() {
    if (this.tells || this.watching) return;
    this.watching = true;
    this.looks = 0;
    this.look(this.buffered);
  }

  /** Looks again, until less is buffered than `before`. @param {number} before */
  look(before) {
    const again = () => {
      if (this.socket.readyState !== 1) return;
      if (this.buffered >= before) return this.look(before);
      this.watching = false;
      this.session?.drained();
    };
    if (this.looks++ < SOON) {
      if (!this.channel) this.channel = new MessageChannel();
      this.channel.port1.onmessage = again;
      this.channel.port2.postMessage(0);
    } else {
      setTimeout(again, Math.min(MAX_WAIT_MS, this.looks - SOON));
    }
  }

  close() {
    const { socket } = this;
    try {
      socket.close(this.code);
    } catch {
      // A page may not use the codes below 3000.
      socket.close(this.code + 3000);
    }
  }
}

/** @param {'client' | 'server'} side @param {WebSocket} socket @param {WireOptions} options */
function wireOver(side, socket, options) {
  return new Wire((deadlines, limits) => {
    const transport = new WebSocketTransport(socket, limits.max_record_bytes);
    return (transport.session = new MuxSession(side, limits, transport, deadlines));
  }, options);
}

/**
 * The client's end.
 *
 * @param {string | URL} url
 * @param {WireOptions & { signal?: AbortSignal, WebSocket?: typeof WebSocket }} [options]
 * @returns {Promise<Wire>}
 */
export async function connectWebSocket(url, options = {}) {
  const { signal, WebSocket: Socket = globalThis.WebSocket } = options;
  signal?.throwIfAborted();
  if (!Socket) throw new ConnectionError('misuse', 'this platform has no WebSocket');
  const socket = new Socket(url, SUBPROTOCOL);
  const giveUp = () => socket.close();
  signal?.addEventListener('abort', giveUp);
  try {
    /** @type {Wire} */
    const wire = await new Promise((resolve, reject) => {
      socket.onerror = (/** @type {any} */ event) => reject(refused(url, event.message));
      socket.onclose = ({ code, reason }) => reject(refused(url, reason || `code ${code}`));
      socket.onopen = () => {
        // At once: the first message may come in the same turn.
        if (socket.protocol === SUBPROTOCOL) resolve(wireOver('client', socket, options));
        else reject(refused(url, `the server does not agree on the subprotocol ${SUBPROTOCOL}`));
      };
    });
    await wire.opened;
    signal?.throwIfAborted();
    return wire;
  } catch (error) {
    socket.close();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

/**
 * The server's end, over a WebSocket that was accepted: of the `ws` package, or Deno's.
 *
 * ```js
 * const server = new WebSocketServer({ port: 8080, handleProtocols: () => SUBPROTOCOL, maxPayload: 65536 });
 * server.on('connection', (socket) => acceptWebSocket(socket, { interface: offered }));
 * ```
 *
 * Whoever accepts it checks `Origin`. Where the platform does not show what was agreed on, as Deno does not, it is given as
 * `protocol`.
 *
 * @param {WebSocket | object} socket which is open
 * @param {WireOptions & { protocol?: string }} [options]
 * @returns {Promise<Wire>}
 */
export async function acceptWebSocket(socket, options = {}) {
  const accepted = /** @type {WebSocket} */ (socket);
  const { protocol = accepted.protocol } = options;
  if (protocol !== SUBPROTOCOL) {
    accepted.close(NORMAL, `the subprotocol is ${SUBPROTOCOL}`);
    throw new ConnectionError('lost', `the client does not agree on the subprotocol ${SUBPROTOCOL}`);
  }
  const wire = wireOver('server', accepted, options);
  await wire.opened;
  return wire;
}

/** @param {string | URL} url @param {string} why */
const refused = (url, why) => new ConnectionError('lost', why, 0, `connect ${url}: ${why || 'refused'}`);
