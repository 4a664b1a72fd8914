//! The machine of the mux alone: two of them, handed each other's bytes. Time stands still.

use core::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use ipfi_mux::connection::{READ_BLOCK_BYTES, Transmit};
use ipfi_mux::stream_id::Dir;
use ipfi_mux::{Config, Connection, StreamKey};

/// What a driver takes at once.
const BATCH_BYTES: usize = 64 << 10;

/// The payload of a small frame.
const PAYLOAD: Bytes = Bytes::from_static(b"32 bytes of text, as a user has.");

/// A machine and what has come to it.
struct End {
    connection: Connection,
    input: BytesMut,
}

impl End {
    fn new(side: Side) -> Self {
        let connection = Connection::new(Config::new(side), Time::ZERO).expect("the defaults are consistent");
        Self { connection, input: BytesMut::with_capacity(READ_BLOCK_BYTES) }
    }

    fn write(&mut self, stream: StreamKey, mut data: Bytes, fin: bool) {
        let written = self.connection.poll_write(stream, Waker::noop(), &mut data, fin);
        assert_eq!(written, Poll::Ready(Ok(())));
    }

    /// Reads `bytes` and the end, if it is expected.
    fn read(&mut self, stream: StreamKey, bytes: usize, fin: bool) {
        let Poll::Ready(Ok(chunk)) = self.connection.poll_read(stream, Waker::noop(), usize::MAX) else {
            panic!("nothing has come");
        };
        assert_eq!((chunk.bytes.len(), chunk.fin), (bytes, fin));
    }

    fn open(&mut self) -> StreamKey {
        match self.connection.poll_open(Dir::Bi, &mut None, Waker::noop()) {
            Poll::Ready(opened) => opened.expect("the connection is open").0,
            Poll::Pending => panic!("no credit to open a stream"),
        }
    }

    fn accept(&mut self) -> StreamKey {
        match self.connection.poll_accept(Dir::Bi, Waker::noop()) {
            Poll::Ready(accepted) => accepted.expect("the connection is open").0,
            Poll::Pending => panic!("no stream was opened"),
        }
    }

    fn drop_both(&mut self, stream: StreamKey) {
        self.connection.drop_send(stream);
        self.connection.drop_recv(stream);
    }

    /// Sends what there is to send, as a driver does; whether there was anything.
    fn transmit(&mut self, to: &mut Self) -> bool {
        if !self.connection.has_pending_output() {
            return false;
        }
        while self.connection.poll_transmit(Time::ZERO, &mut to.input, BATCH_BYTES) != Transmit::Idle {
            self.connection.handle_transmitted(Time::ZERO);
        }
        to.connection.handle_input(Time::ZERO, &mut to.input);
        to.connection.take_wakes().fire();
        true
    }
}

/// Two machines after the handshake: the client and the server.
fn pair() -> (End, End) {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    while client.transmit(&mut server) | server.transmit(&mut client) {}
    (client, server)
}

/// Small STREAM frames of one stream, each written, sent in a batch of its own, received and read.
pub(crate) fn frames(times: u64) {
    let (mut client, mut server) = pair();
    let sending = client.open();
    client.write(sending, PAYLOAD, false);
    client.transmit(&mut server);
    let receiving = server.accept();
    server.read(receiving, PAYLOAD.len(), false);
    for _ in 0..times {
        client.write(sending, PAYLOAD, false);
        client.transmit(&mut server);
        server.read(receiving, PAYLOAD.len(), false);
        // Credit, when it is due.
        server.transmit(&mut client);
    }
}

/// Bidirectional streams that are opened, accepted, finished by both sides without a byte, and closed.
pub(crate) fn streams(times: u64) {
    let (mut client, mut server) = pair();
    for _ in 0..times {
        let calling = client.open();
        client.write(calling, Bytes::new(), true);
        client.transmit(&mut server);
        let answering = server.accept();
        server.read(answering, 0, true);
        server.write(answering, Bytes::new(), true);
        server.drop_both(answering);
        server.transmit(&mut client);
        client.read(calling, 0, true);
        client.drop_both(calling);
    }
    while client.transmit(&mut server) | server.transmit(&mut client) {}
    assert_eq!((client.connection.open_streams(), server.connection.open_streams()), (0, 0));
}
