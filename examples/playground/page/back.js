/** What the page offers to the server, and the buttons that make the server call it. */

import { Interface, Status } from './ipfi/index.js';
import { $, count, duration, h } from './dom.js';

let doubled = 0;

/** The procedures of this page. */
export const offered = new Interface()
  // Asks whoever sits here. The handler waits as long as they do, or until its caller wants no more.
  .procedure(0, ([who], { signal }) => question(who, signal))
  .procedure(1, ([n]) => {
    doubled++;
    return n * 2;
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
  /** @param {HTMLButtonElement} button @param {(wire: import('./ipfi/index.js').Wire) => Promise<string>} act */
  const on = (button, act) =>
    button.addEventListener('click', async () => {
      // Once at a time; the focus stays where it is.
      if (button.ariaDisabled === 'true') return;
      button.ariaDisabled = 'true';
      said.textContent = 'The server calls …';
      try {
        if (!link.wire) throw new Error('There is no connection: plug it in again.');
        said.textContent = await act(link.wire);
      } catch (error) {
        said.textContent = /** @type {Error} */ (error).message;
      }
      button.ariaDisabled = 'false';
    });
  on($('#ask'), (wire) => wire.call(3, [], { timeout: 60_000 }));
  on($('#crowd'), async (wire) => {
    doubled = 0;
    const began = performance.now();
    const sum = await wire.call(8, [1000]);
    return `The server made ${count(doubled)} calls here, at once, in ${duration(performance.now() - began)}; the sum of the answers is ${count(sum)}.`;
  });
}
