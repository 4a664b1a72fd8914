/** What the other modules need of the document. */

/** @param {string} selector @returns {any} */
export const $ = (selector) => document.querySelector(selector);

/**
 * An element: `h('p.note', { hidden: true }, 'text', child)`. Text is never parsed, so that nothing a peer says becomes a
 * part of the page.
 */
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split('.');
  const element = Object.assign(document.createElement(tag), props);
  if (classes.length > 0) element.className = classes.join(' ');
  element.append(...children);
  return element;
}

/** Says it to those who do not see the page. @param {string} text */
export function announce(text) {
  $('#announced').textContent = text.slice(0, 300);
}

const units = ['B', 'KiB', 'MiB', 'GiB'];

/** 1536 is 1.5 KiB. @param {number} bytes */
export function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${bytes >= 100 || unit === 0 ? bytes.toFixed(0) : bytes.toFixed(1)} ${units[unit]}`;
}

/** With thin spaces between thousands. @param {number} n */
export const count = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, '\u2009');

/** @param {number} ms */
export const duration = (ms) => (ms < 10 ? `${ms.toFixed(2)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`);

const swatch = h('i', { hidden: true });

/**
 * A colour of the style sheet, as it is in this theme: the property itself is text with both.
 *
 * @param {string} name
 */
export function colour(name) {
  if (!swatch.isConnected) document.body.append(swatch);
  swatch.style.color = `var(--${name})`;
  return getComputedStyle(swatch).color;
}

/** Calls `change` now and whenever the theme or the screen's resolution changes. @param {() => void} change */
export function themed(change) {
  for (const query of ['(prefers-color-scheme: dark)', '(min-resolution: 1.5dppx)']) {
    matchMedia(query).addEventListener('change', change);
  }
  change();
}

/** Makes a canvas as fine as the screen, which clears it. @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
export function sharpen(canvas, width, height) {
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
}

/** Tells of an element's inner size, now and when it changes: asking for it while a page changes costs a layout. @param {Element} element @param {(size: { width: number, height: number }) => void} told */
export function sized(element, told) {
  new ResizeObserver(([{ contentRect }]) => told(contentRect)).observe(element);
  told({ width: element.clientWidth, height: element.clientHeight });
}
