// The interface of the Rust peer (`rust-peer/src/main.rs`), in JavaScript: what all checks of whole programs are made against.
import { bincode, bool, bytes, string, u64 } from '../src/codec/bincode.js';
import { json } from '../src/codec/json.js';
import { messagepack } from '../src/codec/messagepack.js';
import { Status } from '../src/status.js';
import { withSampler } from './sampler.js';

export const codecs = {
  echo: bincode({ args: [string], returns: string }),
  count: bincode({ args: [u64], returns: u64 }),
  sum: bincode({ items: u64, returns: u64 }),
  times: bincode({ args: [u64], items: u64, returns: u64 }),
  upload: bincode({ items: bytes, returns: u64 }),
  download: bincode({ args: [u64, u64], returns: bytes }),
  nothing: bincode(),
};

/** A server's interface; `die` ends it without a farewell to anybody. */
export function served(die = () => {}) {
  let dropped = 0;
  let made = 0;
  return withSampler()
    .procedure(0, ([text]) => text, { codecs: [codecs.echo] })
    .sequence(1, function* ([to]) {
      for (let n = 0; n < to; n++) yield n;
    }, { codecs: [codecs.count] })
    .procedureWithItems(2, async ([], numbers) => {
      let sum = 0;
      for await (const n of numbers) sum += Number(n);
      return sum;
    }, { codecs: [codecs.sum] })
    .sequenceWithItems(3, async function* ([by], numbers) {
      for await (const n of numbers) yield Number(n) * Number(by);
    }, { codecs: [codecs.times] })
    .procedure(4, ([ms], { signal }) => new Promise((resolve) => {
      const timer = setTimeout(resolve, Number(ms), ms);
      signal.onabort = () => clearTimeout(timer);
    }), { codecs: [codecs.count] })
    .procedure(5, async ([text], { wire, codec }) => {
      const own = { bincode: codecs.echo, MessagePack: messagepack, JSON: json }[codec];
      return `back: ${await wire.call(0, [text], { codec: own })}`;
    }, { codecs: [codecs.echo] })
    .procedure(6, () => {
      throw new Status('NOT_FOUND', 'no such key');
    }, { codecs: [codecs.nothing] })
    .procedureWithItems(7, async ([], chunks) => {
      let sum = 0;
      for await (const chunk of chunks) sum += chunk.length;
      return sum;
    }, { codecs: [codecs.upload] })
    .sequence(8, function* ([chunks, length]) {
      const chunk = new Uint8Array(Number(length)).fill(7);
      for (let n = 0; n < chunks; n++) yield chunk;
    }, { codecs: [codecs.download] })
    .sequence(11, async function* ([], { signal }) {
      yield 0;
      await new Promise((resolve) => (signal.onabort = resolve));
      dropped++;
    }, { codecs: [bincode({ returns: u64 })] })
    .procedure(12, () => dropped > 0, { codecs: [bincode({ returns: bool })] })
    .procedure(13, () => dropped)
    .procedure(14, async ([], { wire }) => {
      // Leaves a stream of its caller.
      for await (const item of wire.stream(11)) return item;
    })
    .procedure(15, () => {
      throw new Status('CANCELLED', 'not today');
    })
    .sequence(16, function* () {
      for (; made < 100_000; made++) yield new Uint8Array(1000);
    })
    .procedure(17, () => made)
    .notification(18, die)
    .notification(19, ([text], { wire }) => wire.sendDatagram(19, [text]), { datagrams: true })
    .notification(20, (_, { wire }) => wire.close(3, 'who are you?'));
}
