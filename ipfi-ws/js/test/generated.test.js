// What `ipfi gen ts` writes: the files here are what it would write, TypeScript takes them in its strictest mode, and nothing that a
// hostile server says does anything in them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { COMMAND, generate } from './generator.js';
import { rustPeer, serveWeb } from './rust_peer.js';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const SCHEMA = path('./generated/sampler.json');

/** A folder, until the test ends. */
function folder(t) {
  const made = mkdtempSync(join(tmpdir(), 'ipfi-'));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

test('the schema is what the Rust peer serves, and the files are made of it', async (t) => {
  const { stdout } = spawnSync(rustPeer(), ['schema'], { encoding: 'utf8' });
  assert.equal(readFileSync(SCHEMA, 'utf8'), stdout, 'js-test-peer schema > test/generated/sampler.json');
  generate([SCHEMA, '--js', '--runtime', '../../src', '--out', path('./generated'), '--check']);
  generate([SCHEMA, '--runtime', '../../../src', '--out', path('./generated/ts'), '--check']);
  // A server says the same of itself.
  const { ws } = await serveWeb(t, rustPeer(), 'null');
  generate([ws, '--interface', 'Sampler', '--runtime', '../../../src', '--out', path('./generated/ts'), '--check']);
});

test('a file that is not as it would be is named, with its line', (t) => {
  const out = folder(t);
  const { stderr } = generate([SCHEMA, '--out', out, '--check'], { status: 1 });
  assert.match(stderr, /sampler\.ts: not there/);
  generate([SCHEMA, '--out', out]);
  const file = join(out, 'sampler.ts');
  writeFileSync(file, readFileSync(file, 'utf8').replace('A number of its own', 'Something else'));
  assert.match(generate([SCHEMA, '--out', out, '--check'], { status: 1 }).stderr, /sampler\.ts:\d+: .*\n- .*Something else.*\n\+ .*A number of its own/);
});

test('TypeScript takes what was written, and what does not fit is an error', { timeout: 120_000 }, () => {
  const tsc = spawnSync(process.execPath, [path('../node_modules/typescript/bin/tsc'), '-p', path('./generated/tsconfig.json')], { encoding: 'utf8' });
  assert.equal(tsc.status, 0, tsc.stdout);
});

test('Node runs the TypeScript as it is', async () => {
  const { SamplerClient } = await import('./generated/ts/sampler.ts');
  const calls = [];
  const sampler = new SamplerClient({ call: async (...call) => calls.push(call) });
  await sampler.join(1, 2n, null, []);
  assert.deepEqual(calls[0].slice(0, 2), [968641394, [1, 2n, null, []]]);
});

test('nothing that a server says does anything in what is written', { timeout: 120_000 }, async (t) => {
  const out = folder(t);
  const hostile = "*/ globalThis.evil = 1; /* ' + (globalThis.evil = 1) + ' \" ` ${globalThis.evil = 1} \\ \r\n globalThis.evil = 1 \u2028globalThis.evil = 1\u2029 \u202e </script>";
  const doc = hostile;
  const named = { named: [{ name: hostile, doc, shape: 'u8', default: false }, { name: '1', doc, shape: 'u16', default: false }] };
  const types = [
    { name: hostile, doc, closed: false, form: { enum: [{ name: hostile, doc, fields: 'unit' }, { name: '0', doc, fields: named }] } },
    { name: 'Promise', doc, closed: false, form: { struct: named } },
  ];
  const method = {
    name: hostile, doc, index: 1, kind: 'sequence_with_items', idempotent: true, datagram: false, timeout_ms: 1,
    parameters: [{ name: hostile, shape: { type: hostile } }, { name: hostile, shape: { type: 'Promise' } }, { name: 'arguments', shape: 'unit' }],
    items: { type: hostile }, answer: { option: { type: 'Promise' } }, error: { type: hostile },
  };
  writeFileSync(join(out, 'hostile.json'), JSON.stringify([{ name: hostile, doc, types, methods: [method, { ...method, index: 2 }] }]));
  const src = path('../src');
  const names = generate([join(out, 'hostile.json'), '--js', '--runtime', src, '--out', join(out, 'js')]).stdout.trim().split('\n');
  generate([join(out, 'hostile.json'), '--runtime', src, '--out', join(out, 'ts')]);
  assert.equal(names.length, 2);
  const made = await import(pathToFileURL(names[0]).href);
  assert.equal(globalThis.evil, undefined);
  const [client] = Object.keys(made).filter((name) => name.endsWith('Client'));
  assert.deepEqual(Object.getOwnPropertyNames(made[client].prototype).length, 3);
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(out, 'tsconfig.json'), readFileSync(path('./generated/tsconfig.json'), 'utf8').replace(', "../uses.ts"', ''));
  const tsc = spawnSync(process.execPath, [path('../node_modules/typescript/bin/tsc'), '-p', out], { encoding: 'utf8' });
  assert.equal(tsc.status, 0, tsc.stdout);
});

test('whoever watches a file has it written anew when it changes', { timeout: 120_000 }, async (t) => {
  const out = folder(t);
  const schema = join(out, 'schema.json');
  copyFileSync(SCHEMA, schema);
  generate([schema, '--out', out]);
  rmSync(join(out, 'sampler.ts'));
  const watching = spawn(COMMAND, ['gen', 'ts', schema, '--out', out, '--watch'], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => watching.kill('SIGKILL'));
  const lines = createInterface(watching.stdout)[Symbol.asyncIterator]();
  assert.match((await lines.next()).value, /sampler\.ts$/);
  writeFileSync(schema, '[');
  assert.match((await once(createInterface(watching.stderr), 'line'))[0], /schema\.json/);
  writeFileSync(schema, readFileSync(SCHEMA, 'utf8').replace('A number of its own.', 'Another text.'));
  assert.match((await lines.next()).value, /sampler\.ts, from line \d+ on$/);
  assert.match(readFileSync(join(out, 'sampler.ts'), 'utf8'), /Another text\./);
});

test('whoever watches a server has files written anew when another takes its place', { timeout: 120_000 }, async (t) => {
  const out = folder(t);
  const server = spawn(rustPeer(), ['serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill('SIGKILL'));
  const [port] = await once(createInterface(server.stdout), 'line');
  const watching = spawn(COMMAND, ['gen', 'ts', `tcp://127.0.0.1:${port}`, '--out', out, '--watch'], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => watching.kill('SIGKILL'));
  const lines = createInterface(watching.stdout)[Symbol.asyncIterator]();
  assert.match((await lines.next()).value, /sampler\.ts$/);
  // What is missing when it asks again is written again.
  rmSync(join(out, 'sampler.ts'));
  server.kill('SIGKILL');
  assert.match((await once(createInterface(watching.stderr), 'line'))[0], /^error: /);
  assert.equal(existsSync(join(out, 'sampler.ts')), false);
  const another = spawn(rustPeer(), ['serve', port], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => another.kill('SIGKILL'));
  assert.match((await lines.next()).value, /sampler\.ts$/);
});
