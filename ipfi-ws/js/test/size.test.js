// What a page pays for the client stays below what is stated here and in the README.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PAGES, size } from '../bench/size.js';

const LIMITS = {
  'calls over WebTransport': 16_450,
  'the same, and is called': 20_400,
  'calls over WebSocket': 24_600,
  'the same, and is called back': 28_500,
  'a typed client over WebSocket': 26_300,
  everything: 31_900,
  'everything, and bincode': 33_800,
};

for (const [name, source] of Object.entries(PAGES)) {
  test(`a page that has ${name} loads at most ${LIMITS[name]} bytes, minified and gzipped`, async () => {
    const { gzipped } = await size(source);
    assert.ok(gzipped <= LIMITS[name], `${gzipped} bytes`);
  });
}
