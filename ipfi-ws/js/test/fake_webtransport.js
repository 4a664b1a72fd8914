// WebTransport in memory, made of the platform's streams: both ends have the interface that a browser has.

globalThis.WebTransportError ??= class WebTransportError extends Error {
  constructor(message = '', { source = 'stream', streamErrorCode = null } = {}) {
    super(message);
    this.source = source;
    this.streamErrorCode = streamErrorCode;
  }
};

/** One direction: what is written at one end is read at the other, resets and stops pass with their codes. */
function direction() {
  let out;
  let wait = null;
  const readable = new ReadableStream(
    {
      start: (controller) => (out = controller),
      pull: () => {
        wait?.();
        wait = null;
      },
      cancel: (reason) => {
        control.error(reason);
        wait?.();
      },
    },
    { highWaterMark: 65_536, size: ({ length }) => length },
  );
  let control;
  const writable = new WritableStream(
    {
      start: (controller) => (control = controller),
      write: async (chunk) => {
        out.enqueue(chunk.slice());
        if (out.desiredSize <= 0) await new Promise((resolve) => (wait = resolve));
      },
      close: () => out.close(),
      abort: (reason) => {
        wait?.();
        try {
          out.error(reason);
        } catch {}
      },
    },
    { highWaterMark: 65_536, size: ({ length }) => length },
  );
  return { readable, writable };
}

class End {
  constructor() {
    this.incomingBidirectionalStreams = new ReadableStream({ start: (c) => (this.bi = c) });
    this.incomingUnidirectionalStreams = new ReadableStream({ start: (c) => (this.uni = c) });
    this.closed = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.closed.catch(() => {});
    this.live = [];
    const { readable, writable } = direction();
    this.datagramsIn = writable;
    this.datagrams = { readable, maxDatagramSize: 1200 };
    this.protocol = 'ipfi-1';
    this.ready = Promise.resolve();
  }

  async createBidirectionalStream() {
    const [there, back] = [direction(), direction()];
    this.peer.bi.enqueue({ readable: there.readable, writable: back.writable });
    return { readable: back.readable, writable: there.writable };
  }

  async createUnidirectionalStream() {
    const { readable, writable } = direction();
    this.peer.uni.enqueue(readable);
    return writable;
  }

  close({ closeCode = 0, reason = '' } = {}) {
    this.resolve({ closeCode, reason });
    queueMicrotask(() => this.peer.resolve({ closeCode, reason }));
  }

  cut(detail) {
    for (const end of [this, this.peer]) end.reject(new Error(detail));
  }
}

/** Two ends. */
export function fakeWebTransport() {
  const [client, server] = [new End(), new End()];
  client.peer = server;
  server.peer = client;
  client.datagrams.writable = server.datagramsIn;
  server.datagrams.writable = client.datagramsIn;
  return { client, server };
}
