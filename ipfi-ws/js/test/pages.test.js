// The examples with a page, in Chromium, as somebody would use them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browser, example, shows } from './pages.js';

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** The playground, connected. */
async function playground(t, options) {
  const { line, child } = example(t, 'playground', '0');
  const [, url] = await line(/^open (\S+),/);
  const { page: open, errors } = await browser(t, options);
  const page = await open(url);
  await shows(page, '#link', /connected over WebSocket/);
  return { page, child, errors, open, url };
}

/** Starts streams, by the form. */
async function start(page, { count, items = 100_000, every = 20 }) {
  for (const [name, value] of Object.entries({ count, items, every })) await page.fill(`#start [name=${name}]`, String(value));
  await page.click('#start button');
}

const stream = (page, id) => page.locator(`#stream-${id}`);

test('the playground calls every kind of procedure, and says why one failed', async (t) => {
  const { page } = await playground(t);
  const call = async (name, expected, before = async () => {}) => {
    await page.selectOption('#procedure', { label: name });
    await before();
    await page.keyboard.press('Control+Enter');
    await shows(page, '#results li:first-child', expected);
  };
  await call('hello', /Hello, Grace!/, () => page.fill('#fields [name=name]', 'Grace'));
  await call('hello', /Hello, Ada!/, () => page.selectOption('#codec', 'json'));
  await page.selectOption('#codec', 'messagepack');
  await call('count', /0 1 2 3 4/, () => page.fill('#fields [name=limit]', '5'));
  await call('sum', /^sum.*10$/);
  await call('shout', /WHAT GOES IN COMES OUT/);
  await call('hello, many at once', /5\u2009000 answers/);
  await call('upload', /^upload.*52428800 {2}\(/);
  await call('slow', /DEADLINE_EXCEEDED.*made by the/);
  await call('fail', /FAILED_PRECONDITION: it is not Tuesday.*made by the callee/);
  await call('something nobody offers', /UNIMPLEMENTED: procedure 42/);
  await call('a name of 5 MiB', /RESOURCE_EXHAUSTED.*max_message_bytes = 4\u2009194\u2009304.*never started/);
  await call('count', /0 1 2/, () => page.fill('#fields [name=limit]', '1000000'));
  await page.click('#results li:first-child button');
  await shows(page, '#results li:first-child', /0 1 2.*CANCELLED: somebody pressed Cancel/);
});

test('five hundred streams run at once, one pauses by itself, another is stopped, by mouse and by keyboard', async (t) => {
  const { page } = await playground(t);
  await start(page, { count: 500 });
  await shows(page, '#tally', /^500 running$/);
  await stream(page, 1).getByText('Pause').click();
  await shows(page, '#stream-1', /paused.*16\.0 KiB unread|paused.*15\.\d KiB unread/);
  await stream(page, 2).getByText('Stop').click();
  await shows(page, '#stream-2', /stopped.*CANCELLED: the call was cancelled by its caller/);
  await page.focus('#list');
  for (const key of ['Home', 'ArrowDown', 'ArrowDown', 'Space']) await page.keyboard.press(key);
  await shows(page, '#stream-3', /paused/);
  for (const key of ['ArrowDown', 'Delete']) await page.keyboard.press(key);
  await shows(page, '#stream-4', /stopped/);
  await page.keyboard.press('End');
  await shows(page, '#stream-500', /running/);
  await shows(page, '#tally', /^496 running, 2 paused, 2 stopped$/);
  // What pauses holds nobody else up.
  const before = await page.textContent('#stream-500 .number:nth-of-type(3)').catch(() => null);
  await page.waitForFunction((before) => document.querySelector('#stream-500').textContent !== before, before);
  // By the field of tiles: the first is the first stream.
  await page.click('#field', { position: { x: 4, y: 4 } });
  await shows(page, '#stream-1', /paused/);
  await stream(page, 1).getByText('Resume').click();
  await shows(page, '#stream-1', /running/);
  await page.click('[data-all=stop]');
  await shows(page, '#tally', /^500 stopped$/);
  await page.click('[data-all=clear]');
  await shows(page, '#tally', /none yet/);
});

test('the server calls the page: a thousand times at once, and to ask whoever sits there', async (t) => {
  const { page } = await playground(t);
  await page.click('#crowd');
  await shows(page, '#answered', /1\u2009000 calls here, at once.*999\u2009000/);
  await page.click('#ask');
  await page.fill('#questions input', 'Ada');
  await page.keyboard.press('Enter');
  await shows(page, '#answered', /the server called back and was told: Ada/);
  await page.click('#ask');
  await page.getByText('Decline').click();
  await shows(page, '#answered', /PERMISSION_DENIED: whoever sits at the page declined/);
});

test('the carrier is switched under streams that run, and each has all of its items', async (t) => {
  const { page } = await playground(t);
  await start(page, { count: 100, items: 150, every: 40 });
  await shows(page, '#stream-1', /[1-9]\d+ \/ 150/);
  await page.keyboard.press('w');
  await shows(page, '#link', /connected over WebTransport/);
  await shows(page, '#journal', /the old connection has shut down/);
  await shows(page, '#stream-1', /KiB came/);
  await page.keyboard.press('w');
  await shows(page, '#link', /connected over WebSocket/);
  await shows(page, '#tally', /^100 done$/);
  await shows(page, '#stream-1', /150 \/ 150/);
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
    await shows(page, '#stream-2', /UNAVAILABLE: closed by the peer: INTERNAL: somebody pulled the plug; the call may have run/);
    await shows(page, '#answered', /UNAVAILABLE/);
    assert.equal(await page.locator('#questions input').count(), 0, 'a question that nobody waits for is taken back');
    await page.click('#plug');
    await shows(page, '#link', new RegExp(`connected over ${carrier}`));
    await page.keyboard.press('Control+Enter');
    await shows(page, '#results li:first-child', /Hello, Ada!/);
  });
}

test('a server that is killed ends everything, and the page says so', async (t) => {
  const { page, child, errors } = await playground(t);
  await start(page, { count: 50 });
  await shows(page, '#tally', /^50 running$/);
  child.kill('SIGKILL');
  await shows(page, '#tally', /^50 failed$/);
  await shows(page, '#link', /disconnected: connection lost/);
  await page.click('#plug');
  await shows(page, '#link', /Failed to fetch/);
  // What Chromium itself says of a server that is not there.
  errors.splice(0, errors.length, ...errors.filter((line) => !line.includes('ERR_CONNECTION_REFUSED')));
});

for (const [where, options] of Object.entries({ 'a desktop': {}, 'a phone': PHONE })) {
  for (const colorScheme of ['light', 'dark']) {
    test(`on ${where}, ${colorScheme}, nothing overflows and every control has a name`, async (t) => {
      const { page } = await playground(t, { ...options, colorScheme });
      await start(page, { count: 30 });
      await shows(page, '#tally', /30 running/);
      await shows(page, '#stream-1', /running.*Pause/);
      const { wide, nameless } = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        nameless: [...document.querySelectorAll('input, select, button')]
          .filter((control) => !(control.labels?.length > 0 || control.ariaLabel || control.textContent.trim()))
          .map((control) => control.outerHTML),
      }));
      assert.equal(wide, 0, 'pixels that must be scrolled for sideways');
      assert.deepEqual(nameless, []);
    });
  }
}

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
  await page.click('#run');
  await shows(page, 'output', /^done$/);
  await line(/^a job is done$/);
});
