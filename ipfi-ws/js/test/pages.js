// The examples that have a page, and Chromium to look at them with.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

import { build } from './generator.js';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Longer than anything here takes on a busy machine. */
const PATIENCE_MS = 30_000;

/** Runs the command `ipfi`, or another program of the workspace, to its end. @returns what it printed */
export function run(program, args = [], options = {}) {
  build();
  const { status, stdout, stderr } = spawnSync(`${root}/target/debug/${program}`, args, { encoding: 'utf8', timeout: PATIENCE_MS, ...options });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/**
 * Runs an example until the test ends.
 *
 * @returns its process, with what it prints: `line(pattern)` waits for one and gives the match
 */
export const example = (t, name, ...args) => started(t, `examples/${name}`, args);

/** The same of any program of the workspace. */
export function started(t, program, args = [], options = {}) {
  build();
  const name = program.split('/').at(-1);
  const child = spawn(`${root}/target/debug/${program}`, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  t.after(() => child.kill('SIGKILL'));
  const said = [];
  const waiting = [];
  const look = () => {
    for (const wait of [...waiting]) {
      const match = said.map((line) => line.match(wait.pattern)).find(Boolean);
      if (match) waiting.splice(waiting.indexOf(wait), 1)[0].found(match);
    }
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(line);
    look();
  });
  const line = (pattern) =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${name} has not said ${pattern}, but: ${said.join(' / ')}`)), PATIENCE_MS);
      const found = (match) => {
        clearTimeout(late);
        resolve(match);
      };
      waiting.push({ pattern, found });
      look();
    });
  return { child, line, said };
}

/** The system's Chromium. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });

/** A browser until the test ends; `page(url)` opens a tab, whose errors fail the test. */
export async function browser(t, options = {}) {
  const launched = await launch();
  const context = await launched.newContext({ viewport: { width: 1380, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const errors = [];
  t.after(async () => {
    await launched.close();
    assert.deepEqual(errors, [], 'what the console says');
  });
  return {
    context,
    errors,
    async page(url) {
      const page = await context.newPage();
      page.on('pageerror', (error) => errors.push(`${url}: ${error.message}`));
      page.on('console', (message) => ['error', 'warning'].includes(message.type()) && errors.push(`${url}: ${message.text()}`));
      await page.goto(url);
      return page;
    },
  };
}

/** Waits until the text of an element is what it should be. */
export async function shows(page, selector, pattern) {
  await page.waitForFunction(([selector, source]) => new RegExp(source, 's').test(document.querySelector(selector)?.textContent ?? ''), [selector, pattern.source]).catch(async () => {
    assert.match(await page.textContent(selector), pattern, `${selector} did not become that in time`);
  });
}

/** The playground, connected. */
export async function playground(t, options) {
  const { line, child } = example(t, 'playground', '0');
  const [, url] = await line(/^open (\S+),/);
  const { page: open, errors } = await browser(t, options);
  const page = await open(url);
  await shows(page, '#link', /connected over WebSocket/);
  return { page, child, errors, open, url };
}

/** Starts streams, by the form. */
export async function start(page, { count, items = 100_000, every = 20 }) {
  for (const [name, value] of Object.entries({ count, items, every })) await page.fill(`#start [name=${name}]`, String(value));
  await page.click('#start button');
}

/** The row of a stream. */
export const stream = (page, id) => page.locator(`#stream-${id}`);
