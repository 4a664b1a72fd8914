// The Rust end of tests, built anew where it has changed: one that is missing or stale would prove nothing.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = path('../../../target/js-test-peer');

/** The program's path, once it is built. */
export function rustPeer() {
  const args = ['build', '--quiet', '--release', '--locked', '--manifest-path', path('./rust-peer/Cargo.toml'), '--target-dir', folder];
  const { status, error } = spawnSync('cargo', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`the Rust peer cannot be built (${error?.message ?? `status ${status}`}): cargo ${args.join(' ')}`);
  return `${folder}/release/js-test-peer`;
}
