// The pages of the examples call by modules that `ipfi gen ts` made, from running servers and from a file.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';

import { example, root, run } from './pages.js';

const check = (source, page) => run('ipfi', ['gen', 'ts', source, '--js', '--runtime', './ipfi', '--out', `${root}/examples/${page}/page`, '--check']);

test("the chat's and the job's typed modules are what their servers say", async (t) => {
  const [, , tcp] = await example(t, 'chat').line(/^open (\S+) in two tabs.* (tcp:\S+)$/);
  check(tcp, 'chat');
  const [, url] = await example(t, 'job').line(/^open (\S+)$/);
  const { websocket } = await (await fetch(`${url}config.json`)).json();
  check(websocket, 'job');
});

test("the playground's typed modules are what its traits say", (t) => {
  const folder = mkdtempSync(`${tmpdir()}/ipfi-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const file = `${folder}/schema.json`;
  writeFileSync(file, run('examples/playground', ['--schema']));
  check(file, 'playground');
});

test('a typed module that is not what the trait says any more fails the check by name', (t) => {
  const folder = mkdtempSync(`${tmpdir()}/ipfi-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const file = `${folder}/schema.json`;
  writeFileSync(file, run('examples/playground', ['--schema']).replaceAll('"double"', '"triple"'));
  assert.throws(() => check(file, 'playground'), /visitor\.js/);
});
