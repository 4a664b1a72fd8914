// The Rust end of tests, built anew where it has changed: one that is missing or stale would prove nothing.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
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

/** A server of every carrier of the web, which pages of `origin` may call: its URLs, and its certificate with the hash, in hex. */
export async function serveWeb(t, peer, origin) {
  const server = spawn(peer, ['serve-web', origin], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill());
  const [line] = await once(createInterface(server.stdout), 'line');
  const [ws, wss, quic, hash, certificate] = line.split(' ');
  return { ws, wss, https: quic.replace('quic:', 'https:'), hash, certificate: Buffer.from(certificate, 'hex') };
}
