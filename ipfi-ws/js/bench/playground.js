// What the playground's page costs Chromium's main thread while 500 streams run, by the browser's own trace:
// `node bench/playground.js`. It builds and starts the playground by itself.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { launch } from '../test/pages.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const STREAMS = 500;
const SECONDS = 10;
const FRAME_US = 16_667;
/** By then all have begun. */
const BEGUN_US = 2_000_000;

/** Events that are script, whatever calls it. */
const SCRIPT = new Set(['FunctionCall', 'EvaluateScript', 'RunMicrotasks', 'FireAnimationFrame', 'TimerFire', 'EventDispatch', 'v8.callFunction']);

/** The events of the page's main thread in `SECONDS` from the start of the streams on. */
async function trace(page) {
  const cdp = await page.context().newCDPSession(page);
  const events = [];
  cdp.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await cdp.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'v8'] } });
  await page.click('#start button');
  await page.waitForTimeout(SECONDS * 1000);
  const complete = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve));
  await cdp.send('Tracing.end');
  await complete;
  const thread = ({ pid, tid }) => `${pid} ${tid}`;
  const count = new Map();
  for (const event of events.filter(({ name }) => name === 'FireAnimationFrame')) count.set(thread(event), (count.get(thread(event)) ?? 0) + 1);
  const [[main]] = [...count].sort(([, a], [, b]) => b - a);
  return events.filter((event) => event.ph === 'X' && thread(event) === main).sort((a, b) => a.ts - b.ts);
}

/** Milliseconds of script in each frame's time, shortest first. */
function scriptOfFrames(events) {
  const frames = new Map();
  let end = 0;
  for (const { name, ts, dur } of events) {
    // What is within another was counted with it.
    if (!SCRIPT.has(name) || ts < end) continue;
    end = ts + dur;
    const frame = Math.floor((ts - events[0].ts) / FRAME_US);
    frames.set(frame, (frames.get(frame) ?? 0) + dur / 1000);
  }
  return [...frames.values()].sort((a, b) => a - b);
}

const build = spawnSync('cargo', ['build', '--quiet', '--release', '--example', 'playground'], { cwd: root, stdio: 'inherit' });
if (build.status !== 0) process.exit(1);
const server = spawn(`${root}/target/release/examples/playground`, ['0'], { stdio: ['pipe', 'pipe', 'inherit'] });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const [, url] = line.match(/^open (\S+),/);
const browser = await launch();
try {
  for (const carrier of ['WebSocket', 'WebTransport']) {
    const page = await browser.newPage({ viewport: { width: 1380, height: 900 } });
    await page.goto(url);
    const connected = (carrier) => document.querySelector('#link').textContent.includes(`connected over ${carrier}`);
    await page.waitForFunction(connected, 'WebSocket');
    await page.getByText(carrier, { exact: true }).click();
    await page.waitForFunction(connected, carrier);
    await page.fill('#start [name=count]', String(STREAMS));
    const events = await trace(page);
    const tally = await page.textContent('#tally');
    const throughput = await page.textContent('#throughput');
    console.log(`${carrier}: ${tally}, ${throughput}`);
    const begun = events[0].ts + BEGUN_US;
    for (const [when, some] of [['while they begin', events.filter(({ ts }) => ts < begun)], ['while they run', events.filter(({ ts }) => ts >= begun)]]) {
      const longest = Math.max(...some.filter(({ name }) => name.endsWith('RunTask')).map(({ dur }) => dur)) / 1000;
      const frames = scriptOfFrames(some);
      const at = (part) => frames[Math.min(frames.length - 1, Math.floor(part * frames.length))].toFixed(1);
      console.log(`  ${when}: longest task ${longest.toFixed(1)} ms; script a frame: median ${at(0.5)} ms, 99 of 100 ${at(0.99)} ms, most ${at(1)} ms`);
    }
    await page.close();
  }
} finally {
  await browser.close();
  server.kill();
}
