// The command `ipfi`, and the examples that have a page, built anew where they have changed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What is built together, so that nothing is built twice with other features. */
export const BUILD = ['build', '--quiet', '--locked', '-p', 'ipfi', '-p', 'ipfi-cli', '-p', 'greeter', '--bins', '--example', 'playground', '--example', 'chat', '--example', 'job'];

let built = false;

/** Builds the command and the examples, once, with the features that whoever follows the README has. */
export function build() {
  if (built) return;
  const { status } = spawnSync('cargo', BUILD, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  assert.equal(status, 0, `cargo ${BUILD.join(' ')}`);
  built = true;
}

/** The command's program. */
export const COMMAND = `${root}/target/debug/ipfi`;

/** Runs `ipfi gen ts`, which must do it. */
export function generate(args, { status: expected = 0 } = {}) {
  build();
  const { status, stdout, stderr } = spawnSync(COMMAND, ['gen', 'ts', ...args], { encoding: 'utf8' });
  assert.equal(status, expected, `ipfi gen ts ${args.join(' ')}\n${stdout}${stderr}`);
  return { stdout, stderr };
}
