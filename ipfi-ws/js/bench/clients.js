// The calling ends of what is compared, for Node and for pages: each given its server's address.
import { newWebSocketRpcSession } from 'capnweb';
import Session from '@moq/qmux';

import { connect } from '../src/index.js';
import { bincode, bytes, string, u64 } from '../src/codec/bincode.js';

const TEXT = 'hello hello hello hello hello 32';
export const CHUNK = new Uint8Array(65_536).fill(7);

/** The procedures, as the Rust server of the tests has them: their numbers, and what they take in bincode. */
export const PROCEDURES = {
  echo: [0, bincode({ args: [string], returns: string })],
  count: [1, bincode({ args: [u64], returns: u64 })],
  upload: [7, bincode({ items: bytes, returns: u64 })],
  chunks: [8, bincode({ args: [u64, u64], returns: bytes })],
};

/** Chunks as an iterable. */
function* some(chunks) {
  for (let n = 0; n < chunks; n++) yield CHUNK;
}

/** Chunks as a stream, which the others take. */
export function streamOf(next) {
  return new ReadableStream({
    pull(controller) {
      const value = next();
      if (value === undefined) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** The next of so many. */
export const counted = (count, value) => {
  let n = 0;
  return () => (n < count ? value(n++) : undefined);
};

const sizes = async (chunks) => {
  let seen = 0;
  for await (const chunk of chunks) seen += chunk.length;
  return seen;
};

const amount = async (items) => {
  let seen = 0;
  for await (const _ of items) seen++;
  return seen;
};

export async function ipfi(url, { codec = 'MessagePack', ...options } = {}) {
  const wire = await connect(url, options);
  const of = (name) => {
    const [number, shape] = PROCEDURES[name];
    return [number, codec === 'bincode' ? { codec: shape } : {}];
  };
  const [[echo, inEcho], [count, inCount], [upload, inUpload], [chunks, inChunks]] = ['echo', 'count', 'upload', 'chunks'].map(of);
  return {
    call: () => wire.call(echo, [TEXT], inEcho),
    items: (to) => amount(wire.stream(count, [to], inCount)),
    download: (number) => sizes(wire.stream(chunks, [number, CHUNK.length], inChunks)),
    upload: async (number) => Number(await wire.upload(upload, [], some(number), inUpload)),
  };
}

export async function capnweb(url, Socket = WebSocket) {
  const socket = new Socket(url);
  await new Promise((open, failed) => {
    socket.addEventListener('open', open);
    socket.addEventListener('error', failed);
  });
  const api = newWebSocketRpcSession(socket);
  return {
    call: () => api.echo(TEXT),
    items: async (to) => amount(await api.count(to)),
    download: async (number) => sizes(await api.chunks(number)),
    upload: (number) => api.upload(streamOf(counted(number, () => CHUNK))),
  };
}

/** What its server and its clients say they speak. */
export const RAW = { protocols: ['bench'], versions: { bench: null } };

/** A stream per call, its bytes as they are. The length of the first ones says what is wanted. */
export async function qmux(url) {
  const session = new Session(url, RAW);
  await session.ready;
  const text = new TextEncoder().encode(TEXT);
  const ask = async (request) => {
    const { readable, writable } = await session.createBidirectionalStream();
    const writer = writable.getWriter();
    writer.write(request);
    writer.close();
    return sizes(readable);
  };
  return {
    call: () => ask(text),
    download(chunks) {
      const count = new Uint8Array(4);
      new DataView(count.buffer).setUint32(0, chunks);
      return ask(count);
    },
    async upload(chunks) {
      const { readable, writable } = await session.createBidirectionalStream();
      const writer = writable.getWriter();
      await writer.write(new Uint8Array(1));
      for (const chunk of some(chunks)) await writer.write(chunk);
      await writer.close();
      let text = '';
      for await (const chunk of readable) text += new TextDecoder().decode(chunk);
      return Number(text);
    },
  };
}
