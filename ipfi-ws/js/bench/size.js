// How large the modules are, bundled, minified and gzipped: what a page pays for the client.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {string} source what a page writes, as one file */
export async function size(source) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    write: false,
  });
  const { contents } = outputFiles[0];
  return { minified: contents.length, gzipped: gzipSync(contents, { level: 9 }).length };
}

const websocket = `export { connectWebSocket } from './src/carrier/websocket.js';`;
const webtransport = `export { connectWebTransport } from './src/carrier/webtransport.js';`;
const offers = `export { Interface } from './src/index.js';`;

/** What is measured, by what a page does. @type {Record<string, string>} */
export const PAGES = {
  'calls over WebTransport': `export { Status } from './src/index.js'; ${webtransport}`,
  'the same, and is called': `export { Status } from './src/index.js'; ${webtransport} ${offers}`,
  'calls over WebSocket': `export { Status } from './src/index.js'; ${websocket}`,
  'the same, and is called back': `export { Status } from './src/index.js'; ${websocket} ${offers}`,
  'everything': `export * from './src/index.js'; ${websocket} ${webtransport}`,
  'everything, and bincode': `export * from './src/index.js'; ${websocket} ${webtransport} export * from './src/codec/bincode.js';`,
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, source] of Object.entries(PAGES)) {
    const { minified, gzipped } = await size(source);
    console.log(`${name.padEnd(30)} ${minified} bytes minified, ${gzipped} gzipped`);
  }
}
