//! The claims about wires, over WebSocket: in memory on a virtual clock, with large and small buffers and a byte at a time, over
//! TCP with the whole handshake, and within TLS.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

use interop_tests::cable::Cable;
use interop_tests::conformance::{Cut, WireCarrier, run_all};
use interop_tests::held_clock::hold_both;
use interop_tests::pieces::Pieces;
use interop_tests::quic_pair::identity;
use ipfi_core::session::Side;
use ipfi_core::{Wire, WireOptions};
use ipfi_quic::tls::{TlsClient, TlsServer, Trust};
use ipfi_ws::WsOptions;
use ipfi_ws::endpoint::{accept, accept_tls, connect, connect_tls};
use ipfi_ws::session::Upgraded;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, join};
use tokio::net::{TcpListener, TcpStream};

/// What carries the bytes.
#[derive(Clone, Copy)]
enum Carrier {
    /// A pipe in memory that holds so many bytes each way, after a handshake that somebody else made.
    Duplex(usize),
    /// The same, in single bytes.
    SingleBytes,
    /// Sockets, with the handshake.
    Tcp,
    /// The same within TLS.
    Tls,
}

/// Both ends of a socket on a virtual clock.
async fn sockets() -> (
    impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    for socket in [&client, &server] {
        socket.set_nodelay(true).unwrap();
    }
    let (client, server) = hold_both(client.into_split(), server.into_split());
    (join(client.0, client.1), join(server.0, server.1))
}

async fn upgraded<T>(ends: (T, T), options: (WireOptions, WireOptions)) -> (Wire, Wire, Cut)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (cable, ws) = (Cable::new(), WsOptions::default());
    let (client, server) = tokio::join!(
        Upgraded::new(cable.lead(ends.0), Vec::new(), Side::Client).wire(options.0, &ws),
        Upgraded::new(cable.lead(ends.1), Vec::new(), Side::Server).wire(options.1, &ws),
    );
    (client.unwrap(), server.unwrap(), Box::new(move |detail| cable.cut(detail)))
}

impl WireCarrier for Carrier {
    async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire, Cut) {
        let ws = WsOptions::default();
        let pieces = |ends: (DuplexStream, DuplexStream)| (Pieces::new(ends.0), Pieces::new(ends.1));
        match *self {
            Self::Duplex(bytes) => upgraded(tokio::io::duplex(bytes), (client, server)).await,
            Self::SingleBytes => upgraded(pieces(tokio::io::duplex(4 << 10)), (client, server)).await,
            Self::Tcp => {
                let (cable, ends) = (Cable::new(), sockets().await);
                let (client, server) = tokio::join!(
                    connect(cable.lead(ends.0), "localhost", "/", &ws, client),
                    accept(cable.lead(ends.1), None, &ws, server),
                );
                (client.unwrap(), server.unwrap(), Box::new(move |detail| cable.cut(detail)))
            }
            Self::Tls => {
                let (cable, ends) = (Cable::new(), sockets().await);
                let trust = Trust::pinned([identity().certificate_hash()]);
                let tls_client = TlsClient::builder(trust).build_without_protocols().unwrap();
                let tls_server = TlsServer::builder(identity()).build_without_protocols().unwrap();
                let (client, server) = tokio::join!(
                    connect_tls(cable.lead(ends.0), "localhost", &tls_client, "localhost", "/", &ws, client),
                    accept_tls(cable.lead(ends.1), &tls_server, None, &ws, server),
                );
                (client.unwrap(), server.unwrap(), Box::new(move |detail| cable.cut(detail)))
            }
        }
    }
}

async fn every_claim_holds_over(carrier: Carrier) {
    let report = run_all(carrier).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_a_pipe_that_takes_whole_messages() {
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
async fn every_claim_holds_over_tls() {
    every_claim_holds_over(Carrier::Tls).await;
}
