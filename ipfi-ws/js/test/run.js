// Runs the tests with the Node that the package is for, which may be newer than the one that npm runs on.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const files = process.argv.slice(2);
const all = readdirSync(here).filter((name) => name.endsWith('.test.js')).map((name) => here + name);
const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
if (!existsSync(node)) {
  console.error(`${node} is not there: \`npm ci\` installs it, with its install script`);
  process.exit(1);
}
const { status } = spawnSync(node, ['--test', `--test-timeout=${process.env.FUZZ_ROUNDS ? 3_600_000 : 240_000}`, ...(files.length > 0 ? files : all)], {
  stdio: 'inherit',
  cwd: fileURLToPath(new URL('..', import.meta.url)),
});
process.exit(status ?? 1);
