// The interface `Sampler` of the Rust peer, served by JavaScript, and called: every kind of typed method, over whatever carries it.
import { Interface } from '../src/interface.js';
import { Status } from '../src/status.js';
import { TypedError, serve } from '../src/typed.js';
import { Sampler, SamplerClient } from './generated/sampler.js';

const HALF = 2 ** 31;
const LARGEST = 2n ** 64n - 1n;

/** `offered`, and the interface with it. */
export function withSampler(offered = new Interface()) {
  const log = [];
  let left = 0;
  return serve(offered, Sampler, {
    everything: (value) => value,
    join: (new_, with_, thisOne, options) => `${new_} ${with_} ${thisOne ?? ''} [${options.join(', ')}]`,
    *count(from, limit) {
      for (let n = from; n < limit; n++) yield n;
    },
    divide(number, by) {
      if (by === 0) throw new TypedError('ByZero');
      const rest = number % by;
      if (rest !== 0) throw new TypedError({ Remainder: { quotient: Math.trunc(number / by), rest } });
      return number / by;
    },
    async *halve(number) {
      for (; number % 2 === 0; number /= 2) yield number / 2;
      throw new TypedError({ Remainder: { quotient: Math.min((number - 1) / 2, HALF - 1), rest: 1 } });
    },
    async sum(numbers) {
      let [sum, after] = [0n, 0n];
      for await (const number of numbers) {
        sum += number;
        if (sum > LARGEST) throw new TypedError({ after });
        after++;
      }
      return sum;
    },
    async *echo(lines) {
      for await (const line of lines) yield `JavaScript: ${line}`;
    },
    async *times(by, numbers) {
      let after = 0n;
      for await (const number of numbers) {
        if (number * by > LARGEST) throw new TypedError({ after });
        yield number * by;
        after++;
      }
    },
    log: (line) => void log.push(line),
    shout: (line) => void log.push(line.toUpperCase()),
    logged: () => log,
    refuse(why) {
      throw new Status('PERMISSION_DENIED', why);
    },
    never: (context) => new Promise((resolve) => (context.signal.onabort = resolve)),
    *forever() {
      try {
        for (let n = 0n; ; n++) yield n;
      } finally {
        left++;
      }
    },
    left: () => left,
    raw: (length) => new Uint8Array(length).fill(7),
    async visit({ wire }) {
      return [await new SamplerClient(wire).join(1, -2n, 'x', [3n])];
    },
  });
}

/** A value that has something in every place. */
export const everything = () => ({
  yes: true,
  small: [255, 65_535, 2 ** 32 - 1, -128, -32_768, -(2 ** 31)],
  large: [LARGEST, 2n ** 128n - 1n, -(2n ** 63n), -(2n ** 127n)],
  real: [1.5, -0.1],
  letter: '𝄞',
  text: 'héllo',
  bytes: new Uint8Array([0, 255]),
  octets: new Uint8Array([1, 2, 255]),
  digest: new Uint8Array([9, 8, 7, 6]),
  matrix: Array.from({ length: 9 }, () => [-1, 300]),
  maybe: null,
  perhaps: { Some: null },
  present: { Some: undefined },
  list: [null, 2n ** 60n],
  table: new Map([['', []], ['a', [1n]]]),
  by_id: new Map([[LARGEST, [1, 'x']]]),
  nothing: undefined,
  marker: undefined,
  forms: [
    'Point', { Circle: 0.5 }, { Rect: [1, 70_000] }, { Label: { text: 'l', 'font-size': 12 } }, { Couple: [1, 2] }, { Void: undefined }, { 7: undefined },
  ],
  tree: { value: 1, children: [{ value: -2, children: [] }, { value: 3, children: [{ value: 4, children: [] }] }] },
  page: { items: [1n], next: 2n },
  outcome: { Err: 'no' },
  uuid: '67e55044-10b1-426f-9247-bb680e5fe0c8',
  addresses: ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', '::', 'fe80::1:0:0:1'],
  pause: { secs: 1n, nanos: 500_000_000 },
  'class-name': 'c',
});

/** Values as text, in which no two different ones are alike. */
const text = (value) =>
  JSON.stringify(value, (_, value) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Map) return { map: [...value] };
    if (value instanceof Uint8Array) return { bytes: [...value] };
    return value === undefined ? 'nothing' : value;
  });

const equal = (seen, expected) => {
  if (text(seen) !== text(expected)) throw new Error(`expected ${text(expected)}, saw ${text(seen)}`);
};

/** Polls for what the callee does, and gives up after half a minute. */
const until = async (holds) => {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > 30_000) throw new Error(`never: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};

const failure = async (promise) => {
  try {
    return { unexpected: await promise };
  } catch (error) {
    return error;
  }
};

/** What a typed error has in it. */
const valueOf = (error) => (error instanceof TypedError ? error.value : error);

/** How many checks there are. */
export const TYPED_CHECKS = 12;

/** Every kind of typed method, called at the peer of `wire`, which may call it back. */
export async function checkSampler(check, wire) {
  const sampler = new SamplerClient(wire);
  await check('typed: a value of every type comes back as it went', async () => {
    equal(await sampler.everything(everything()), everything());
    equal(await sampler.join(1, -2n, null, [3n, 4]), '1 -2  [3, 4]');
  });
  await check('typed: a sequence, and one that is left', async () => {
    const items = [];
    for await (const n of sampler.count(5n, 8n)) items.push(n);
    equal(items, [5n, 6n, 7n]);
    const before = await sampler.left();
    for await (const n of sampler.forever()) if (n > 10n) break;
    await until(async () => (await sampler.left()) > before);
    const stream = sampler.forever();
    equal((await stream.next()).value, 0n);
    stream.cancel();
  });
  await check('typed: an answer, and an error of its own', async () => {
    equal(await sampler.divide(-6, 3), -2);
    equal(valueOf(await failure(sampler.divide(1, 0))), 'ByZero');
    equal(valueOf(await failure(sampler.divide(7, 3))), { Remainder: { quotient: 2, rest: 1 } });
  });
  await check('typed: items, and an error that ends them', async () => {
    const halves = [];
    const error = await failure((async () => {
      for await (const half of sampler.halve(12)) halves.push(half);
    })());
    equal([halves, valueOf(error)], [[6, 3], { Remainder: { quotient: 1, rest: 1 } }]);
    const calls = wire.stats.callsOut;
    equal((await sampler.halve(2).next()).value, 1);
    if (wire.stats.callsOut > calls + 1) throw new Error('an ended call is still there');
  });
  await check('typed: a stream of items to the callee, and an error for it', async () => {
    equal(await sampler.sum([1n, 2n, 3]), 6n);
    equal(valueOf(await failure(sampler.sum((async function* () {
      yield 1n;
      yield LARGEST;
    })()))), { after: 1n });
  });
  await check('typed: items both ways, from a source and one by one', async () => {
    const lines = [];
    for await (const line of sampler.echo(['a', 'b'])) lines.push(line.split(': ')[1]);
    equal(lines, ['a', 'b']);
    const call = sampler.times(3n);
    for (const n of [1n, 2n, 3n]) {
      equal(await call.send(n), true);
      equal((await call.next()).value, n * 3n);
    }
    await call.send(LARGEST);
    equal(valueOf(await failure(call.next())), { after: 3n });
  });
  await check('typed: notifications', async () => {
    await sampler.log('by a stream');
    await until(async () => (await sampler.logged()).includes('by a stream'));
    await until(async () => {
      // It may be lost on its way.
      await sampler.shout('by a datagram', { datagram: wire.maxDatagramBytes > 0 });
      return (await sampler.logged()).includes('BY A DATAGRAM');
    });
  });
  await check('typed: a status', async () => {
    const { name, code, text } = await failure(sampler.refuse('no'));
    equal([name, code, text], ['Status', 'PERMISSION_DENIED', 'no']);
  });
  await check('typed: the deadline of the attribute, one of the call, and a signal', async () => {
    equal((await failure(sampler.never())).code, 'DEADLINE_EXCEEDED');
    equal((await failure(sampler.everything(everything(), { timeout: 0 }))).code, 'DEADLINE_EXCEEDED');
    equal((await failure(sampler.never({ timeout: 60_000, signal: AbortSignal.abort() }))).code, 'CANCELLED');
  });
  await check('typed: bytes as they are', async () => {
    equal(await sampler.raw(3), new Uint8Array([7, 7, 7]));
  });
  await check('typed: what does not fit its type is refused here', async () => {
    equal((await failure(sampler.join(256, 0n, null, []))).name, 'Status');
    equal((await failure(sampler.everything({ ...everything(), digest: new Uint8Array(3) }))).name, 'Status');
    equal((await failure(sampler.everything({ ...everything(), uuid: 'x' }))).name, 'Status');
  });
  await check('typed: the callee calls every method of its caller', async () => {
    const held = await sampler.visit();
    if (held.length < 1) throw new Error('nothing held');
    // JavaScript calls one method, and does not say what it serves.
    if (held.length > 1) equal(await (await SamplerClient.checked(wire)).join(1, 2n, 'x', []), '1 2 x []');
  });
}
