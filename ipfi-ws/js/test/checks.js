// What the client does with a server of the interface in `served.js`, alike in Node and in a page, over every carrier.
import { bincode, string, u64 } from '../src/codec/bincode.js';
import { Interface, connect, json } from '../src/index.js';
import { TYPED_CHECKS, checkSampler, withSampler } from './sampler.js';

const equal = (seen, expected) => {
  const [a, b] = [seen, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`expected ${b}, saw ${a}`);
};
const collect = async (items) => {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
};
const range = (to) => Array.from({ length: to }, (_, n) => n);
/** Polls for what another program does, and gives up after half a minute. */
const until = async (holds) => {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > 30_000) throw new Error(`never: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** How many checks there are in Node, and in a page. */
export const CHECKS = 11 + TYPED_CHECKS;
export const PAGE_CHECKS = 13 + TYPED_CHECKS;

/** Runs all checks against the server at `url`, which the last one ends; `begun` is told of each before. `dial` connects, if it is not ours that is checked. */
export async function checks(url, { dial = connect, ...options } = {}, begun = async () => {}) {
  const results = [];
  const check = async (name, act) => {
    await begun(name);
    const began = performance.now();
    try {
      await act();
      results.push({ name, ms: Math.round(performance.now() - began) });
    } catch (error) {
      results.push({ name, error: String(error?.stack ?? error) });
    }
  };
  let left = false;
  const heard = [];
  // Rust calls in bincode.
  const offered = new Interface()
    .procedure(0, ([text]) => text, { codecs: [bincode({ args: [string], returns: string })] })
    .sequence(11, async function* (_, { signal }) {
      yield 0;
      await new Promise((resolve) => (signal.onabort = resolve));
      left = true;
    }, { codecs: [bincode({ returns: u64 })] })
    .notification(19, ([text]) => heard.push(text), { codecs: [bincode({ args: [string] })], datagrams: true });
  const wire = await dial(url, { ...options, interface: withSampler(offered) });

  await check('every kind of call', async () => {
    for (const options of [{}, { codec: json }]) {
      equal(await wire.call(0, ['é'], options), 'é');
      equal(await collect(wire.stream(1, [1000], options)), range(1000));
      equal(await wire.upload(2, [], range(1000), options), 499_500);
      equal(await collect(wire.duplex(3, [3], range(100), options)), range(100).map((n) => n * 3));
    }
  });
  await check('the server calls back', async () => equal(await wire.call(5, ['hi']), 'back: hi'));
  await check('an error is a Status', async () => {
    const errors = [6, 99].map((procedure) => wire.call(procedure).catch(({ code, text }) => [code, text]));
    const [known, unknown] = await Promise.all(errors);
    equal([known, unknown[0]], [['NOT_FOUND', 'no such key'], 'UNIMPLEMENTED']);
  });
  await check('this side cancels: a stream that is left, a signal, a deadline', async () => {
    const before = await wire.call(13);
    for await (const n of wire.stream(11)) {
      equal(n, 0);
      break;
    }
    await until(async () => (await wire.call(13)) > before);
    const controller = new AbortController();
    const call = wire.call(4, [60_000], { signal: controller.signal }).catch(({ code }) => code);
    await wire.call(0, ['beside']);
    controller.abort();
    equal(await call, 'CANCELLED');
    equal(await wire.call(4, [60_000], { timeout: 20 }).catch(({ code }) => code), 'DEADLINE_EXCEEDED');
  });
  await check('the server cancels: a stream of this side that it leaves, a call that it answers so', async () => {
    equal(await wire.call(14), 0);
    await until(() => left);
    equal(await wire.call(15).catch(({ code, text }) => [code, text]), ['CANCELLED', 'not today']);
  });
  await check('1000 concurrent streams', async () => {
    const all = await Promise.all(range(1000).map((n) => collect(wire.stream(1, [n % 50]))));
    all.forEach((items, n) => equal(items, range(n % 50)));
  });
  await check('a slow consumer holds nobody up, and no more is made than it takes', async () => {
    const items = wire.stream(16);
    for (let n = 0; n < 5; n++) {
      await items.next();
      equal(await wire.call(0, ['beside']), 'beside');
    }
    const made = await wire.call(17);
    // Chromium itself takes 6 MiB of a stream of WebTransport before its page has asked for them.
    const most = url.startsWith('https:') ? 6600 : 3000;
    if (made > most) throw new Error(`${made} items were made for 5`);
    items.cancel();
  });
  await check('100 MB each way, at once', async () => {
    const chunk = new Uint8Array(65_536).fill(3);
    const up = wire.upload(7, [], (function* () {
      for (let n = 0; n < 1600; n++) yield chunk;
    })());
    let seen = 0;
    for await (const piece of wire.stream(8, [1600, 65_536])) seen += piece.length;
    equal([await up, seen], [1600 * 65_536, 1600 * 65_536]);
  });
  await checkSampler(check, wire);
  await check('a datagram to the server, and one back', async () => {
    await until(() => wire.sendDatagram(19, ['perhaps']) && heard.length > 0);
    equal(heard[0], 'perhaps');
  });
  await check('the server closes: its code and its reason arrive', async () => {
    const other = await dial(url, options);
    const waiting = other.call(4, [60_000]).catch(({ code }) => code);
    await other.call(0, ['beside']);
    await other.notify(20);
    const { kind, code, message } = await other.closed;
    equal([kind, code, message.includes('who are you?'), await waiting], ['peer', 3, true, 'UNAVAILABLE']);
  });
  if (typeof document !== 'undefined') {
    await check('pipeTo a WritableStream', async () => {
      const call = wire.duplex(2);
      const numbers = new TransformStream({ transform: (_, controller) => [1, 2, 3].forEach((n) => controller.enqueue(n)) });
      await new Blob(['x']).stream().pipeThrough(numbers).pipeTo(call.writable);
      equal(await call.answer(), 6);
    });
    await check('the tab is closed in mid-stream', async () => {
      const before = await wire.call(13);
      const streaming = new Promise((resolve) => (window.onmessage = ({ data }) => resolve(data)));
      const tab = open(`/test/chromium_tab.html${location.search}`);
      equal(await streaming, 'in mid-stream');
      equal(await wire.call(13), before);
      tab.close();
      await until(async () => (await wire.call(13)) > before);
    });
  }
  await check('the server is killed in mid-stream', async () => {
    const items = wire.stream(11);
    await items.next();
    const waiting = wire.call(4, [60_000]).catch(({ code }) => code);
    await wire.notify(18);
    equal([await items.next().catch(({ code }) => code), await waiting], ['UNAVAILABLE', 'UNAVAILABLE']);
    equal((await wire.closed).kind, 'lost');
  });
  return results;
}
