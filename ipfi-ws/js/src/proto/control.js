/**
 * The control stream, `docs/protocol.md` section 2: its type 0, `ipfi`, the version, then messages
 *
 * ```text
 * type (i), length (i), payload
 * ```
 *
 * @module
 */

import { Reader, Writer } from '../bytes.js';
import { CloseCode } from '../close_code.js';

/** The version of the call protocol that this side speaks. */
export const VERSION = 1;
const MAGIC = [0x69, 0x70, 0x66, 0x69];
const SETTINGS = 0;
const GOAWAY = 1;
/** The largest control message (clause 2.7). */
const MAX_BYTES = 16_384;
const MAX_ISOLATED = 64;

/**
 * What the peer takes and serves (clause 2.5).
 *
 * @typedef {object} Settings
 * @property {import('../bytes.js').Varint} max_message_bytes
 * @property {import('../bytes.js').Varint} max_metadata_bytes
 * @property {boolean} serves
 * @property {boolean} shared_calls
 * @property {import('../bytes.js').Varint[]} isolated
 * @property {import('../bytes.js').Varint} max_inbound_calls
 *
 * @typedef {{ settings: Settings } | 'goaway' | { unknown: import('../bytes.js').Varint }} ControlMessage
 */

/** A breach of the control stream, which closes the connection (clause 13.2). */
export class ControlError extends Error {
  /** @param {number} code one of {@link CloseCode} @param {string} rule @param {string} text */
  constructor(code, rule, text) {
    super(text);
    this.code = code;
    this.rule = rule;
  }
}

/** @param {string} rule @param {string} text */
const breach = (rule, text) => new ControlError(CloseCode.PROTOCOL, rule, text);

/** @returns {Settings} */
export const defaultSettings = () => ({
  max_message_bytes: 4_194_304,
  max_metadata_bytes: 16_384,
  serves: true,
  shared_calls: false,
  isolated: [],
  max_inbound_calls: 256,
});

/** Reads a control stream after its type. */
export class ControlReader {
  constructor() {
    this.buffer = new Writer(64);
    this.taken = 0;
    /** Bytes of `ipfi` that have come. */
    this.magic = 0;
    this.versionRead = false;
    this.settled = false;
    /** Payload of an unknown message that is still to be skipped. */
    this.skip = 0;
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {ControlMessage[]}
   * @throws {ControlError} with `messages`, what came before
   */
  push(bytes) {
    /** @type {ControlMessage[]} */
    const messages = [];
    if (this.skip > 0) {
      const skipped = Math.min(this.skip, bytes.length);
      this.skip -= skipped;
      bytes = bytes.subarray(skipped);
    }
    this.buffer.put(bytes);
    const reader = new Reader(this.buffer.written());
    reader.at = this.taken;
    try {
      while (this.step(reader, messages)) this.taken = reader.at;
    } catch (error) {
      if (error instanceof ControlError) Object.assign(error, { messages });
      throw error;
    }
    const rest = this.buffer.written().slice(this.taken);
    this.taken = 0;
    this.buffer.clear();
    this.buffer.put(rest);
    return messages;
  }

  /** The peer's control stream lives as long as the connection (clause 2.2). @returns {ControlError} */
  end() {
    return breach('control-ended', 'the control stream ended');
  }

  /** @param {Reader} reader @param {ControlMessage[]} messages @returns {boolean} whether to go on */
  step(reader, messages) {
    if (this.magic < MAGIC.length) {
      if (reader.left === 0) return false;
      if (reader.take(1)[0] !== MAGIC[this.magic]) {
        throw new ControlError(CloseCode.VERSION, 'control-not-ipfi', 'the peer does not speak ipfi');
      }
      this.magic++;
      return true;
    }
    if (!this.versionRead) {
      const version = reader.varint();
      if (version === -1) return false;
      if (version !== VERSION) {
        const text = `version mismatch: this side speaks ipfi-${VERSION}, the peer ipfi-${version}`;
        throw new ControlError(CloseCode.VERSION, 'control-version', text);
      }
      return (this.versionRead = true);
    }
    const type = reader.varint();
    if (type === -1) return false;
    if (!this.settled && type !== SETTINGS) throw breach('settings-missing', 'the first control message is not SETTINGS');
    if (this.settled && type === SETTINGS) throw breach('settings-twice', 'SETTINGS came twice');
    const length = reader.varint();
    if (length === -1) return false;
    if (length > MAX_BYTES) {
      throw breach('control-too-large', `a control message of ${length} bytes, at most ${MAX_BYTES} can be`);
    }
    const size = Number(length);
    if (type === SETTINGS) {
      if (reader.left < size) return false;
      messages.push({ settings: decodeSettings(reader.take(size)) });
      return (this.settled = true);
    }
    messages.push(type === GOAWAY ? 'goaway' : { unknown: type });
    const here = Math.min(size, reader.left);
    reader.take(here);
    this.skip = size - here;
    return true;
  }
}

/** @param {Uint8Array} payload @returns {Settings} */
function decodeSettings(payload) {
  const settings = defaultSettings();
  const seen = new Set();
  const reader = new Reader(payload);
  while (reader.left > 0) {
    const key = reader.varint();
    const value = key === -1 ? -1 : reader.varint();
    if (value === -1) throw breach('settings-truncated', 'SETTINGS end inside a pair');
    if (key < 1 || key > 6) continue;
    if (key !== 5 && seen.has(key)) throw breach('setting-twice', `setting ${key} came twice`);
    seen.add(key);
    if (key === 1) settings.max_message_bytes = value;
    else if (key === 2) settings.max_metadata_bytes = value;
    else if (key === 6) settings.max_inbound_calls = value;
    else if (key === 5) {
      if (settings.isolated.length < MAX_ISOLATED) settings.isolated.push(value);
    } else {
      if (value > 1) throw breach('setting-value', `setting ${key} is ${value}, 0 or 1 can be`);
      settings[key === 3 ? 'serves' : 'shared_calls'] = value === 1;
    }
  }
  return settings;
}

/** The beginning of this side's control stream, its type and SETTINGS. @param {Settings} settings */
export function encodeControl(settings) {
  const body = new Writer(32);
  const defaults = defaultSettings();
  /** @type {(key: number, value: import('../bytes.js').Varint, known: import('../bytes.js').Varint) => void} */
  const put = (key, value, known) => {
    if (value === known) return;
    body.varint(key);
    body.varint(value);
  };
  put(1, settings.max_message_bytes, defaults.max_message_bytes);
  put(2, settings.max_metadata_bytes, defaults.max_metadata_bytes);
  put(3, settings.serves ? 1 : 0, 1);
  put(4, settings.shared_calls ? 1 : 0, 0);
  for (const index of settings.isolated) put(5, index, -1);
  put(6, settings.max_inbound_calls, defaults.max_inbound_calls);
  const writer = new Writer(64);
  writer.put(new Uint8Array([0, ...MAGIC, VERSION, SETTINGS]));
  writer.varint(body.at);
  writer.put(body.written());
  return writer.finish();
}

/** @returns {Uint8Array} */
export const encodeGoaway = () => new Uint8Array([GOAWAY, 0]);

