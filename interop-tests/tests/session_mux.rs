//! The claims about sessions, over QMux with the tokio driver: in memory on a virtual clock, with large
//! and small buffers and a byte at a time, and over real sockets.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

use interop_tests::pieces::Pieces;
use interop_tests::session_suite::{Carrier, run_all};
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_mux::MuxSession;
use ipfi_mux::driver::tokio::session;
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// Both ends over the two ends of a pipe.
fn over<T>(client: T, server: T, limits: &Limits) -> (MuxSession, MuxSession)
where
    T: AsyncRead + AsyncWrite + Send + 'static,
{
    let end = |pipe, side| {
        let (reader, writer) = split(pipe);
        session(reader, writer, side, limits.clone()).unwrap()
    };
    (end(client, Side::Client), end(server, Side::Server))
}

/// A pipe in memory that holds so many bytes each way.
struct Duplex {
    buffer_bytes: usize,
}

impl Carrier for Duplex {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let (client, server) = tokio::io::duplex(self.buffer_bytes);
        over(client, server, &limits)
    }
}

/// The same, in single bytes.
struct SingleBytes;

impl Carrier for SingleBytes {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let (client, server) = tokio::io::duplex(100);
        over(Pieces::new(client), Pieces::new(server), &limits)
    }
}

/// TCP on this machine.
struct Tcp;

impl Carrier for Tcp {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        for socket in [&client, &server] {
            socket.set_nodelay(true).unwrap();
        }
        over(client, server, &limits)
    }
}

/// A pair of Unix sockets.
struct Unix;

impl Carrier for Unix {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let (client, server) = UnixStream::pair().unwrap();
        over(client, server, &limits)
    }
}

async fn every_claim_holds_over(carrier: impl Carrier) {
    let report = run_all(&carrier).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_a_pipe_that_takes_whole_batches() {
    every_claim_holds_over(Duplex { buffer_bytes: 1 << 20 }).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_a_pipe_of_four_kilobytes() {
    every_claim_holds_over(Duplex { buffer_bytes: 4 << 10 }).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_when_the_pipe_moves_one_byte_at_a_time() {
    every_claim_holds_over(SingleBytes).await;
}

#[tokio::test]
async fn every_claim_holds_over_tcp() {
    every_claim_holds_over(Tcp).await;
}

#[tokio::test]
async fn every_claim_holds_over_unix_sockets() {
    every_claim_holds_over(Unix).await;
}
