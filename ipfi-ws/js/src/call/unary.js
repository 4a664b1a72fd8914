/**
 * One value in, one value out.
 *
 * @module
 */

import { EMPTY, Reader } from '../bytes.js';
import { wholeMessage } from '../proto/item.js';
import { Metadata } from '../proto/metadata.js';
import { Status, callerStatus } from '../status.js';
import { Outbound } from './outbound.js';
import { decoded } from './shared.js';

/** Used again for each response. */
const whole = new Reader(EMPTY);

/** What stands for an answer that has not come. */
const NONE = Symbol('none');

export class UnaryCall extends Outbound {
  /** @type {unknown} */
  answer = NONE;
  /** @type {(value: any) => void} */
  resolve = () => {};
  /** @type {(error: unknown) => void} */
  reject = () => {};

  /** @param {readonly unknown[]} args @returns {Promise<any>} */
  run(args) {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      this.begin(args, true);
    });
  }

  /** @override */
  onReadable() {
    const { stream } = this;
    if (this.done || !stream) return;
    try {
      for (;;) {
        if (stream.resetBy !== null) return this.wasReset();
        const piece = stream.read();
        if (!piece) break;
        if (this.take(piece)) return;
      }
      if (stream.ended) this.end();
    } catch (error) {
      this.failed(/** @type {Status} */ (error));
    }
  }

  /** @param {Uint8Array} piece @returns {boolean} whether the call has ended */
  take(piece) {
    if (!this.items && this.stream?.ended) {
      // Nearly all responses are whole: one message, and the end.
      whole.over(piece);
      const message = wholeMessage(whole, this.wire.limits.max_message_bytes);
      if (message) {
        this.answer = this.decode(message);
        return false;
      }
    }
    const { reader } = this;
    reader.push(piece);
    for (let part = reader.next(); part !== null; part = reader.next()) {
      if (part instanceof Status) {
        this.failed(part, true);
        return true;
      }
      if (part instanceof Metadata) this.onMetadata(part);
      else if (this.answer === NONE) this.answer = this.decode(part);
      else throw wrongKind('more than one answer');
    }
    return false;
  }

  end() {
    this.items?.end();
    if (this.answer === NONE) throw wrongKind('no answer');
    this.stream?.reset(0);
    this.finish();
    this.resolve(this.answer);
  }

  /** @param {Uint8Array} bytes */
  decode(bytes) {
    const { codec, wire } = this;
    return decoded('response', codec, codec.decodeAnswer, bytes, wire.limits);
  }

  /** @override @param {Status} status */
  settle(status) {
    this.reject(status);
  }
}

/** The callee's procedure is of another kind (clause 5.12). @param {string} what */
export const wrongKind = (what) =>
  callerStatus('UNIMPLEMENTED', `a call for exactly one answer got ${what}: the procedure is a sequence`);
