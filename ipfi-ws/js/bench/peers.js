// The same work by ipfi, capnweb and raw streams of @moq/qmux, each over a real WebSocket on this machine, both ends in
// this process, client and server of the `ws` package.
import { once } from 'node:events';
import WebSocketPackage, { WebSocketServer } from 'ws';
import { RpcTarget, newWebSocketRpcSession } from 'capnweb';
import Session, { selectSubprotocol } from '@moq/qmux';

import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import { Interface, connect } from '../src/index.js';
import { bincode, bytes, string, u64 } from '../src/codec/bincode.js';

export const TEXT = 'hello hello hello hello hello 32';
const CHUNK = new Uint8Array(65_536).fill(7);

/** @param {(socket: WebSocketPackage) => void} onSocket @param {object} [options] */
async function listen(onSocket, options) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  server.on('connection', onSocket);
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { url: `ws://127.0.0.1:${port}`, close: () => (server.clients.forEach((each) => each.terminate()), server.close()) };
}

export async function ipfi({ codec = 'MessagePack', WebSocket = WebSocketPackage } = {}) {
  const codecs = {
    echo: bincode({ args: [string], returns: string }),
    count: bincode({ args: [u64], returns: u64 }),
    chunks: bincode({ args: [u64], returns: bytes }),
    upload: bincode({ items: bytes, returns: u64 }),
  };
  const offered = new Interface()
    .procedure(0, ([text]) => text, { codecs: [codecs.echo] })
    .sequence(1, function* ([to]) {
      for (let n = 0; n < to; n++) yield n;
    }, { codecs: [codecs.count] })
    .sequence(2, function* ([chunks]) {
      for (let n = 0; n < chunks; n++) yield CHUNK;
    }, { codecs: [codecs.chunks] })
    .procedureWithItems(3, async (_, chunks) => {
      let sum = 0;
      for await (const chunk of chunks) sum += chunk.length;
      return sum;
    }, { codecs: [codecs.upload] });
  const { url, close } = await listen((socket) => acceptWebSocket(socket, { interface: offered }), {
    handleProtocols: () => SUBPROTOCOL,
    perMessageDeflate: false,
  });
  const wire = await connect(url, { WebSocket });
  const of = (name) => (codec === 'bincode' ? { codec: codecs[name] } : {});
  const echo = of('echo');
  return {
    call: () => wire.call(0, [TEXT], echo),
    async items(count) {
      let seen = 0;
      for await (const _ of wire.stream(1, [count], of('count'))) seen++;
      return seen;
    },
    async download(chunks) {
      let seen = 0;
      for await (const chunk of wire.stream(2, [chunks], of('chunks'))) seen += chunk.length;
      return seen;
    },
    upload: async (chunks) => Number(await wire.upload(3, [], (function* () {
      for (let n = 0; n < chunks; n++) yield CHUNK;
    })(), of('upload'))),
    close: () => (wire.close(), close()),
  };
}

export async function capnweb() {
  class Api extends RpcTarget {
    echo(text) {
      return text;
    }

    count(to) {
      let n = 0;
      return new ReadableStream({ pull: (controller) => (n < to ? controller.enqueue(n++) : controller.close()) });
    }

    chunks(count) {
      let n = 0;
      return new ReadableStream({ pull: (controller) => (n++ < count ? controller.enqueue(CHUNK) : controller.close()) });
    }

    async upload(stream) {
      let sum = 0;
      for await (const chunk of stream) sum += chunk.length;
      return sum;
    }
  }
  const { url, close } = await listen((socket) => newWebSocketRpcSession(socket, new Api()), { perMessageDeflate: false });
  const socket = new WebSocketPackage(url, { perMessageDeflate: false });
  await once(socket, 'open');
  const api = newWebSocketRpcSession(socket);
  const total = async (stream, size) => {
    let seen = 0;
    for await (const item of await stream) seen += size(item);
    return seen;
  };
  return {
    call: () => api.echo(TEXT),
    items: (count) => total(api.count(count), () => 1),
    download: (chunks) => total(api.chunks(chunks), ({ length }) => length),
    upload: (chunks) => {
      let n = 0;
      return api.upload(new ReadableStream({ pull: (controller) => (n++ < chunks ? controller.enqueue(CHUNK) : controller.close()) }));
    },
    close: () => (socket.terminate(), close()),
  };
}

/** A stream per call, its bytes as they are. */
export async function moqRaw() {
  const text = new TextEncoder().encode(TEXT);
  const serve = async ({ readable, writable }) => {
    const reader = readable.getReader();
    const first = (await reader.read()).value;
    const writer = writable.getWriter();
    if (first.length === 4) {
      for (let n = new DataView(first.buffer, first.byteOffset).getUint32(0); n > 0; n--) await writer.write(CHUNK);
    } else if (first.length === 1) {
      let sum = 0;
      for (let next = await reader.read(); !next.done; next = await reader.read()) sum += next.value.length;
      await writer.write(new TextEncoder().encode(String(sum)));
    } else {
      await writer.write(first);
    }
    await writer.close();
  };
  const { url, close } = await listen(async (socket) => {
    const session = Session.accept(socket, { protocol: socket.protocol });
    const incoming = session.incomingBidirectionalStreams.getReader();
    for (let next = await incoming.read(); !next.done; next = await incoming.read()) serve(next.value).catch(() => {});
  }, { handleProtocols: (offered) => selectSubprotocol([...offered], { protocols: ['bench'], versions: { bench: null } }), perMessageDeflate: false });
  const session = new Session(url, { protocols: ['bench'], versions: { bench: null } });
  await session.ready;
  const read = async (readable) => {
    let seen = 0;
    for await (const chunk of readable) seen += chunk.length;
    return seen;
  };
  return {
    async call() {
      const { readable, writable } = await session.createBidirectionalStream();
      const writer = writable.getWriter();
      writer.write(text);
      writer.close();
      return read(readable);
    },
    async download(chunks) {
      const { readable, writable } = await session.createBidirectionalStream();
      const writer = writable.getWriter();
      const count = new Uint8Array(4);
      new DataView(count.buffer).setUint32(0, chunks);
      writer.write(count);
      writer.close();
      return read(readable);
    },
    async upload(chunks) {
      const { readable, writable } = await session.createBidirectionalStream();
      const writer = writable.getWriter();
      await writer.write(new Uint8Array(1));
      for (let n = 0; n < chunks; n++) await writer.write(CHUNK);
      await writer.close();
      let text = '';
      for await (const chunk of readable) text += new TextDecoder().decode(chunk);
      return Number(text);
    },
    close: () => (session.close(), close()),
  };
}
