// Connects as `connect` does, over the QMux of @moq/qmux, in Node and in a page.
import Session from '@moq/qmux';

import { WebTransportSession } from '../src/carrier/webtransport.js';
import { Wire } from '../src/wire.js';

export async function dial(url, options = {}) {
  const session = new Session(url, { protocols: ['ipfi-1'], versions: { 'ipfi-1': 'qmux-02' } });
  await session.ready;
  const wire = new Wire((_, limits) => new WebTransportSession(session, limits), options);
  await wire.opened;
  return wire;
}
