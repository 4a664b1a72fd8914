// How large the modules are, bundled, minified and gzipped: what a page pays for the client.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** @param {string} source what a page writes */
export async function size(source) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: at('..'), loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    write: false,
    metafile: false,
  });
  const { contents } = outputFiles[0];
  return { minified: contents.length, gzipped: gzipSync(contents, { level: 9 }).length };
}

/** What is measured, by what a page imports. */
export const PAGES = {
  everything: `export * from './src/index.js'`,
  'connect and Interface': `export { connect, Interface, Status } from './src/index.js'`,
  'WebSocket only': `export { connectWebSocket } from './src/carrier/websocket.js'`,
  'bincode beside it': `export * from './src/index.js'; export * from './src/codec/bincode.js'`,
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, source] of Object.entries(PAGES)) {
    const { minified, gzipped } = await size(source);
    console.log(`${name.padEnd(24)} ${minified} bytes minified, ${gzipped} gzipped`);
  }
}
