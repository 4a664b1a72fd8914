// A page in a real headless Chromium, which posts what it has seen.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const browser = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync('which', [name]).status === 0);

/** Serves the modules as they are, and takes what a page posts: `origin`, and the promise `results`. What a page has begun it may say before, so that a test which hangs says in what. */
export async function serveFiles(t) {
  let told;
  const results = new Promise((resolve) => (told = resolve));
  const http = createServer((request, response) => {
    if (request.method === 'POST') {
      let body = '';
      request.on('data', (data) => (body += data)).on('end', () => {
        if (request.url === '/begun') t.diagnostic(`begun: ${body}`);
        else told(JSON.parse(body));
        response.end();
      });
      return;
    }
    try {
      const file = readFileSync(new URL(`..${request.url.split('?')[0]}`, import.meta.url));
      response.setHeader('content-type', request.url.includes('.js') ? 'text/javascript' : 'text/html');
      response.end(file);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => {
    http.close();
    http.closeAllConnections();
  });
  return { http, origin: `http://127.0.0.1:${http.address().port}`, results };
}

/** Opens a page, until the test ends. */
export function openPage(t, url, more = []) {
  assert.ok(browser, 'there is no Chromium to run the page in: none of chromium, chromium-browser and google-chrome is installed');
  const profile = mkdtempSync(join(tmpdir(), 'ipfi-'));
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-popup-blocking', `--user-data-dir=${profile}`];
  // In a group of its own, so that all its processes end with it: one that lived on would write to the folder.
  const chromium = spawn(browser, [...flags, ...more, url], { stdio: 'ignore', detached: true });
  t.after(async () => {
    const exit = once(chromium, 'exit');
    process.kill(-chromium.pid, 'SIGKILL');
    await exit.catch(() => {});
    try {
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    } catch (error) {
      // A folder that is left behind says nothing about what was tested.
      t.diagnostic(`${profile} is left behind: ${error.message}`);
    }
  });
}

/** Runs the checks in a page, against `server`, whose certificate is known by its `hash`: what it has seen. */
export function checkPage(t, { origin, results }, { server, hash }, flags) {
  openPage(t, `${origin}/test/chromium.html?${new URLSearchParams({ server, ...(hash && { hash }) })}`, flags);
  return results;
}

/** Demands that all of at least `least` checks of a page passed. */
export function passed(t, seen, least) {
  for (const { name, ms, error } of seen) t.diagnostic(error ? `${name}: ${error}` : `${name}: ${ms} ms`);
  assert.deepEqual(seen.filter(({ error }) => error), []);
  assert.ok(seen.length >= least, `${seen.length} checks`);
}
