// What becomes of the playground's streams as connections are switched, broken and made again.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { example, playground, shows, start, stream } from './pages.js';

/** Reads no row but what the page knows of all streams: how each ended, and the least number of items. */
async function allDone(page, count, items) {
  await shows(page, '#tally', new RegExp(`^${count} done$`));
  for (const key of ['Home', 'End']) {
    await page.focus('#list');
    await page.keyboard.press(key);
    await shows(page, key === 'Home' ? '#stream-1' : `#stream-${count}`, new RegExp(`${items} / ${items}`));
  }
}

// Items are numbered, and a stream fails at one that is missing or comes twice.
test('the carrier is switched under hundreds of streams, each of which goes on without a gap', async (t) => {
  const { page } = await playground(t);
  await start(page, { count: 300, items: 150, every: 60 });
  await shows(page, '#tally', /^300 running$/);
  await page.keyboard.press('w');
  await shows(page, '#link', /connected over WebTransport/);
  await shows(page, '#journal', /the old connection has shut down: \d+ calls ended in its grace period, 0 were cut/);
  await allDone(page, 300, 150);
});

test('a carrier that is chosen while the page still connects is taken next', async (t) => {
  const { page } = await playground(t);
  for (let n = 0; n < 3; n++) await page.keyboard.press('w');
  await shows(page, '#link', /connected over WebTransport/);
  await shows(page, '#journal', /the old connection has shut down/);
  assert.equal(await page.isChecked('[value=webtransport]'), true);
});

test('the carrier is switched to and fro while streams begin, and a paused one moves as well', async (t) => {
  const { page } = await playground(t);
  await start(page, { count: 100, items: 100, every: 60 });
  await shows(page, '#stream-1', /[1-9]\d* \/ 100/);
  await stream(page, 1).getByText('Pause').click();
  for (const carrier of ['WebTransport', 'WebSocket', 'WebTransport', 'WebSocket']) {
    await page.keyboard.press('w');
    await shows(page, '#link', new RegExp(`connected over ${carrier}`));
  }
  await shows(page, '#tally', /^1 paused, 99 done$/);
  await page.click('[data-all=resume]');
  await allDone(page, 100, 100);
  assert.doesNotMatch(await page.textContent('#journal'), /, [1-9]\d* were cut/);
});

test('streams at full speed, of the largest pieces, all end well', async (t) => {
  const { page } = await playground(t);
  await page.fill('#start [name=bytes]', '65536');
  await start(page, { count: 200, items: 5, every: 0 });
  await allDone(page, 200, 5);
});

for (const carrier of ['WebSocket', 'WebTransport']) {
  test(`the plug is pulled: over ${carrier} every stream ends with the reason, and the plug goes in again`, async (t) => {
    const { page } = await playground(t);
    if (carrier === 'WebTransport') {
      await page.getByText('WebTransport', { exact: true }).click();
      await shows(page, '#link', /connected over WebTransport/);
    }
    await start(page, { count: 200 });
    await shows(page, '#tally', /^200 running$/);
    await stream(page, 2).getByText('Pause').click();
    await page.click('#ask');
    await page.waitForSelector('#questions input');
    await page.click('#plug');
    await shows(page, '#link', /disconnected: closed by the peer: INTERNAL: somebody pulled the plug/);
    await shows(page, '#tally', /^200 failed$/);
    await shows(page, '#journal', /200 streams have ended, each with its reason/);
    await shows(page, '#stream-2', /UNAVAILABLE: closed by the peer: INTERNAL: somebody pulled the plug; the call may have run/);
    await shows(page, '#answered', /UNAVAILABLE/);
    assert.equal(await page.locator('#questions input').count(), 0, 'a question that nobody waits for is taken back');
    await page.click('#plug');
    await shows(page, '#link', new RegExp(`connected over ${carrier}`));
    await page.focus('#procedure');
    await page.keyboard.press('Control+Enter');
    await shows(page, '#results li:first-child', /Hello, Ada!/);
  });
}

test('a server that is killed ends everything, and one that takes its place is found', async (t) => {
  const { page, child, errors, url } = await playground(t);
  await start(page, { count: 50 });
  await shows(page, '#tally', /^50 running$/);
  child.kill('SIGKILL');
  await shows(page, '#tally', /^50 failed$/);
  await shows(page, '#link', /disconnected: connection lost/);
  await page.click('#plug');
  await shows(page, '#link', /Failed to fetch/);
  // What Chromium itself says of a server that is not there.
  errors.splice(0, errors.length, ...errors.filter((line) => !line.includes('ERR_CONNECTION_REFUSED')));
  const { line } = example(t, 'playground', new URL(url).port);
  await line(/^open/);
  await page.click('#plug');
  await shows(page, '#link', /connected over WebSocket/);
});

test('two tabs do not know of each other, and localhost is the same page', async (t) => {
  const { page, open, url } = await playground(t);
  const other = await open(url.replace('127.0.0.1', 'localhost'));
  await shows(other, '#link', /connected over WebSocket/);
  for (const tab of [page, other]) await start(tab, { count: 20 });
  await page.click('#plug');
  await shows(page, '#tally', /^20 failed$/);
  await shows(other, '#tally', /^20 running$/);
});
