/**
 * ipfi over one ordered pipe of bytes, where there is one: a TCP or Unix socket or the standard streams of Node, Deno's
 * `node:net`. The same records as over WebSocket, each with its Size; a peer in Rust is `ipfi::connect("tcp://…")`.
 *
 * ```js
 * import { connect } from 'node:net';
 * import { connectPipe } from 'ipfi/pipe';
 *
 * const wire = await connectPipe(connect(4000, 'localhost'));
 * ```
 *
 * @module
 */

import { Violation } from './error.js';
import { MuxSession } from './mux/session.js';
import { RecordReader, putRecord } from './record.js';
import { Wire } from './wire.js';

/**
 * What a pipe must have, in the words of Node's `Duplex`.
 *
 * @typedef {object} Pipe
 * @property {(event: any, listener: (...args: any[]) => void) => unknown} on
 * @property {(bytes: Uint8Array, written: () => void) => unknown} write
 * @property {() => unknown} end
 * @property {() => unknown} destroy
 *
 * @typedef {import('./mux/session.js').MessageTransport} MessageTransport
 * @typedef {import('./wire.js').WireOptions} WireOptions
 */

/** How long the peer may take to close its side. */
const LINGER_MS = 3000;

/** @implements {MessageTransport} */
class PipeTransport {
  name = 'pipe';
  buffered = 0;
  /** @type {MuxSession | null} */
  session = null;
  watched = false;

  /** @param {Pipe} pipe @param {number} maxRecord */
  constructor(pipe, maxRecord) {
    this.pipe = pipe;
    const reader = new RecordReader(maxRecord);
    pipe.on('data', (/** @type {Uint8Array} */ data) => {
      // A Buffer's `slice` is no copy.
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
      try {
        for (const record of reader.push(bytes)) this.session?.received(record);
      } catch (error) {
        if (error instanceof Violation) this.session?.violated(error);
        else throw error;
      }
    });
    pipe.on('error', (error) => this.session?.lost(String(error?.message ?? error)));
    pipe.on('end', () => {
      this.session?.lost('the peer closed the pipe without saying goodbye');
      pipe.end();
    });
    pipe.on('close', () => this.session?.lost('the pipe was closed'));
  }

  /** @param {Uint8Array} bytes */
  send(bytes) {
    const { length } = bytes;
    this.buffered += length;
    this.pipe.write(putRecord(bytes), () => {
      this.buffered -= length;
      if (this.watched) {
        this.watched = false;
        this.session?.drained();
      }
    });
  }

  watch() {
    this.watched = true;
  }

  close() {
    this.pipe.end();
  }
}

/** @param {'client' | 'server'} side @param {Pipe} pipe @param {WireOptions} options */
async function over(side, pipe, options) {
  const wire = new Wire((deadlines, limits) => {
    const transport = new PipeTransport(pipe, limits.max_record_bytes);
    return (transport.session = new MuxSession(side, limits, transport, deadlines));
  }, options);
  void wire.closed.then(() => {
    // What was written last may need a moment; who still holds the pipe then has had it.
    const timer = /** @type {any} */ (setTimeout(() => pipe.destroy(), LINGER_MS));
    timer.unref?.();
  });
  await wire.opened;
  return wire;
}

/** The client's end: of a process and its child, the one that started the other. @param {Pipe} pipe @param {WireOptions} [options] @returns {Promise<Wire>} */
export const connectPipe = (pipe, options = {}) => over('client', pipe, options);

/** The server's end. @param {Pipe} pipe @param {WireOptions} [options] @returns {Promise<Wire>} */
export const acceptPipe = (pipe, options = {}) => over('server', pipe, options);
