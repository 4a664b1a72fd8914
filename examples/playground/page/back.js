/** What the page offers to the server, and the buttons that make the server call it. */

import { Interface, Status } from './ipfi/index.js';
import { serve } from './ipfi/typed.js';
import { $, count, duration, h } from './dom.js';
import { PlaygroundClient } from './playground.js';
import { Visitor } from './visitor.js';

let doubled = 0;

/** What this page offers: the trait `Visitor` of `server.rs`. */
export const offered = serve(new Interface(), Visitor, {
  // Asks whoever sits here. The handler waits as long as they do, or until its caller wants no more.
  answer: (who, { signal }) => question(who, signal),
  double(number) {
    doubled++;
    return number * 2n;
  },
});

/** @param {string} who @param {AbortSignal} signal @returns {Promise<string>} */
function question(who, signal) {
  return new Promise((resolve, reject) => {
    const input = h('input', { name: 'answer', autocomplete: 'off', maxLength: 200, required: true });
    const decline = h('button', { type: 'button', textContent: 'Decline' });
    const form = h('form.question', {}, h('label', {}, `${who} asks: what is your name?`, input), h('button.primary', {}, 'Answer'), decline);
    const over = (settle) => {
      if (form.contains(document.activeElement)) $('#crowd').focus();
      form.remove();
      settle();
    };
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      over(() => resolve(input.value));
    });
    decline.onclick = () => over(() => reject(new Status('PERMISSION_DENIED', 'whoever sits at the page declined')));
    signal.addEventListener('abort', () => over(() => reject(signal.reason)));
    $('#questions').append(form);
    input.focus();
  });
}

/** @param {import('./link.js').Link} link */
export function buttons(link) {
  const said = $('#answered');
  /** @param {HTMLButtonElement} button @param {(playground: PlaygroundClient) => Promise<string>} act */
  const on = (button, act) =>
    button.addEventListener('click', async () => {
      // Once at a time; the focus stays where it is.
      if (button.ariaDisabled === 'true') return;
      button.ariaDisabled = 'true';
      said.textContent = 'The server calls …';
      try {
        if (!link.wire) throw new Error('There is no connection: plug it in again.');
        said.textContent = await act(new PlaygroundClient(link.wire));
      } catch (error) {
        said.textContent = /** @type {Error} */ (error).message;
      }
      button.ariaDisabled = 'false';
    });
  on($('#ask'), (playground) => playground.ask({ timeout: 60_000 }));
  on($('#crowd'), async (playground) => {
    doubled = 0;
    const began = performance.now();
    const sum = await playground.askOften(1000n);
    return `The server made ${count(doubled)} calls here, at once, in ${duration(performance.now() - began)}; the sum of the answers is ${count(Number(sum))}.`;
  });
}
