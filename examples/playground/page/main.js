/** The playground's page. Each module has one part of it; this one has the connection's switches. */

import { buttons, offered } from './back.js';
import { Calls } from './calls.js';
import { watch } from './charts.js';
import { $, duration, h } from './dom.js';
import { Link } from './link.js';
import { PlaygroundClient } from './playground.js';
import { Streams } from './streams.js';

const names = { websocket: 'WebSocket', webtransport: 'WebTransport' };

const link = new Link(offered);
const status = $('#link');
const plug = $('#plug');
const carriers = $('#carriers');

/** @param {string} state @param {string} text */
function say(state, text) {
  status.className = state;
  status.lastElementChild.textContent = status.title = text;
}

/** @param {string} text @param {string} [tone] */
function note(text, tone = '') {
  const list = $('#journal ol');
  const now = new Date();
  const time = h('time', { dateTime: now.toISOString() }, now.toTimeString().slice(0, 8));
  list.prepend(h('li', {}, time, h('span', { className: tone }, text)));
  while (list.children.length > 100) list.lastElementChild.remove();
}

link.on('connecting', (carrier) => {
  if (!link.wire) say('', `connecting over ${names[carrier]} …`);
});

link.on('up', ({ carrier, ms, before }) => {
  say('up', `connected over ${names[carrier]}`);
  plug.textContent = 'Pull the plug';
  note(`connected over ${names[carrier]} in ${duration(ms)}`, 'good');
  if (before) note('calls from now on go the new way; streams go on there from where they are');
});

link.on('left', ({ finished, cut, abandoned }) => {
  note(`the old connection has shut down: ${finished} calls ended in its grace period, ${cut + abandoned} were cut`);
});

link.on('down', ({ cause, wire }) => {
  say('down', `disconnected: ${cause.message}`);
  plug.textContent = 'Plug in again';
  note(cause.message, 'bad');
  // When all who had a handle have heard.
  setTimeout(() => {
    const ended = streams.all.filter((stream) => stream.wire === wire && stream.reason.includes(cause.message)).length;
    if (ended > 0) note(`${ended} streams have ended, each with its reason`, 'bad');
  });
});

link.on('failed', (error) => {
  note(error.message, 'bad');
  if (!link.wire) say('down', error.message);
});

link.on('idle', () => {
  for (const radio of carriers.elements) radio.checked = radio.value === link.carrier;
  if (!link.wire) plug.textContent = 'Plug in again';
});

carriers.addEventListener('change', ({ target }) => {
  // Without a connection it is the one that the next takes.
  if (link.wire) void link.open(target.value);
  else link.carrier = target.value;
});

plug.addEventListener('click', () => {
  // The server ends the connection under everything that runs on it.
  if (link.wire) void new PlaygroundClient(link.wire).pullThePlug().catch(({ message }) => note(message, 'bad'));
  else void link.open(link.carrier);
});

/** What a letter does, where nothing is typed and as long as they are not switched off. */
const keys = {
  c: () => $('#procedure').focus(),
  s: () => $('#list').focus(),
  w: () => [...carriers.elements].find((radio) => radio.name && !radio.checked)?.click(),
  p: () => plug.click(),
};
document.addEventListener('keydown', (event) => {
  const { target, key, repeat, ctrlKey, metaKey, altKey } = event;
  const typing = target instanceof Element && target.matches('input:not([type=radio], [type=checkbox]), select, textarea');
  if (typing || repeat || ctrlKey || metaKey || altKey || !$('#keys').checked || !keys[key]) return;
  // It is not for what is focused now.
  event.preventDefault();
  keys[key]();
});

const streams = new Streams(link);
new Calls(link);
buttons(link);
watch(link);
if (typeof WebTransport !== 'function') {
  const radio = [...carriers.elements].find(({ value }) => value === 'webtransport');
  radio.disabled = true;
  radio.parentElement.title = 'this browser has no WebTransport';
}
void link.open(link.carrier);
