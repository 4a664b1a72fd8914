// A tab of the chat: one call, in both directions, for as long as somebody is here.
import { connect } from './ipfi/index.js';

const list = document.querySelector('ol');
const form = document.querySelector('form');
const input = form.querySelector('input');
const button = form.querySelector('button');

/** @type {import('./ipfi/call/call.js').Call | null} */
let call = null;

function show(who, text) {
  const item = document.createElement('li');
  item.textContent = who ? `${who}: ${text}` : text;
  item.className = who ? '' : 'room';
  list.append(item);
  item.scrollIntoView();
}

/** Says that this one is or is not in the room. */
function label(name) {
  button.textContent = name ? 'Say' : 'Join';
  input.placeholder = name ? `${name} says …` : 'Your name';
  input.ariaLabel = name ? 'What you say' : 'Your name';
  input.value = '';
}

async function join(name) {
  try {
    const { websocket } = await (await fetch('config.json')).json();
    await using_(await connect(websocket), async (wire) => {
      call = wire.duplex(0, [name]);
      label(name);
      for await (const [who, text] of call) show(who, text);
    });
  } catch (error) {
    show('', error.message);
  }
  call = null;
  label(null);
}

/** `await using`, which not every browser has yet. */
async function using_(wire, use) {
  try {
    await use(wire);
  } finally {
    wire.close();
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = input.value;
  input.value = '';
  if (call) void call.send(text);
  else void join(text);
});
