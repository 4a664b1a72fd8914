// Rates of ipfi beside capnweb and raw streams of @moq/qmux. `npm run bench [rounds]`. Runs are interleaved; medians.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const major = Number(process.versions.node.split('.')[0]);
if (major < 22) {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  const { status } = spawnSync(node, process.argv.slice(1), { stdio: 'inherit' });
  process.exit(status ?? 1);
}

const peers = await import('./peers.js');
const rounds = Number(process.argv[2] ?? 5);
const MS = 400;

const contestants = {
  ipfi: await peers.ipfi(),
  'ipfi, bincode': await peers.ipfi({ codec: 'bincode' }),
  capnweb: await peers.capnweb(),
  '@moq/qmux, raw streams': await peers.moqRaw(),
};

/** Calls in a second with `outstanding` at once. */
async function calls({ call }, outstanding) {
  let done = 0;
  const began = performance.now();
  const until = began + MS;
  const caller = async () => {
    while (performance.now() < until) {
      await call();
      done++;
    }
  };
  await Promise.all(Array.from({ length: outstanding }, caller));
  return done / ((performance.now() - began) / 1000);
}

async function rate(act, amount, unit) {
  const began = performance.now();
  const seen = await act();
  if (seen !== amount * unit) throw new Error(`${seen} came in place of ${amount * unit}`);
  return amount / ((performance.now() - began) / 1000);
}

const CHUNKS = 800;
const cases = {
  'unary, 1 at a time, calls/s': (each) => calls(each, 1),
  'unary, 64 outstanding, calls/s': (each) => calls(each, 64),
  'unary, 512 outstanding, calls/s': (each) => calls(each, 512),
  'one stream of numbers, items/s': ({ items }) => items && rate(() => items(20_000), 20_000, 1),
  'download in 64 KiB chunks, MiB/s': async ({ download }) => (await rate(() => download(CHUNKS), CHUNKS, 65_536)) / 16,
  'upload in 64 KiB chunks, MiB/s': async ({ upload }) => (await rate(() => upload(CHUNKS), CHUNKS, 65_536)) / 16,
};

const names = Object.keys(contestants);
console.log(`| ${['', ...names].join(' | ')} |`);
console.log(`|---|${names.map(() => '--:|').join('')}`);
for (const [name, measure] of Object.entries(cases)) {
  const results = names.map(() => /** @type {number[]} */ ([]));
  for (let round = 0; round < rounds + 1; round++) {
    for (const [at, who] of names.entries()) {
      const seen = await Promise.resolve(measure(contestants[who])).catch((error) => String(error).slice(0, 60));
      if (round > 0 && seen) results[at].push(seen);
    }
  }
  const cells = results.map((all) => {
    if (all.length === 0) return '-';
    if (typeof all[0] === 'string') return all[0];
    const median = all.sort((a, b) => a - b)[all.length >> 1];
    return `${Math.round(median).toLocaleString('en').replaceAll(',', ' ')}`;
  });
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}
process.exit(0);
