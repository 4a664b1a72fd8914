// What a page pays for the client stays below what is stated here and in the README.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PAGES, size } from '../bench/size.js';

const LIMITS = {
  'calls over WebTransport': 15_500,
  'the same, and is called': 19_500,
  'calls over WebSocket': 25_000,
  'the same, and is called back': 29_500,
  everything: 32_000,
  'everything, and bincode': 34_000,
};

for (const [name, source] of Object.entries(PAGES)) {
  test(`a page that has ${name} loads at most ${LIMITS[name]} bytes, minified and gzipped`, async () => {
    const { gzipped } = await size(source);
    assert.ok(gzipped <= LIMITS[name], `${gzipped} bytes`);
  });
}
