/** Codec 0: the bytes themselves. @module */

import { EMPTY } from '../bytes.js';
import { own } from './codec.js';

/** @param {import('../bytes.js').Writer} writer @param {unknown} value */
function put(writer, value) {
  if (ArrayBuffer.isView(value)) writer.put(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  else if (value instanceof ArrayBuffer) writer.put(new Uint8Array(value));
  else if (value !== undefined) throw new TypeError('the raw codec takes bytes: a Uint8Array or an ArrayBuffer');
}

/** Bytes as they are: `wire.call(4, [bytes], { codec: raw })`. Arguments are one byte string. @type {import('./codec.js').Codec} */
export const raw = {
  id: 0,
  name: 'raw',
  encodeArgs(writer, args) {
    if (args.length > 1) throw new TypeError('the raw codec takes one argument');
    put(writer, args.length > 0 ? args[0] : EMPTY);
  },
  decodeArgs: (bytes) => [own(bytes)],
  encodeItem: put,
  decodeItem: own,
  encodeAnswer: put,
  decodeAnswer: own,
};
