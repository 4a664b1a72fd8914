/**
 * The page's connection: made, switched to another carrier while calls run, lost, made again. It says so by events:
 *
 * | event | detail | |
 * |---|---|---|
 * | `connecting` | the carrier | |
 * | `up` | `{ carrier, ms, before, moves }` | `before` is the wire that it takes the place of, or null: it lives until the promises that listeners add to `moves` are fulfilled |
 * | `down` | `{ cause, wire }` | the wire has ended, and everything on it |
 * | `left` | a `ShutdownReport` | what became of a wire that another has taken the place of |
 * | `failed` | the error | there is no new wire; an old one goes on |
 * | `idle` | | an attempt is over, however it ended |
 */

import { connect } from './ipfi/index.js';

/** Milliseconds in which calls on a wire that was left may end. Somebody may be answering a question. */
const GRACE_MS = 60_000;

/** What all streams of the page may have half of at once: a piece of 64 KiB each. */
const limits = { max_reassembly_bytes: 1024 * 65_536 };

export class Link extends EventTarget {
  /** @type {import('./ipfi/index.js').Wire | null} */
  wire = null;
  carrier = 'websocket';
  busy = false;
  /** What was asked for meanwhile. @type {string | null} */
  wish = null;

  /** @param {import('./ipfi/index.js').Interface} offered what the server may call here */
  constructor(offered) {
    super();
    this.offered = offered;
  }

  /** Connects, or changes over: calls made from then on go the new way. @param {string} carrier */
  async open(carrier) {
    this.wish = carrier;
    if (this.busy) return;
    this.busy = true;
    this.wish = null;
    this.tell('connecting', carrier);
    const began = performance.now();
    try {
      const signal = AbortSignal.timeout(10_000);
      // Anew each time: a server that was started again has other ports.
      const config = await (await fetch('config.json', { signal })).json();
      const serverCertificateHashes = [{ algorithm: 'sha-256', value: fromHex(config.certificate) }];
      const wire = await connect(config[carrier], { interface: this.offered, limits, serverCertificateHashes, signal });
      const before = this.wire;
      this.wire = wire;
      this.carrier = carrier;
      wire.closed.then((cause) => {
        if (this.wire !== wire) return;
        this.wire = null;
        this.tell('down', { cause, wire });
      });
      /** @type {Promise<unknown>[]} */
      const moves = [];
      this.tell('up', { carrier, ms: performance.now() - began, before, moves });
      if (before) void Promise.all(moves).then(async () => this.tell('left', await before.shutdown(GRACE_MS)));
    } catch (error) {
      this.tell('failed', error);
    } finally {
      this.busy = false;
      if (this.wish && this.wish !== this.carrier) void this.open(this.wish);
      else this.tell('idle');
    }
  }

  /** @param {string} type @param {unknown} [detail] */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {string} type @param {(detail: any) => void} listener */
  on(type, listener) {
    this.addEventListener(type, (event) => listener(/** @type {CustomEvent} */ (event).detail));
  }
}

/** @param {string} text */
function fromHex(text) {
  const digits = text.match(/[0-9a-f]{2}/gi) ?? [];
  // A name may stand in front of them: sha256:…
  return Uint8Array.from(digits.slice(-32), (pair) => parseInt(pair, 16));
}
