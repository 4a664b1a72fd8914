//! The claims about sessions, over QMux with the tokio driver: in memory, with large and small buffers
//! and a byte at a time, and over real sockets and pipes, all on a virtual clock.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

use interop_tests::held_clock::hold_both;
use interop_tests::pieces::Pieces;
use interop_tests::session_suite::{Carrier, run_all};
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_mux::MuxSession;
use ipfi_mux::driver::tokio::session;
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// Both ends, each over what it reads from and what it writes to.
fn over<CR, CW, SR, SW>(client: (CR, CW), server: (SR, SW), limits: &Limits) -> (MuxSession, MuxSession)
where
    CR: AsyncRead + Send + Unpin + 'static,
    CW: AsyncWrite + Send + Unpin + 'static,
    SR: AsyncRead + Send + Unpin + 'static,
    SW: AsyncWrite + Send + Unpin + 'static,
{
    (
        session(client.0, client.1, Side::Client, limits.clone()).unwrap(),
        session(server.0, server.1, Side::Server, limits.clone()).unwrap(),
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
        over(split(client), split(server), &limits)
    }
}

/// The same, in single bytes.
struct SingleBytes;

impl Carrier for SingleBytes {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let (client, server) = tokio::io::duplex(4 << 10);
        over(split(Pieces::new(client)), split(Pieces::new(server)), &limits)
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
        over(client, server, &limits)
    }
}

/// A pair of Unix sockets.
struct Unix;

impl Carrier for Unix {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let (client, server) = UnixStream::pair().unwrap();
        let (client, server) = hold_both(client.into_split(), server.into_split());
        over(client, server, &limits)
    }
}

/// What standard input and output are.
struct SystemPipes;

impl Carrier for SystemPipes {
    type Session = MuxSession;

    async fn pair(&self, limits: Limits) -> (MuxSession, MuxSession) {
        let (client_writes, server_reads) = pipe::pipe().unwrap();
        let (server_writes, client_reads) = pipe::pipe().unwrap();
        let (client, server) = hold_both((client_reads, client_writes), (server_reads, server_writes));
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

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_tcp() {
    every_claim_holds_over(Tcp).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_unix_sockets() {
    every_claim_holds_over(Unix).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_the_pipes_of_standard_input_and_output() {
    every_claim_holds_over(SystemPipes).await;
}
