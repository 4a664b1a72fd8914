// F9 and F10 for typed interfaces: random descriptions become tables by `ipfi gen ts`, and random values of them, written by Rust's
// bincode, are read and written again by these: byte for byte the same. What is cut, or has something behind it, is refused, and
// about bytes that were damaged both sides have one opinion. `FUZZ_ROUNDS=2000 npm test test/typed_random.test.js` takes 100 000
// values.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { Writer } from '../src/bytes.js';
import { DEFAULT_LIMITS } from '../src/limits.js';
import { generate } from './generator.js';
import { rustPeer } from './rust_peer.js';

const COUNT = 50 * Number(process.env.FUZZ_ROUNDS ?? 60);
const SEED = Number(process.env.IPFI_SEED ?? Date.now() % 2 ** 32);
/** Each of the generated folders has so many values. */
const EACH = 3000;

let peer;

before(() => {
  peer = rustPeer();
});

/** Random descriptions, with their tables, and the lines of their values. */
async function made(t, seed, count) {
  const folder = mkdtempSync(join(tmpdir(), 'ipfi-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { stdout, status } = spawnSync(peer, ['random', `${seed}`, `${count}`], { encoding: 'utf8', maxBuffer: 1 << 30 });
  assert.equal(status, 0, `js-test-peer random ${seed} ${count}`);
  const [descriptions, ...lines] = stdout.slice(0, -1).split('\n');
  writeFileSync(join(folder, 'random.json'), descriptions);
  generate([join(folder, 'random.json'), '--js', '--out', folder, '--runtime', fileURLToPath(new URL('../src', import.meta.url))]);
  const tables = await Promise.all(
    JSON.parse(descriptions).map(async (_, n) => (await import(pathToFileURL(join(folder, `r${n}.js`)).href))[`R${n}`]),
  );
  return { tables, lines };
}

const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));

/** What bytes are when they were read and written, or null where they are no value. */
function again(codec, bytes) {
  let args;
  try {
    args = codec.decodeArgs(bytes, DEFAULT_LIMITS);
  } catch (error) {
    if (error.constructor.name !== 'DecodeError') throw error;
    return null;
  }
  const writer = new Writer();
  codec.encodeArgs(writer, args);
  return Buffer.from(writer.finish()).toString('hex');
}

for (let seed = SEED, left = COUNT; left > 0; seed++, left -= EACH) {
  const count = Math.min(left, EACH);
  test(`${count} random values of generated tables, read and written as Rust does: IPFI_SEED=${seed}`, async (t) => {
    const { tables, lines } = await made(t, seed, count);
    assert.ok(lines.length >= count);
    for (const line of lines) {
      const [n, m, hex, ...damaged] = line.split(' ');
      const { codec } = tables[n].methods[`m${m}`];
      const bytes = bytesOf(hex);
      assert.equal(again(codec, bytes), hex, line);
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(again(codec, bytes.subarray(0, length)), null, `cut to ${length} bytes: ${line}`);
      }
      assert.equal(again(codec, bytesOf(`${hex}00`)), null, `with something behind it: ${line}`);
      for (const pair of damaged) {
        const [input, became] = pair.split('=');
        const seen = again(codec, bytesOf(input));
        assert.equal(seen === null ? '-' : became === '+' ? '+' : seen, became, `damaged, ${input}: ${line}`);
      }
    }
  });
}
