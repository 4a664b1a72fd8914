// Rates of ipfi beside capnweb and raw streams of @moq/qmux. `npm run bench [rounds]`: both ends in this process. With
// `npm run bench -- chromium [rounds]` a page calls, the servers are this process and the Rust server of the tests.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const major = Number(process.versions.node.split('.')[0]);
if (major < 22) {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  const { status } = spawnSync(node, process.argv.slice(1), { stdio: 'inherit' });
  process.exit(status ?? 1);
}

const servers = await import('./servers.js');
const chromium = process.argv[2] === 'chromium';
const rounds = Number(process.argv[chromium ? 3 : 2] ?? 5);

async function inNode() {
  const [{ WebSocket }, clients, { table }] = await Promise.all([import('ws'), import('./clients.js'), import('./cases.js')]);
  // As the servers do not compress either.
  class Socket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { perMessageDeflate: false });
    }
  }
  const url = await servers.ipfi();
  const contestants = {
    ipfi: await clients.ipfi(url, { WebSocket: Socket }),
    'ipfi, bincode': await clients.ipfi(url, { codec: 'bincode', WebSocket: Socket }),
    capnweb: await clients.capnweb(await servers.capnweb(), /** @type {any} */ (Socket)),
    '@moq/qmux, raw streams': await clients.qmux(await servers.qmux()),
  };
  return table(contestants, rounds);
}

async function inChromium(after) {
  const [{ openPage, serveFiles }, { rustPeer }] = await Promise.all([import('../test/browser.js'), import('../test/rust_peer.js')]);
  const scope = { after, diagnostic: console.error };
  const { origin, results } = await serveFiles(scope);
  const rust = spawn(rustPeer(), ['serve-ws', origin], { stdio: ['ignore', 'pipe', 'inherit'] });
  after(() => rust.kill());
  const [line] = await once(rust.stdout, 'data');
  const addresses = {
    rust: String(line).trim().split(' ')[0],
    ipfi: await servers.ipfi(),
    capnweb: await servers.capnweb(),
    qmux: await servers.qmux(),
    rounds,
  };
  openPage(scope, `${origin}/bench/page.html?${new URLSearchParams(Object.entries(addresses).map(([name, value]) => [name, String(value)]))}`);
  return results;
}

const ends = [];
try {
  console.log(await (chromium ? inChromium((end) => ends.unshift(end)) : inNode()));
} finally {
  for (const end of ends) await end();
}
process.exit(0);
