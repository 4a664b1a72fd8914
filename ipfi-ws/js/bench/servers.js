// The answering ends of what is compared, each over a real WebSocket of the `ws` package; every one gives its address.
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { RpcTarget, newWebSocketRpcSession } from 'capnweb';
import Session, { selectSubprotocol } from '@moq/qmux';

import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import { Interface } from '../src/index.js';
import { CHUNK, PROCEDURES, RAW, counted, streamOf } from './clients.js';

/** @param {(socket: import('ws').WebSocket) => void} onSocket @param {object} [options] */
async function listen(onSocket, options) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, ...options });
  server.on('connection', onSocket);
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return `ws://127.0.0.1:${port}`;
}

export function ipfi() {
  const { echo, count, upload, chunks } = PROCEDURES;
  const offered = new Interface()
    .procedure(echo[0], ([text]) => text, { codecs: [echo[1]] })
    .sequence(count[0], function* ([to]) {
      for (let n = 0; n < to; n++) yield n;
    }, { codecs: [count[1]] })
    .sequence(chunks[0], function* ([number]) {
      for (let n = 0; n < number; n++) yield CHUNK;
    }, { codecs: [chunks[1]] })
    .procedureWithItems(upload[0], async (_, sent) => {
      let sum = 0;
      for await (const chunk of sent) sum += chunk.length;
      return sum;
    }, { codecs: [upload[1]] });
  return listen((socket) => acceptWebSocket(socket, { interface: offered }), { handleProtocols: () => SUBPROTOCOL });
}

export function capnweb() {
  class Api extends RpcTarget {
    echo(text) {
      return text;
    }

    count(to) {
      return streamOf(counted(to, (n) => n));
    }

    chunks(number) {
      return streamOf(counted(number, () => CHUNK));
    }

    async upload(stream) {
      let sum = 0;
      for await (const chunk of stream) sum += chunk.length;
      return sum;
    }
  }
  return listen((socket) => newWebSocketRpcSession(socket, new Api()));
}

export function qmux() {
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
  const accept = async (socket) => {
    const session = Session.accept(socket, { protocol: socket.protocol });
    const incoming = session.incomingBidirectionalStreams.getReader();
    for (let next = await incoming.read(); !next.done; next = await incoming.read()) serve(next.value).catch(() => {});
  };
  // How a connection ends is nobody's to read.
  return listen((socket) => accept(socket).catch(() => {}), { handleProtocols: (offered) => selectSubprotocol([...offered], RAW) });
}
