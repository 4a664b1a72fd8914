// What is measured, by whoever offers `call`, `items`, `download` and `upload`: in Node and in a page.

const MS = 400;
const CHUNKS = 800;
const ITEMS = 20_000;

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

const CASES = {
  'unary, 1 at a time, calls/s': (each) => calls(each, 1),
  'unary, 64 outstanding, calls/s': (each) => calls(each, 64),
  'unary, 512 outstanding, calls/s': (each) => calls(each, 512),
  'one stream of numbers, items/s': ({ items }) => items && rate(() => items(ITEMS), ITEMS, 1),
  'download in 64 KiB chunks, MiB/s': async ({ download }) => (await rate(() => download(CHUNKS), CHUNKS, 65_536)) / 16,
  'upload in 64 KiB chunks, MiB/s': async ({ upload }) => (await rate(() => upload(CHUNKS), CHUNKS, 65_536)) / 16,
};

/** The table of medians, once the rounds are run: contestant after contestant in each, after one that warms up. */
export async function table(contestants, rounds) {
  const names = Object.keys(contestants);
  const lines = [`| ${['', ...names].join(' | ')} |`, `|---|${names.map(() => '--:|').join('')}`];
  for (const [name, measure] of Object.entries(CASES)) {
    const results = names.map(() => /** @type {any[]} */ ([]));
    for (let round = 0; round < rounds + 1; round++) {
      for (const [at, who] of names.entries()) {
        const seen = await Promise.resolve(measure(contestants[who])).catch((error) => String(error).slice(0, 60));
        if (round > 0 && seen) results[at].push(seen);
      }
    }
    const cells = results.map((all) => {
      if (all.length === 0) return '-';
      const wrong = all.find((seen) => typeof seen === 'string');
      if (wrong) return wrong;
      const median = all.sort((a, b) => a - b)[all.length >> 1];
      return `${Math.round(median).toLocaleString('en').replaceAll(',', ' ')}`;
    });
    lines.push(`| ${[name, ...cells].join(' | ')} |`);
  }
  return lines.join('\n');
}
