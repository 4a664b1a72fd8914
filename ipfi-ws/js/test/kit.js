// What the claims are made of: an interface to call, probes in its handlers, a stage for two wires. The names are those of
// `interop-tests/src/conformance/`.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Interface } from '../src/interface.js';
import { MuxSession } from '../src/mux/session.js';
import { RecordReader, putRecord } from '../src/record.js';
import { Clock, MemoryTransport, pair } from '../src/testing.js';
import { Wire } from '../src/wire.js';

export const ECHO = 0;
export const COUNT = 1;
export const SUM = 2;
export const TIMES = 3;
export const RAW_ECHO = 4;
export const SLEEP = 5;
export const NEVER = 6;
export const ONE_THEN_NEVER = 7;
export const ECHO_BYTES = 8;
export const NEVER_READS = 9;
export const NOTE = 10;
export const OWN = 100;

/** Fulfilled when `signal` aborts. */
export const aborted = (signal) =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

/** Procedures of every kind. */
export const standard = (clock) =>
  new Interface()
    .procedure(ECHO, ([text]) => text)
    .sequence(COUNT, function* ([to]) {
      for (let n = 0; n < to; n++) yield n;
    })
    .procedureWithItems(SUM, async (_, numbers) => {
      let sum = 0;
      for await (const n of numbers) sum += n;
      return sum;
    })
    .sequenceWithItems(TIMES, async function* ([by], numbers) {
      for await (const n of numbers) yield n * by;
    })
    .sequenceWithItems(RAW_ECHO, async function* ([first], items) {
      yield first;
      for await (const item of items) yield item;
    })
    .procedure(SLEEP, async ([ms]) => {
      await clock.sleep(ms);
      return ms;
    })
    .procedure(NEVER, (_, { signal }) => aborted(signal))
    .sequence(ONE_THEN_NEVER, async function* (_, { signal }) {
      yield 0;
      await aborted(signal);
    })
    .procedure(ECHO_BYTES, ([bytes]) => bytes)
    .procedureWithItems(NEVER_READS, (_, items, { signal }) => aborted(signal))
    .notification(NOTE, () => {});

/** What handlers have seen of their calls. */
export class Probe {
  started = 0;
  running = 0;
  most = 0;
  causes = [];

  /** Notes the start of a handler; what it returns notes the end. */
  enter(context) {
    this.started++;
    this.running++;
    this.most = Math.max(this.most, this.running);
    return () => {
      this.running--;
      this.causes.push(context.cancelCause);
    };
  }

  /** A procedure of one value that never answers. */
  never = async (_, context) => {
    const leave = this.enter(context);
    await aborted(context.signal);
    leave();
  };
}

/** Numbers that look random and are the same each time. */
export function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A memory link whose records have their Size and come in pieces. */
class PiecesTransport extends MemoryTransport {
  constructor(next) {
    super();
    this.random = next;
    this.reader = new RecordReader(65_536);
  }

  send(bytes) {
    const sized = putRecord(bytes);
    for (let at = 0; at < sized.length; ) {
      const end = Math.min(sized.length, at + 1 + this.random(this.random(4) === 0 ? 5000 : 40));
      super.send(sized.subarray(at, end));
      at = end;
    }
  }
}

/** @returns two wires over pieces, as `pair` gives them over messages */
async function piecesPair(server, client, clock) {
  const next = random(7);
  const ends = [new PiecesTransport(next), new PiecesTransport(next)];
  ends[0].peer = ends[1];
  ends[1].peer = ends[0];
  const open = (side, transport, options) =>
    new Wire(
      (deadlines, limits) => {
        const session = new MuxSession(side, limits, transport, deadlines);
        transport.session = {
          received: (bytes) => {
            for (const record of transport.reader.push(bytes)) session.received(record);
          },
          drained: () => session.drained(),
          lost: (detail) => session.lost(detail),
        };
        return session;
      },
      { runtime: clock, onHandlerError: () => {}, ...options },
    );
  const wires = { server: open('server', ends[1], server), client: open('client', ends[0], client) };
  await Promise.all([wires.client.opened, wires.server.opened]);
  return { ...wires, clock, toServer: ends[0], toClient: ends[1] };
}

/** Where a claim is staged: which carrier, who calls. */
class Stage {
  constructor(carrier, callerIs) {
    this.carrier = carrier;
    this.callerIs = callerIs;
    this.clock = new Clock();
    this.standard = () => standard(this.clock);
  }

  /** A caller and a callee; options are a wire's, or an interface alone. */
  async wires(caller = {}, callee = {}) {
    const [a, b] = [caller, callee].map((options) => (options instanceof Interface ? { interface: options } : options));
    const [server, client] = this.callerIs === 'client' ? [b, a] : [a, b];
    const { clock } = this;
    const made = this.carrier === 'pieces' ? await piecesPair(server, client, clock) : await pair(server, client, { clock });
    const [mine, theirs] = this.callerIs === 'client' ? [made.client, made.server] : [made.server, made.client];
    const [toCallee, toCaller] =
      this.callerIs === 'client' ? [made.toServer, made.toClient] : [made.toClient, made.toServer];
    return { caller: mine, callee: theirs, toCallee, toCaller };
  }

  settle() {
    return this.clock.settle();
  }
}

/** Stages a claim over every carrier, in both roles. */
export function claim(name, act) {
  for (const [carrier, callerIs] of [['messages', 'client'], ['messages', 'server'], ['pieces', 'client']]) {
    test(`${name} (${carrier}, the ${callerIs} calls)`, () => act(new Stage(carrier, callerIs)));
  }
}

/** Demands that the connection still serves. */
export async function alive(caller) {
  assert.equal(await caller.call(ECHO, ['alive']), 'alive');
}

/** Demands that nothing of any call is left at either end. */
export async function idle(stage, caller, callee) {
  await stage.settle();
  for (const [name, wire] of [['caller', caller], ['callee', callee]]) {
    assert.deepEqual([name, wire.outbound.size, wire.inbound.size], [name, 0, 0]);
    assert.equal(wire.reassembly.bytes, 0, `bytes of half-received messages at the ${name}`);
    const { connection } = wire.session;
    if (!connection || connection.ended) continue;
    assert.ok(connection.credit.holds, 'the connection window covers every stream window');
    assert.equal(connection.queued, 0);
  }
}

/** Demands that all credit has come back to `wire`. */
export function creditBack(wire) {
  const { connection } = wire.session;
  const { credit, remote, initialWindow, limits } = connection;
  const potential = remote.reduce((sum, { granted, opened, window }) => sum + (granted - opened) * window, 0);
  const pool = limits.window_pool_bytes - limits.max_inbound_notifications * limits.notification_window_bytes;
  // The peer's control stream lives on.
  const control = [...connection.streams.values()].reduce((sum, stream) => sum + stream.credit.granted - stream.credit.received, 0);
  assert.deepEqual(
    { unread: credit.received - credit.released, committed: credit.committed - potential - control, window: credit.window - initialWindow, pool: credit.pool },
    { unread: 0, committed: 0, window: 0, pool },
  );
}

/** Demands that a call failed with `code`, and gives how. */
export async function failed(promise, code) {
  let status;
  await assert.rejects(promise, (error) => {
    status = error;
    assert.equal(error.name, 'Status', String(error?.stack ?? error));
    assert.equal(error.code, code, error.message);
    return true;
  });
  return status;
}

export const collect = async (items) => {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
};

export const range = (to) => Array.from({ length: to }, (_, n) => n);
