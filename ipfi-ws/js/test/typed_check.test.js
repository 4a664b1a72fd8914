// A typed client and its peer are compared before the first call: clauses 15.2 and 15.4.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { string, struct, u32, u64 } from '../src/codec/bincode.js';
import { Interface } from '../src/interface.js';
import { pair } from '../src/testing.js';
import { TypedError, check, procedure, sequence, serve, typed } from '../src/typed.js';
import { compatible } from '../src/typed/compatible.js';
import { describe } from '../src/typed/description.js';
import { connectWebSocket } from '../src/carrier/websocket.js';
import { Sampler, SamplerClient } from './generated/sampler.js';
import { rustPeer, serveWeb } from './rust_peer.js';
import { vectors } from './vectors.js';

for (const { name, caller, callee, mismatches } of vectors('compatible').pairs) {
  test(`what does not fit is found and named: ${name}`, () => {
    assert.deepEqual(compatible(caller, callee), mismatches);
  });
}

/** The description that the tables were made of. */
const described = () => JSON.parse(readFileSync(new URL('./generated/sampler.json', import.meta.url), 'utf8'))[0];

test('tables say what they were made of', () => {
  assert.deepEqual(compatible(describe(Sampler), described()), []);
  assert.deepEqual(compatible(described(), describe(Sampler)), []);
  // And not because nothing was compared.
  const other = described();
  const everything = other.types.find(({ name }) => name === 'Everything').form.struct.named;
  for (const [n, field] of everything.entries()) {
    const { shape } = field;
    field.shape = { tuple: Array(17).fill('unit') };
    const [mismatch] = compatible(describe(Sampler), other);
    assert.match(mismatch.place, new RegExp(`^argument value\\.${field.name}`), `${n}`);
    field.shape = shape;
  }
});

test('a client asks the Rust server whether it serves its version, and is told what differs', async (t) => {
  const { ws } = await serveWeb(t, rustPeer(), 'null');
  const wire = await connectWebSocket(ws);
  const sampler = await SamplerClient.checked(wire);
  assert.equal(await sampler.join(1, 2n, null, []), '1 2  []');
  const Other = typed('Sampler', { count: sequence(509795666, { args: [u64, u32], returns: string }), gone: procedure(1) });
  await assert.rejects(check(wire, Other), {
    name: 'CheckError',
    message:
      'the peer serves another version: Sampler.count, argument limit: the caller has u32, the callee u64; ' +
      'Sampler.count, an item: the caller has String, the callee u64; Sampler.gone: the caller has index 1, the callee no such method',
  });
  await assert.rejects(check(wire, typed('Nobody', {})), { message: 'the peer does not serve Nobody, but Sampler' });
  wire.close();
});

test('a peer that does not say what it serves, or says something else, cannot be compared', async () => {
  const { client, server } = await pair({ interface: new Interface() });
  await assert.rejects(SamplerClient.checked(client), { name: 'CheckError', message: /^what the peer serves cannot be compared: UNIMPLEMENTED/ });
  for (const answer of [null, 7, [null], [{ name: 'Sampler' }], [{ name: 'Sampler', types: [], methods: [7] }]]) {
    server.offered.offers.set(2 ** 30 + 1, { ...new Interface().procedure(0, () => answer).offers.get(0) });
    await assert.rejects(SamplerClient.checked(client), { name: 'CheckError', message: /another version|cannot be compared/ });
  }
  const circle = { name: 'Sampler', doc: '', types: [{ name: 'A\n', form: { struct: { newtype: { type: 'A\n' } } } }], methods: described().methods };
  for (const method of circle.methods) method.answer = { type: 'A\n' };
  server.offered.offers.set(2 ** 30 + 1, { ...new Interface().procedure(0, () => [circle]).offers.get(0) });
  await assert.rejects(SamplerClient.checked(client), ({ message }) => /A\\u\{a\} \(not described\)/.test(message) && !message.includes('\n'));
});

test('a handler that is missing is missed before anybody calls, and a typed offer takes its own codec alone', async () => {
  const Small = typed('Small', { half: procedure(20, { args: [u32], returns: struct({ half: u32 }), throws: string }) });
  assert.throws(() => serve(new Interface(), Small, {}), { message: 'Small.half has no handler' });
  class Halver {
    by = 2;
    half(number) {
      if (number % this.by) throw new TypedError('odd');
      return { half: number / this.by };
    }
  }
  const { client } = await pair({ interface: serve(new Interface(), Small, new Halver()) });
  const { codec } = Small.methods.half;
  assert.deepEqual(await client.call(20, [4], { codec }), { Ok: { half: 2 } });
  assert.deepEqual(await client.call(20, [3], { codec }), { Err: 'odd' });
  await assert.rejects(client.call(20, [4]), { code: 'UNIMPLEMENTED', text: 'procedure 20 does not take codec 3' });
});
