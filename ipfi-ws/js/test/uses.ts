// A program in TypeScript with a generated client: only compiled. Where the compiler must refuse something, it says so.
import { Interface } from '../src/index.js';
import type { Wire } from '../src/index.js';
import { TypedError, serve } from '../src/typed.js';
import { Sampler, SamplerClient } from './generated/ts/sampler.js';
import type { DivisionError, Form, Overflow, SamplerHandlers } from './generated/ts/sampler.js';

export async function client(wire: Wire) {
  const sampler = await SamplerClient.checked(wire);
  const text: string = await sampler.join(1, 2n, null, [3n], { timeout: 1000, priority: 1, signal: AbortSignal.timeout(10) });
  // @ts-expect-error an integer of 64 bits is a bigint
  await sampler.join(1, 2, null, []);
  // @ts-expect-error an option is null where there is nothing, and never left out
  await sampler.join(1, 2n, []);
  // @ts-expect-error the codec is not the caller's choice
  await sampler.logged({ codec: null });

  for await (const n of sampler.count(0n, 10n)) {
    const next: bigint = n + 1n;
    if (next > 5n) break;
  }
  const sum: bigint = await sampler.sum([1n, 2n]);
  // @ts-expect-error items have a type as well
  await sampler.sum(['a']);
  const call = sampler.times(2n);
  await call.send(sum);
  // @ts-expect-error and so have those that are sent one by one
  await call.send(text);
  const { value } = await call.next();
  call.end();
  const stream = sampler.forever();
  // @ts-expect-error nothing is sent to a procedure that takes no items
  stream.send(1n);
  stream.cancel();
  await sampler.shout('perhaps', { datagram: true });
  // @ts-expect-error this one does not go by datagram
  await sampler.log('certainly', { datagram: true });

  try {
    await sampler.divide(1, 0);
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    const why: DivisionError = error.value;
    if (why !== 'ByZero') console.log(why.Remainder.rest, value);
  }
}

export const label = (form: Form) => (typeof form === 'object' && 'Label' in form ? form.Label['font-size'] : null);

const handlers: Omit<SamplerHandlers, 'halve' | 'visit'> = {
  everything: (value) => value,
  join: (new_, with_, thisOne) => `${new_}${with_}${thisOne}`,
  *count(from, limit) {
    for (let n = from; n < limit; n++) yield n;
  },
  divide: async (number, by) => number / by,
  async sum(numbers, context) {
    let sum = context.remaining > 0 ? 0n : 1n;
    for await (const number of numbers) sum += number;
    if (sum > 2n ** 64n) throw new TypedError<Overflow>({ after: 1n });
    return sum;
  },
  echo: (lines) => lines,
  async *times(by, numbers) {
    for await (const number of numbers) yield number * by;
  },
  log: (line) => console.log(line),
  shout: async (line) => console.log(line),
  logged: () => [],
  refuse: () => {},
  never: () => new Promise(() => {}),
  forever: () => [1n],
  left: () => 0,
  raw: (length) => new Uint8Array(length),
};

export const offered = serve(new Interface(), Sampler, { ...handlers, halve: () => [1], visit: () => ['one'] });
// @ts-expect-error a method has no handler
serve(new Interface(), Sampler, handlers);
