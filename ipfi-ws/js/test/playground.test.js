// The playground's page, in Chromium, as somebody would use it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { playground, shows, start, stream } from './pages.js';

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

test('the playground calls every kind of procedure, and says why one failed', async (t) => {
  const { page } = await playground(t);
  const call = async (name, expected, before = async () => {}) => {
    await page.selectOption('#procedure', { label: name });
    await before();
    await page.focus('#procedure');
    await page.keyboard.press('Control+Enter');
    await shows(page, '#results li:first-child', expected);
  };
  await call('hello', /Hello, Grace!/, () => page.fill('#fields [name=name]', 'Grace'));
  await shows(page, '#code', /^JS +await playground\.hello\("Grace"\)\nRust +playground\.hello\("Grace"\.into\(\)\)\.await\?$/);
  await call('count', /s0 1 2 3 4$/, () => page.fill('#fields [name=limit]', '5'));
  await call('sum', /^sum.*10$/);
  await call('shout', /WHAT GOES IN COMES OUT/);
  await call('hello, many at once', /5\u2009000 answers/);
  await call('upload', /^upload.*s52428800 {2}\([\d.]+ .iB\/s\)$/);
  await call('slow', /DEADLINE_EXCEEDED.*made by the (caller|callee)$/);
  await call('fail', /FAILED_PRECONDITION: it is not Tuesday.*made by the callee/);
  await call('something nobody offers', /UNIMPLEMENTED: procedure 42 is not offered.*made by the callee$/);
  await call('a name of 5 MiB', /RESOURCE_EXHAUSTED.*max_message_bytes = 4\u2009194\u2009304.*never started/);
  await call('sum', /Cannot convert x to a BigInt/, () => page.fill('#fields [name=numbers]', '1 x'));
  await call('sum', /9007199254740994$/, () => page.fill('#fields [name=numbers]', '9007199254740993 1'));
  await call('count', /0 1 2/, () => page.fill('#fields [name=limit]', '1000000'));
  // A call that runs keeps its button, however many follow.
  await page.selectOption('#procedure', { label: 'hello' });
  for (let n = 0; n < 40; n++) await page.click('#call button.primary');
  await page.waitForFunction(() => document.querySelectorAll('#results li.good').length >= 30);
  assert.ok((await page.locator('#results li').count()) < 40);
  await page.click('#results li.runs button');
  await shows(page, '#results li:last-child', /0 1 2.*CANCELLED: somebody pressed Cancel/);
});

test('five hundred streams run at once, one pauses by itself, another is stopped, by mouse and by keyboard', async (t) => {
  const { page } = await playground(t);
  await start(page, { count: 500 });
  await shows(page, '#tally', /^500 running$/);
  for (const [id, unit] of [['rtt', /^[\d.]+ m?s$/], ['throughput', /^↓ [\d.]+ [KM]iB\/s/], ['running', /^50\d$/]]) {
    await shows(page, `#${id}`, unit);
    // Something is drawn in the line's own colour.
    await page.waitForFunction((id) => {
      const chart = document.querySelector(`#${id}-chart`);
      // A copy: Chromium complains of the page where its own is read.
      const pen = new OffscreenCanvas(chart.width, chart.height).getContext('2d', { willReadFrequently: true });
      pen.drawImage(chart, 0, 0);
      const { data } = pen.getImageData(0, 0, chart.width, chart.height);
      return data.some((value, at) => at % 4 === 2 && value > data[at - 2] + 60);
    }, id);
  }
  await stream(page, 1).getByText('Pause').click();
  await shows(page, '#stream-1', /paused.*1[2-6]\.\d KiB unread/);
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
  const read = () => page.evaluate(() => parseInt(document.querySelector('#stream-500').textContent.match(/(\d+) \//)[1]));
  const before = await read();
  await page.waitForFunction((before) => parseInt(document.querySelector('#stream-500').textContent.match(/(\d+) \//)[1]) > before + 5, before);
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

test('letters choose, switch and pull where nothing is typed, until they are switched off; the focus stays', async (t) => {
  const { page } = await playground(t);
  const focused = () => page.evaluate(() => document.activeElement.id);
  await page.keyboard.press('c');
  assert.equal(await focused(), 'procedure');
  await page.fill('#fields [name=name]', '');
  await page.keyboard.type('pwcs');
  assert.equal(await page.inputValue('#fields [name=name]'), 'pwcs');
  await page.evaluate(() => document.activeElement.blur());
  await start(page, { count: 5 });
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('s');
  assert.equal(await focused(), 'list');
  await stream(page, 2).getByText('Stop').click();
  assert.equal(await focused(), 'list');
  await page.waitForSelector('#list[aria-activedescendant=stream-2]');
  await page.focus('#plug');
  await page.keyboard.press('Enter');
  await shows(page, '#link', /disconnected/);
  await page.keyboard.press('Enter');
  await shows(page, '#link', /connected over/);
  assert.equal(await focused(), 'plug');
  await page.click('#keys');
  await page.keyboard.press('p');
  await page.keyboard.press('c');
  assert.equal(await focused(), 'keys');
  await shows(page, '#link', /^connected over/);
});

for (const [where, options, widths] of [['a desktop', {}, [1380, 1200, 1024, 800]], ['a phone', PHONE, [390, 320, 701]]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`on ${where}, ${colorScheme}, nothing is cut off and every control has a name`, async (t) => {
      const { page } = await playground(t, { ...options, colorScheme });
      await start(page, { count: 500 });
      await shows(page, '#tally', /^500 running/);
      await page.click('[data-all=pause]');
      for (const width of widths) {
        await page.setViewportSize({ width, height: 844 });
        await shows(page, '#stream-1', /paused.*Resume/);
        const faults = await page.evaluate(async () => {
          for (let frames = 0; frames < 5; frames++) await new Promise(requestAnimationFrame);
          const found = [];
          const sideways = document.documentElement.scrollWidth - document.documentElement.clientWidth;
          if (sideways > 0) found.push(`the page must be scrolled by ${sideways} pixels`);
          const within = (inner, outer) => inner.getBoundingClientRect().right <= outer.getBoundingClientRect().right + 1;
          for (const row of document.querySelectorAll('.stream')) if (!within(row.lastElementChild, row)) found.push(`a row's last button is cut off`);
          for (const value of document.querySelectorAll('figcaption .value-now')) if (!within(value, value.closest('figure'))) found.push(`${value.id} leaves its card`);
          for (const control of document.querySelectorAll('input, select, button')) {
            const name = control.labels?.length > 0 || control.ariaLabel || (control.tagName === 'BUTTON' && control.textContent.trim());
            if (!name) found.push(control.outerHTML);
          }
          return found;
        });
        assert.deepEqual(faults, [], `${width} pixels wide`);
      }
    });
  }
}
