// The other examples with a page, in Chromium, as somebody would use them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browser, example, shows } from './pages.js';

test('a chat between two tabs and a terminal', async (t) => {
  const { line } = example(t, 'chat');
  const [, url, tcp] = await line(/^open (\S+) in two tabs.* (tcp:\S+)$/);
  const { page: open } = await browser(t);
  const [ada, bob] = [await open(url), await open(url)];
  for (const [page, name] of [[ada, 'Ada'], [bob, 'Bob']]) {
    await page.fill('input', name);
    await page.keyboard.press('Enter');
    await shows(page, 'ol', new RegExp(`${name} is here`));
  }
  const terminal = example(t, 'chat', 'Eve', tcp);
  await shows(ada, 'ol', /Eve is here/);
  await ada.fill('input', 'good <b>morning</b>');
  await ada.keyboard.press('Enter');
  await shows(bob, 'ol', /Ada: good <b>morning<\/b>/);
  await terminal.line(/^Ada: good <b>morning<\/b>$/);
  terminal.child.stdin.write('and to you\n');
  await shows(ada, 'ol', /Eve: and to you/);
  await bob.close();
  await shows(ada, 'ol', /Bob has left/);
  terminal.child.kill('SIGKILL');
  await shows(ada, 'ol', /Eve has left/);
  // Twice at once is once; and nobody speaks as the room.
  const twice = await open(url);
  await twice.fill('input', 'Zoe');
  await twice.evaluate(() => {
    for (let n = 0; n < 2; n++) document.querySelector('form').requestSubmit();
  });
  await shows(ada, 'ol', /Zoe is here$/);
  await twice.fill('input', 'once');
  await twice.keyboard.press('Enter');
  await shows(ada, 'ol', /Zoe is hereZoe: once$/);
  const nameless = await open(url);
  await nameless.fill('input', ' ');
  await nameless.keyboard.press('Enter');
  await shows(nameless, 'ol', /INVALID_ARGUMENT: whoever takes part has a name/);
});

test('a job shows its progress, is cancelled, and is done', async (t) => {
  const { line } = example(t, 'job');
  const [, url] = await line(/^open (\S+)$/);
  const { page: open } = await browser(t);
  const page = await open(url);
  await page.click('#run');
  await page.waitForFunction(() => document.querySelector('progress').value > 5);
  await page.click('#cancel');
  await shows(page, 'output', /^CANCELLED: somebody pressed Cancel$/);
  const [, lines] = await line(/^a job was cancelled after (\d+) of 480 lines: cancelled by the caller$/);
  assert.ok(Number(lines) < 480);
  await page.click('#zoom');
  await shows(page, 'output', /^done$/);
  await line(/^a job is done$/);
  await page.click('#run');
  await page.waitForFunction(() => document.querySelector('progress').value > 5);
  await page.close();
  await line(/^a job was cancelled after \d+ of 480 lines: connection lost$/);
});
