//! The claims about sessions, over WebSocket: in memory, with large and small buffers and a byte at a time, and over TCP, all on a
//! virtual clock.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

use interop_tests::held_clock::hold_both;
use interop_tests::pieces::Pieces;
use interop_tests::session_suite::{Carrier, run_all};
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_mux::MuxSession;
use ipfi_ws::WsOptions;
use ipfi_ws::session::Upgraded;
use tokio::io::{AsyncRead, AsyncWrite, join};
use tokio::net::{TcpListener, TcpStream};

async fn over<C, S>(client: C, server: S, limits: &Limits) -> (MuxSession, MuxSession)
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let ws = WsOptions::default();
    (
        Upgraded::new(client, Vec::new(), Side::Client).session(limits.clone(), &ws).await.unwrap(),
        Upgraded::new(server, Vec::new(), Side::Server).session(limits.clone(), &ws).await.unwrap(),
    )
}

/// A pipe in memory that holds so many bytes each way.
struct Duplex {
    buffer_bytes: usize,
}

impl Carrier for Duplex {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let (client, server) = tokio::io::duplex(self.buffer_bytes);
        over(client, server, &limits).await
    }
}

/// The same, in single bytes.
struct SingleBytes;

impl Carrier for SingleBytes {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let (client, server) = tokio::io::duplex(4 << 10);
        over(Pieces::new(client), Pieces::new(server), &limits).await
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
        let (client, server) = hold_both(client.into_split(), server.into_split());
        over(join(client.0, client.1), join(server.0, server.1), &limits).await
    }
}

async fn every_claim_holds_over(carrier: impl Carrier) {
    let report = run_all(&carrier).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_a_pipe_that_takes_whole_messages() {
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

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_tcp() {
    every_claim_holds_over(Tcp).await;
}
