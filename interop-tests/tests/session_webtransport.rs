//! The claims about sessions, within WebTransport (clause 12.6) on a simulated network, in virtual time: a perfect one, and one
//! whose round trip is four milliseconds.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use interop_tests::quic_pair::{QuicPair, SERVER, web_tls};
use interop_tests::session_suite::{Carrier, run_all};
use interop_tests::udp_net::Path;
use ipfi_core::limits::Limits;
use ipfi_quic::{QuicOptions, QuicSession, WebTransportOptions, webtransport};

/// A network with such paths.
struct Web(Path);

impl Carrier for Web {
    type Session = QuicSession;

    async fn pair(&self, limits: Limits) -> (QuicSession, QuicSession) {
        let mut options = QuicOptions::default();
        options.shared_calls = false;
        let tls = web_tls();
        let QuicPair { net, client, server, .. } =
            QuicPair::with_tls((&limits, &tls.0), (&limits, &tls.1), &options);
        net.set_default_path(self.0.clone());
        let (connecting, accepting) = (client.quinn(), server.quinn());
        let web = WebTransportOptions::default();
        tokio::join!(
            async {
                let connecting = connecting.connect_with(client.config().clone(), SERVER.into(), "localhost");
                let connection = connecting.unwrap().await.unwrap();
                webtransport::connect(connection, "https://localhost/ipfi", &limits, &options, &web)
                    .await
                    .unwrap()
            },
            async {
                let connection = accepting.accept().await.unwrap().await.unwrap();
                webtransport::accept(connection, &limits, &options, &web).await.unwrap().0
            }
        )
    }
}

async fn every_claim_holds_over(path: Path) {
    let report = run_all(&Web(path)).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_a_perfect_network() {
    every_claim_holds_over(Path::default()).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_a_path_of_two_milliseconds() {
    every_claim_holds_over(Path::with_delay(Duration::from_millis(2))).await;
}
