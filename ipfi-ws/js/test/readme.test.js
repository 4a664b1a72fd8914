// What the README begins with: the programs are the files of `examples/greeter`, and run as they are printed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { test } from 'node:test';

import { browser, root, run, started } from './pages.js';

const FILES = { 'src/lib.rs': 'rust,ignore', 'src/main.rs': 'rust,ignore', 'src/bin/client.rs': 'rust,ignore', 'page/page.js': 'js' };
/** Further down: it is no code of theirs. */
const PAGE = ['page/index.html', 'html'];
/** More than these are not read. */
const MOST_LINES = 40;

test('the README prints the programs of the example as they are, in forty lines', () => {
  const readme = readFileSync(`${root}/README.md`, 'utf8');
  let lines = 0;
  for (const [file, language] of Object.entries(FILES)) {
    const text = readFileSync(`${root}/examples/greeter/${file}`, 'utf8');
    assert.ok(readme.includes(`\`\`\`${language}\n${text}\`\`\`\n`), `README.md has no block that is examples/greeter/${file}`);
    lines += text.split('\n').length - 1;
  }
  assert.ok(lines <= MOST_LINES, `${lines} lines`);
  const [file, language] = PAGE;
  assert.ok(readme.includes(`\`\`\`${language}\n${readFileSync(`${root}/examples/greeter/${file}`, 'utf8')}\`\`\`\n`), file);
});

/** Whether something listens on this port of this machine. */
async function listens(port) {
  const socket = connect(port, 'localhost');
  const does = await once(socket, 'connect').then(() => true, () => false);
  socket.destroy();
  return does;
}

async function listening(port) {
  for (let tries = 0; tries < 300; tries++) {
    if (await listens(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`nothing listens on port ${port}`);
}

test('the server, the client and the page of the README run as they are printed', async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/ipfi-`);
  t.after(() => rmSync(folder, { recursive: true }));
  // They are those that are printed, and so is 4433.
  for (const port of [8080, 8000]) assert.equal(await listens(port), false, `port ${port} must be free`);
  started(t, 'greeter', [], { cwd: folder });
  await listening(8080);

  assert.equal(run('client', [], { cwd: folder }), `Hello, Ada!\n${[...Array(10).keys()].join('\n')}\n`);
  run('ipfi', ['gen', 'ts', 'ws://localhost:8080', '--js', '--out', `${root}/examples/greeter/page`, '--check']);

  // The page, from a folder of its own, as whoever follows the README has it.
  cpSync(`${root}/examples/greeter/page`, `${folder}/page`, { recursive: true, filter: (path) => !path.includes('node_modules') });
  const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `${root}/ipfi-ws/js`], { cwd: `${folder}/page`, encoding: 'utf8', timeout: 60_000 });
  assert.equal(npm.status, 0, npm.stderr);
  const files = spawn('python3', ['-m', 'http.server', '8000', '--bind', '127.0.0.1'], { cwd: `${folder}/page`, stdio: 'ignore' });
  t.after(() => files.kill('SIGKILL'));
  await listening(8000);

  const { context } = await browser(t);
  const page = await context.newPage();
  const said = [];
  page.on('pageerror', (error) => said.push(String(error)));
  // What comes by way of the browser's console has lost its bigints.
  const done = new Promise((resolve) => page.exposeFunction('heard', (text) => said.push(text) === 11 && resolve()));
  await page.addInitScript(() => (console.log = (value) => window.heard(`${typeof value} ${value}`)));
  await page.goto('http://localhost:8000/');
  await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 30_000).unref())]);
  assert.deepEqual(said, ['string Hello, Ada!', ...[...Array(10).keys()].map((n) => `bigint ${n}`)]);
});
