// What Deno runs (`deno.test.js`): `connect URL` makes all checks against a server and prints what it has seen, `serve` is a
// server and prints its URL, `pipe PORT` calls a server of TCP.
import { SUBPROTOCOL, acceptWebSocket } from '../src/carrier/websocket.js';
import { connectPipe } from '../src/pipe.js';
import { checks } from './checks.js';
import { served } from './served.js';

const [what, where, hash] = Deno.args;

switch (what) {
  case 'connect': {
    const certificate = hash && { serverCertificateHashes: [{ algorithm: 'sha-256', value: Uint8Array.fromHex(hash) }] };
    console.log(JSON.stringify(await checks(where, certificate || {})));
    break;
  }
  case 'serve': {
    const offered = served(() => Deno.exit(0));
    const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: ({ port }) => console.log(`ws://127.0.0.1:${port}`) }, (request) => {
      const offers = request.headers.get('sec-websocket-protocol')?.split(/, */) ?? [];
      if (!offers.includes(SUBPROTOCOL)) return new Response(`the subprotocol is ${SUBPROTOCOL}`, { status: 400 });
      const { socket, response } = Deno.upgradeWebSocket(request, { protocol: SUBPROTOCOL });
      socket.onopen = () => acceptWebSocket(socket, { interface: offered, protocol: SUBPROTOCOL }).catch(() => {});
      return response;
    });
    await server.finished;
    break;
  }
  case 'pipe': {
    const { connect } = await import('node:net');
    const wire = await connectPipe(connect({ port: Number(where), host: '127.0.0.1' }));
    const items = [];
    for await (const item of wire.stream(1, [1000])) items.push(item);
    const large = new Uint8Array(1 << 20).fill(5);
    const up = await wire.upload(7, [], [large, large]);
    console.log(JSON.stringify([await wire.call(0, ['é']), items.length, up]));
    wire.close();
    await wire.closed;
    Deno.exit(0);
  }
}
