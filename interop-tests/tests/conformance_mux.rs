//! The claims about wires, over QMux with the tokio driver: in memory on a virtual clock, with large and
//! small buffers and a byte at a time, and over real sockets and pipes.
//!
//! The claims sleep for seconds and count milliseconds: all of them run on a paused clock, which what
//! the system carries holds while bytes are under way.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

use interop_tests::cable::Cable;
use interop_tests::conformance::{Cut, WireCarrier, run_all};
use interop_tests::held_clock::hold_both;
use interop_tests::pieces::Pieces;
use ipfi_core::{Wire, WireOptions};
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// Both ends, each over what it reads from and what it writes to.
async fn over<CR, CW, SR, SW>(
    client: (CR, CW),
    server: (SR, SW),
    options: (WireOptions, WireOptions),
) -> (Wire, Wire, Cut)
where
    CR: AsyncRead + Send + Unpin + 'static,
    CW: AsyncWrite + Send + Unpin + 'static,
    SR: AsyncRead + Send + Unpin + 'static,
    SW: AsyncWrite + Send + Unpin + 'static,
{
    let cable = Cable::new();
    let (client, server) = tokio::join!(
        ipfi_mux::driver::tokio::connect(cable.lead(client.0), cable.lead(client.1), options.0),
        ipfi_mux::driver::tokio::accept(cable.lead(server.0), cable.lead(server.1), options.1),
    );
    (client.unwrap(), server.unwrap(), Box::new(move |detail| cable.cut(detail)))
}

/// What carries the bytes.
#[derive(Clone, Copy)]
enum Carrier {
    /// A pipe in memory that holds so many bytes each way.
    Duplex(usize),
    /// The same, in single bytes.
    SingleBytes,
    Tcp,
    Unix,
    /// What standard input and output are.
    SystemPipes,
}

impl WireCarrier for Carrier {
    async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire, Cut) {
        let options = (client, server);
        match *self {
            Self::Duplex(bytes) => {
                let (client, server) = tokio::io::duplex(bytes);
                over(split(client), split(server), options).await
            }
            Self::SingleBytes => {
                let (client, server) = tokio::io::duplex(4 << 10);
                over(split(Pieces::new(client)), split(Pieces::new(server)), options).await
            }
            Self::Tcp => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let (server, _) = listener.accept().await.unwrap();
                for socket in [&client, &server] {
                    socket.set_nodelay(true).unwrap();
                }
                let (client, server) = hold_both(client.into_split(), server.into_split());
                over(client, server, options).await
            }
            Self::Unix => {
                let (client, server) = UnixStream::pair().unwrap();
                let (client, server) = hold_both(client.into_split(), server.into_split());
                over(client, server, options).await
            }
            Self::SystemPipes => {
                let (client_writes, server_reads) = pipe::pipe().unwrap();
                let (server_writes, client_reads) = pipe::pipe().unwrap();
                let (client, server) =
                    hold_both((client_reads, client_writes), (server_reads, server_writes));
                over(client, server, options).await
            }
        }
    }
}

async fn every_claim_holds_over(carrier: Carrier) {
    let report = run_all(carrier).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_a_pipe_that_takes_whole_batches() {
    every_claim_holds_over(Carrier::Duplex(1 << 20)).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_a_pipe_of_four_kilobytes() {
    every_claim_holds_over(Carrier::Duplex(4 << 10)).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_when_the_pipe_moves_one_byte_at_a_time() {
    every_claim_holds_over(Carrier::SingleBytes).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_tcp() {
    every_claim_holds_over(Carrier::Tcp).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_unix_sockets() {
    every_claim_holds_over(Carrier::Unix).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_the_pipes_of_standard_input_and_output() {
    every_claim_holds_over(Carrier::SystemPipes).await;
}
