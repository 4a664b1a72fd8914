// How large the modules are, bundled, minified and gzipped: what a page pays for the client. `npm run size -- modules` says of
// each page where its bytes are.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {string} source what a page writes, as one file */
export async function size(source) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    metafile: true,
    write: false,
  });
  const { contents } = outputFiles[0];
  const [{ inputs }] = Object.values(metafile.outputs);
  const modules = Object.entries(inputs).map(([name, { bytesInOutput }]) => ({ name, bytes: bytesInOutput }));
  modules.sort((a, b) => b.bytes - a.bytes);
  return { minified: contents.length, gzipped: gzipSync(contents, { level: 9 }).length, modules };
}

const websocket = `export { connectWebSocket } from './src/carrier/websocket.js';`;
const webtransport = `export { connectWebTransport } from './src/carrier/webtransport.js';`;
const offers = `export { Interface } from './src/index.js';`;

/** What is measured, by what a page does. @type {Record<string, string>} */
export const PAGES = {
  'calls over WebTransport': `export { Status } from './src/index.js'; ${webtransport}`,
  'the same, and is called': `export { Status } from './src/index.js'; ${webtransport} ${offers}`,
  'calls over WebSocket': `export { connectWebSocket, Status } from './src/carrier/websocket.js';`,
  'the same, and is called back': `export { connectWebSocket, Interface, Status } from './src/carrier/websocket.js';`,
  'a typed client over WebSocket': `export { connectWebSocket } from './src/carrier/websocket.js'; import { procedure } from './src/typed.js'; import { string } from './src/codec/bincode.js';
    import { call } from './src/typed.js'; const hello = procedure(1, { args: [string], returns: string }); export const greet = (wire) => call(wire, hello, ['Ada']);`,
  'everything': `export * from './src/index.js'; ${websocket} ${webtransport}`,
  'everything, and bincode': `export * from './src/index.js'; ${websocket} ${webtransport} export * from './src/codec/bincode.js';`,
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, source] of Object.entries(PAGES)) {
    const { minified, gzipped, modules } = await size(source);
    console.log(`${name.padEnd(30)} ${minified} bytes minified, ${gzipped} gzipped`);
    if (process.argv[2] === 'modules') for (const { name, bytes } of modules) console.log(`${String(bytes).padStart(10)}  ${name}`);
  }
}
