// F9: random values come back from Rust as they went, in every codec: Rust decodes what JavaScript encodes, and the other way.
// `FUZZ_ROUNDS=2000 npm test test/differential.test.js` sends 100 000.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import * as b from '../src/codec/bincode.js';
import { json } from '../src/codec/json.js';
import { messagepack } from '../src/codec/messagepack.js';
import { connectPipe } from '../src/pipe.js';
import { random, range } from './kit.js';
import { rustPeer } from './rust_peer.js';

const CALLS = Math.ceil(Number(process.env.FUZZ_ROUNDS ?? 60) / 3);
const EACH = 50;

/** `Every` of the Rust peer. */
const Every = b.struct({
  small: b.u8,
  signed: b.i16,
  large: b.u64,
  deep: b.i64,
  real: b.f64,
  yes: b.bool,
  letter: b.char,
  text: b.string,
  raw: b.bytes,
  maybe: b.option(b.u32),
  list: b.seq(b.i32),
  table: b.map(b.string, b.u32),
  pair: b.tuple(b.u8, b.string),
  shape: b.enumeration({ Point: b.unit, Circle: b.f64, Label: b.struct({ text: b.string }) }),
  nothing: b.unit,
  inner: b.option(b.lazy(() => Every)),
});

/** An integer of so many bits, often at an end of what they hold. */
function integer(next, bits, signed) {
  const [least, most] = signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n];
  const edges = [least, most, 0n, 1n, 250n, 251n, 252n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 53n - 1n, 2n ** 53n, -1n, -33n, -129n];
  const any = (BigInt(next(2 ** 32)) << 32n) | BigInt(next(2 ** 32));
  const value = next(2) ? edges[next(edges.length)] : signed ? BigInt.asIntN(bits, any) : BigInt.asUintN(bits, any);
  const kept = value < least || value > most ? 7n : value;
  return kept >= Number.MIN_SAFE_INTEGER && kept <= Number.MAX_SAFE_INTEGER ? Number(kept) : kept;
}

function real(next) {
  const value = [next(1000), -next(1000) - 0.5, next(2 ** 32) / 7, 1e300 / (next(9) + 1), 5e-324 * next(9)][next(5)];
  return Object.is(value, -0) ? 0 : value;
}

const letter = (next) => String.fromCodePoint([next(128), 0x80 + next(0x700), 0x4e00 + next(0x1000), 0x1f600 + next(60), 0x10ffff][next(5)]);
const text = (next) => range(next(next(8) === 0 ? 200 : 12)).map(() => letter(next)).join('');

function every(next, depth = 0) {
  return {
    small: integer(next, 8),
    signed: integer(next, 16, true),
    large: integer(next, 64),
    deep: integer(next, 64, true),
    real: real(next),
    yes: next(2) === 1,
    letter: letter(next),
    text: text(next),
    raw: Uint8Array.from(range(next(next(9) === 0 ? 700 : 9)), () => next(256)),
    maybe: next(2) ? integer(next, 32) : null,
    list: range(next(20)).map(() => integer(next, 32, true)),
    table: new Map(range(next(5)).map((n) => [`${n}${text(next)}`, integer(next, 32)])),
    pair: [integer(next, 8), text(next)],
    shape: ['Point', { Circle: real(next) }, { Label: { text: text(next) } }][next(3)],
    nothing: undefined,
    inner: depth < 3 && next(3) === 0 ? every(next, depth + 1) : null,
  };
}

/** As JSON has it: bytes are numbers, and a map is an object; what is nothing is null. Bincode gives 64 bits as bigints. */
function plain(value) {
  if (typeof value === 'bigint' && BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))) return Number(value);
  if (value instanceof Uint8Array) return [...value];
  if (value instanceof Map) return Object.fromEntries(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value ?? null;
}

test(`${CALLS * EACH * 3} random values come back from Rust as they went, in three codecs`, { timeout: 3_600_000 }, async (t) => {
  const server = spawn(rustPeer(), ['serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill());
  const [port] = await once(createInterface(server.stdout), 'line');
  const wire = await connectPipe(connect({ port: Number(port), host: '127.0.0.1', noDelay: true }));
  const next = random(9);
  const typed = b.bincode({ args: [b.seq(Every)], returns: b.seq(Every) });
  for (const codec of [typed, messagepack, json]) {
    for (let call = 0; call < CALLS; call++) {
      const values = range(EACH).map(() => every(next));
      // An undefined member is none in MessagePack, and Rust wants all of them.
      const sent = codec === typed ? values : codec === json ? values.map(plain) : values.map(named);
      const back = await wire.call(21, [sent], { codec });
      assert.deepEqual(plain(back), plain(values), `${codec.name ?? 'bincode'}, call ${call}`);
    }
  }
  wire.close();
});

/** With null where nothing is. */
const named = (value) => ({ ...value, nothing: null, inner: value.inner && named(value.inner) });
