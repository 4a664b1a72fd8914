// A tab of the chat: one call, in both directions, for as long as somebody is here.
import { connect } from './ipfi/index.js';
import { ChatClient } from './chat.js';

/** So many lines stay. */
const KEPT = 500;

const list = document.querySelector('ol');
const form = document.querySelector('form');
const input = form.querySelector('input');
const button = form.querySelector('button');

/** @type {import('./ipfi/typed.js').DuplexCall<string, import('./chat.js').Line> | null} */
let call = null;

function show(who, text) {
  // Whoever reads further up is not pulled away.
  const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const item = document.createElement('li');
  item.textContent = who ? `${who}: ${text}` : text;
  item.className = who ? '' : 'room';
  list.append(item);
  while (list.children.length > KEPT) list.firstElementChild.remove();
  if (follows) list.scrollTop = list.scrollHeight;
}

/** Says that this one is or is not in the room. */
function label(name) {
  button.textContent = name ? 'Say' : 'Join';
  input.placeholder = name ? `${name} says …` : 'Your name';
  input.ariaLabel = name ? 'What you say' : 'Your name';
}

/** Takes part until the call ends, for whatever reason. */
async function join(name) {
  let wire = null;
  button.disabled = true;
  try {
    const { websocket } = await (await fetch('config.json')).json();
    wire = await connect(websocket);
    call = new ChatClient(wire).join(name);
    label(name);
    button.disabled = false;
    for await (const { who, text } of call) show(who, text);
  } catch (error) {
    show('', error.message);
  }
  wire?.close();
  call = null;
  label(null);
  button.disabled = false;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = input.value;
  if (button.disabled) return;
  input.value = '';
  if (!call) return void join(text);
  try {
    await call.send(text);
  } catch (error) {
    // A line that could not be sent is not lost.
    input.value = text;
    show('', error.message);
  }
});
