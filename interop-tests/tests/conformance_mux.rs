//! The claims about wires, over QMux with the tokio driver: in memory on a virtual clock, with large and
//! small buffers and a byte at a time, and over real sockets.
//!
//! The claims sleep for seconds, which costs nothing on a paused clock. A paused clock does not wait for
//! the system's sockets: over them the real one runs, many claims beside each other, and those that are
//! about the clock itself are left to the pipes in memory.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use interop_tests::cable::Cable;
use interop_tests::conformance::{Cut, WireCarrier, claims, run_all, run_matching};
use interop_tests::pieces::Pieces;
use ipfi_core::{Wire, WireOptions};
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// Both ends over the two ends of a pipe.
async fn over<T>(client: T, server: T, options: (WireOptions, WireOptions)) -> (Wire, Wire, Cable)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let cable = Cable::new();
    let (client_reads, client_writes) = split(cable.lead(client));
    let (server_reads, server_writes) = split(cable.lead(server));
    let (client, server) = tokio::join!(
        ipfi_mux::driver::tokio::connect(client_reads, client_writes, options.0),
        ipfi_mux::driver::tokio::accept(server_reads, server_writes, options.1),
    );
    (client.unwrap(), server.unwrap(), cable)
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
}

impl Carrier {
    async fn make(self, client: WireOptions, server: WireOptions) -> (Wire, Wire, Cable) {
        let options = (client, server);
        match self {
            Self::Duplex(bytes) => {
                let (client, server) = tokio::io::duplex(bytes);
                over(client, server, options).await
            }
            Self::SingleBytes => {
                let (client, server) = tokio::io::duplex(100);
                over(Pieces::new(client), Pieces::new(server), options).await
            }
            Self::Tcp => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let (server, _) = listener.accept().await.unwrap();
                for socket in [&client, &server] {
                    socket.set_nodelay(true).unwrap();
                }
                over(client, server, options).await
            }
            Self::Unix => {
                let (client, server) = UnixStream::pair().unwrap();
                over(client, server, options).await
            }
        }
    }
}

impl WireCarrier for Carrier {
    async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire) {
        let (client, server, _) = self.make(client, server).await;
        (client, server)
    }

    async fn wires_to_cut(&self, client: WireOptions, server: WireOptions) -> Option<(Wire, Wire, Cut)> {
        let (client, server, cable) = self.make(client, server).await;
        Some((client, server, Box::new(move |detail| cable.cut(detail))))
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

/// Claims beside each other over sockets: they wait more than they work.
const BESIDE: usize = 16;

/// Claims that count milliseconds or hang on them, or that wait for ten seconds and more: the beginnings of their names.
const ABOUT_THE_CLOCK: [&str; 16] = [
    "the context tells",
    "a handler that is ready at once",
    "the observer is told",
    "a broken carrier ends every kind of waiting call",
    "[P5] 1000 cancellations that race",
    "[P6] a call that is answered in time",
    "[P6] what is left shrinks",
    "[P6] 1000 deadlines at once",
    "[P7] 500 calls in flight",
    "[P6] unary calls have the default deadline",
    "[P6] a call that waits for a place",
    "[P8] a unary call to a sequence",
    "a notification's deadline",
    "a stream that is detached",
    "calls wait while the hook considers",
    "more notifications than have a place",
];

/// Runs every claim that is not about the clock, on the real one.
fn every_claim_holds_over_sockets(carrier: Carrier) {
    let names: Vec<_> = claims().iter().map(|claim| claim.name).collect();
    for about in ABOUT_THE_CLOCK {
        assert!(names.iter().any(|name| name.starts_with(about)), "no claim begins with {about:?}");
    }
    let wanted: Vec<_> = names
        .into_iter()
        .filter(|name| !ABOUT_THE_CLOCK.iter().any(|about| name.starts_with(about)))
        .collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                while let Some(name) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = runtime.block_on(run_matching(carrier, |one| one == *name));
                    assert_eq!(report.results.len(), 2, "{name}");
                    assert!(report.failures().next().is_none(), "{report}");
                }
            });
        }
    });
}

#[test]
fn every_claim_that_is_not_about_the_clock_holds_over_tcp() {
    every_claim_holds_over_sockets(Carrier::Tcp);
}

#[test]
fn every_claim_that_is_not_about_the_clock_holds_over_unix_sockets() {
    every_claim_holds_over_sockets(Carrier::Unix);
}
