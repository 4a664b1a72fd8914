/**
 * WebTransport, `docs/protocol.md` 12.6: every call is a native stream of the session, protocol `ipfi-1`. Stream codes and
 * the close code are the session's.
 *
 * @module
 */

import { EMPTY } from '../bytes.js';
import { StreamCode } from '../close_code.js';
import { ConnectionError, words } from '../error.js';
import { AbuseBudget, COMPLETED, GIVEN_UP, LONG_RUN_MS } from '../mux/abuse.js';
import { Wire } from '../wire.js';

/**
 * @typedef {import('../session.js').Session} Session
 * @typedef {import('../session.js').SessionHandler} SessionHandler
 * @typedef {import('../session.js').SessionStream} SessionStream
 * @typedef {import('../session.js').StreamHandler} StreamHandler
 * @typedef {import('../limits.js').Limits} Limits
 */

/** What both sides must name (clause 12.1). */
export const PROTOCOL = 'ipfi-1';

/** How long what was written has to leave before a close. */
const LINGER_MS = 1000;

/** What resets or stops a stream. @param {number | bigint} code */
function streamError(code) {
  const { WebTransportError } = /** @type {any} */ (globalThis);
  const streamErrorCode = Number(code);
  try {
    return new WebTransportError('', { source: 'stream', streamErrorCode });
  } catch {
    // Chromium has the constructor of an older draft, which knows one argument.
    return new WebTransportError({ streamErrorCode });
  }
}

/** One stream of a WebTransport session. @implements {SessionStream} */
class WebTransportStream {
  /** @type {StreamHandler | null} */
  #handler = null;
  /** What has come and was not taken. @type {Uint8Array | null} */
  #piece = null;
  #fin = false;
  #stopped = false;
  #full = false;
  #pulling = false;
  touched = false;
  received = 0;
  sent = true;
  /** @type {number | bigint | null} */
  resetBy = null;
  /** @type {number | bigint | null} */
  stoppedBy = null;
  held = false;
  /** The peer opened it. */
  inbound = false;
  opened = performance.now();
  /** What it earns of the abuse budget. */
  earns = COMPLETED;
  over = false;

  /**
   * @param {WebTransportSession} session
   * @param {WritableStream<Uint8Array> | null} writable
   * @param {ReadableStream<Uint8Array> | null} readable
   */
  constructor(session, writable, readable) {
    this.session = session;
    this.out = writable;
    this.writer = writable?.getWriter() ?? null;
    this.reader = readable?.getReader() ?? null;
    if (this.writer) {
      this.sent = false;
      this.writer.closed.then(
        () => {
          this.sent = true;
          this.#end();
        },
        (error) => {
          if (!this.sent) this.#stoppedWith(error);
        },
      );
    }
    session.streams.add(this);
  }

  get handler() {
    return this.#handler;
  }

  set handler(handler) {
    this.#handler = handler;
    this.#pull();
  }

  get writable() {
    const { writer } = this;
    if (!writer || this.sent || (writer.desiredSize ?? 1) > 0) return true;
    if (!this.#full) {
      this.#full = true;
      writer.ready.then(
        () => {
          this.#full = false;
          this.#handler?.onWritable?.();
        },
        () => {},
      );
    }
    return false;
  }

  /** @param {Uint8Array} bytes @param {boolean} [fin] */
  write(bytes, fin = false) {
    const { writer } = this;
    if (!writer || this.sent) return;
    if (bytes.length > 0) {
      this.touched = true;
      this.session.sentBytes += bytes.length;
      writer.write(bytes).catch(() => {});
    }
    if (fin) this.session.track(writer.close().catch(() => {}));
  }

  finish() {
    this.write(EMPTY, true);
  }

  /** @param {number | bigint} code */
  reset(code) {
    if (!this.writer || this.sent) return;
    this.sent = true;
    this.session.track(this.writer.abort(streamError(code)).catch(() => {}));
    this.#end();
  }

  /** @param {number} priority */
  setPriority(priority) {
    // What a browser has of priorities: higher first.
    if (this.out && 'sendOrder' in this.out) this.out.sendOrder = priority;
  }

  get complete() {
    return this.#fin || this.#stopped;
  }

  get ended() {
    return this.#fin && !this.#piece && this.resetBy === null;
  }

  /** What waits in the browser's own buffers it does not tell. @returns {import('../session.js').Flow} */
  get flow() {
    return { received: this.received, unread: this.#piece?.length ?? 0, credit: null };
  }

  read() {
    const piece = this.#piece;
    this.#piece = null;
    if (piece) this.#pull();
    return piece;
  }

  /** @param {number} code */
  stop(code) {
    if (this.#fin || this.#stopped || !this.reader) return;
    this.#stopped = true;
    this.#piece = null;
    this.session.track(this.reader.cancel(streamError(code)).catch(() => {}));
    this.#end();
  }

  release() {
    if (!this.held) return;
    this.held = false;
    this.#end();
  }

  /** The session has ended. @param {ConnectionError} cause */
  closed(cause) {
    this.sent = true;
    this.#handler?.onClosed(cause);
  }

  /** Takes one piece, and the next when that was taken: what nobody reads keeps its credit. @returns {Promise<void>} */
  async #pull() {
    if (this.#pulling || this.#fin || this.#stopped || !this.reader || !this.#handler) return;
    this.#pulling = true;
    try {
      const { done, value } = await this.reader.read();
      this.#pulling = false;
      if (this.#stopped) return;
      if (done) this.#fin = true;
      else if (value.length > 0) {
        this.#piece = value;
        this.received += value.length;
        this.session.receivedBytes += value.length;
      }
      if (!done && !this.#piece) return this.#pull();
    } catch (error) {
      this.#pulling = false;
      if (this.#stopped || this.session.ended || isOfSession(error)) return;
      this.#fin = true;
      this.resetBy = codeOf(error);
      this.session.givenUp(this, this.resetBy);
    }
    this.#handler?.onReadable();
    this.#end();
  }

  /** @param {unknown} error */
  #stoppedWith(error) {
    if (this.session.ended || isOfSession(error)) return;
    this.sent = true;
    this.stoppedBy = codeOf(error);
    this.session.givenUp(this, this.stoppedBy);
    this.#handler?.onStopped?.(this.stoppedBy);
    this.#end();
  }

  /** Lets the session forget it once both halves are over and nobody holds it. */
  #end() {
    const receiving = this.reader !== null && !this.#stopped && !(this.#fin && !this.#piece);
    if (this.over || this.held || !this.sent || receiving) return;
    this.over = true;
    this.session.forget(this);
  }
}

/** @param {unknown} error @returns {number} */
const codeOf = (error) => Number(/** @type {any} */ (error)?.streamErrorCode ?? 0);

/** Whether a stream failed because its session is over, which says itself why. @param {unknown} error */
const isOfSession = (error) => /** @type {any} */ (error)?.source === 'session';

/** @implements {Session} */
export class WebTransportSession {
  carrier = 'webtransport';
  /** @type {SessionHandler | null} */
  handler = null;
  /** @type {ConnectionError | null} */
  ended = null;
  /** @type {Set<WebTransportStream>} */
  streams = new Set();
  /** What is on its way out. @type {Set<Promise<unknown>>} */
  leaving = new Set();
  /** Streams of the peer that are held: bidirectional, unidirectional. */
  held = [0, 0];
  /** Let the next stream of the peer in. @type {((() => void) | null)[]} */
  doors = [null, null];
  sentBytes = 0;
  receivedBytes = 0;

  /**
   * @param {WebTransport} transport which is ready
   * @param {Limits} limits
   * @param {'client' | 'server'} [side]
   */
  constructor(transport, limits, side = 'client') {
    this.side = side;
    this.transport = transport;
    this.limits = limits;
    /** The control stream is opened before any other. @type {Promise<unknown>} */
    this.first = Promise.resolve();
    this.datagrams = datagramWriter(transport);
    this.budget = new AbuseBudget(limits.abuse_budget, performance.now());
    transport.closed.then(
      (info) => this.end(new ConnectionError('peer', info?.reason ?? '', info?.closeCode ?? 0)),
      (error) => this.end(new ConnectionError('lost', words(error))),
    );
    // After the handler has been set.
    queueMicrotask(() => {
      void this.accept(transport.incomingBidirectionalStreams, 0, limits.max_inbound_calls);
      void this.accept(transport.incomingUnidirectionalStreams, 1, limits.max_inbound_notifications);
      void this.acceptDatagrams();
    });
  }

  /** Streams cannot be opened at once. @returns {null} */
  open() {
    return null;
  }

  /** @param {boolean} uni @param {(stream: SessionStream | null) => void} opened */
  openLater(uni, opened) {
    let wanted = true;
    const { transport } = this;
    const made = this.first.then(async () => {
      if (!wanted) return null;
      if (uni) return new WebTransportStream(this, await transport.createUnidirectionalStream(), null);
      const { readable, writable } = await transport.createBidirectionalStream();
      return new WebTransportStream(this, writable, readable);
    });
    if (this.streams.size === 0) this.first = made.catch(() => {});
    made.then(
      (stream) => {
        if (wanted && !this.ended) return opened(stream);
        stream?.reset(1);
        stream?.stop(1);
        if (wanted) opened(null);
      },
      () => wanted && opened(null),
    );
    return () => {
      wanted = false;
    };
  }

  get maxDatagram() {
    return this.datagrams ? this.transport.datagrams.maxDatagramSize : 0;
  }

  /** @param {Uint8Array} bytes */
  sendDatagram(bytes) {
    if (this.ended || !this.datagrams || (this.datagrams.desiredSize ?? 0) <= 0) return false;
    this.datagrams.write(bytes).catch(() => {});
    return true;
  }

  /** @param {number} code @param {string} reason @param {ConnectionError} [cause] */
  close(code, reason, cause = new ConnectionError('local', reason, code)) {
    if (this.ended) return;
    const left = Promise.allSettled([...this.leaving]);
    Promise.race([left, new Promise((resolve) => setTimeout(resolve, LINGER_MS))])
      .then(() => this.transport.close({ closeCode: code, reason }))
      // It has ended by itself.
      .catch(() => {});
    this.end(cause);
  }

  flush() {}

  /** @param {Promise<unknown>} leaving */
  track(leaving) {
    this.leaving.add(leaving);
    void leaving.then(() => this.leaving.delete(leaving));
  }

  /** The peer gave up a call of its own before it got anything (clause 13.5). @param {WebTransportStream} stream @param {number} code */
  givenUp(stream, code) {
    if (!stream.inbound || stream.touched || stream.earns !== COMPLETED || code === StreamCode.DETACHED) return;
    const now = performance.now();
    stream.earns = 0;
    if (now - stream.opened >= LONG_RUN_MS) return;
    stream.earns = GIVEN_UP / 2;
    this.handler?.charge(this.budget, GIVEN_UP, 'a call that was given up');
  }

  /** @param {WebTransportStream} stream */
  forget(stream) {
    this.budget.earn(stream.earns);
    this.streams.delete(stream);
    const kind = stream.writer ? 0 : 1;
    if (stream.inbound) {
      this.held[kind]--;
      this.doors[kind]?.();
    }
  }

  /** Takes streams of the peer, as many as there are places for. @param {ReadableStream<any>} incoming @param {number} kind @param {number} places */
  async accept(incoming, kind, places) {
    try {
      const reader = incoming.getReader();
      while (!this.ended) {
        while (this.held[kind] >= places) await new Promise((resolve) => (this.doors[kind] = () => resolve(null)));
        const { done, value } = await reader.read();
        if (done || this.ended) return;
        const stream = kind === 0 ? new WebTransportStream(this, value.writable, value.readable) : new WebTransportStream(this, null, value);
        stream.held = stream.inbound = true;
        this.held[kind]++;
        this.handler?.onStream(stream, kind === 1);
      }
    } catch {
      // The end of the session says why.
    }
  }

  async acceptDatagrams() {
    try {
      const reader = this.transport.datagrams.readable.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        this.handler?.onDatagram(value);
      }
    } catch {
      // The end of the session says why.
    }
  }

  /** @param {ConnectionError} cause */
  end(cause) {
    if (this.ended) return;
    this.ended = cause;
    queueMicrotask(() => {
      const { handler } = this;
      this.handler = null;
      for (const stream of this.streams) stream.closed(cause);
      this.streams.clear();
      handler?.onClosed(cause);
    });
  }
}

/** @param {WebTransport} transport */
function datagramWriter({ datagrams }) {
  const any = /** @type {any} */ (datagrams);
  try {
    /** @type {WritableStream<Uint8Array>} */
    const writable = any.createWritable ? any.createWritable() : any.writable;
    return writable.getWriter();
  } catch {
    return null;
  }
}

/**
 * @param {string | URL} url `https:`
 * @param {import('../wire.js').WireOptions & { signal?: AbortSignal, serverCertificateHashes?: { algorithm: 'sha-256', value: BufferSource }[] }} [options]
 * @returns {Promise<Wire>}
 */
export async function connectWebTransport(url, options = {}) {
  const { signal, serverCertificateHashes } = options;
  signal?.throwIfAborted();
  if (typeof WebTransport !== 'function') throw new ConnectionError('misuse', 'this platform has no WebTransport');
  /** @type {any} */
  const settings = { protocols: [PROTOCOL], congestionControl: 'low-latency' };
  if (serverCertificateHashes) settings.serverCertificateHashes = serverCertificateHashes;
  const transport = new WebTransport(url, settings);
  transport.closed.catch(() => {});
  const giveUp = () => transport.close();
  signal?.addEventListener('abort', giveUp);
  try {
    await transport.ready;
    // Where the platform does not show what was agreed on, the control stream still does (clause 2.3).
    const { protocol = PROTOCOL } = /** @type {any} */ (transport);
    if (protocol !== PROTOCOL) throw new Error(`the server does not agree on the protocol ${PROTOCOL}`);
    const wire = new Wire((_, limits) => new WebTransportSession(transport, limits), options);
    await wire.opened;
    signal?.throwIfAborted();
    return wire;
  } catch (error) {
    giveUp();
    signal?.throwIfAborted();
    const why = words(error);
    throw error instanceof ConnectionError ? error : new ConnectionError('lost', why, 0, `connect ${url}: ${why}`);
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}
