//! The claims about sessions, over native QUIC streams on a simulated network, in virtual time: a perfect one, and one
//! whose round trip is four milliseconds, which is as long as the claims have patience for.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use interop_tests::quic_pair::{QuicPair, SERVER};
use interop_tests::session_suite::{Carrier, run_all};
use interop_tests::udp_net::Path;
use ipfi_core::limits::Limits;
use ipfi_quic::{QuicOptions, QuicSession};

/// A network with such paths.
struct Quic(Path);

impl Carrier for Quic {
    type Session = QuicSession;

    async fn pair(&self, limits: Limits) -> (QuicSession, QuicSession) {
        let mut options = QuicOptions::default();
        options.shared_calls = false;
        let QuicPair { net, client, server, .. } = QuicPair::new(&limits, &options);
        net.set_default_path(self.0.clone());
        let (connecting, accepting) = (client.quinn(), server.quinn());
        let (client, server) = tokio::join!(
            async {
                connecting.connect_with(client.config().clone(), SERVER.into(), "localhost").unwrap().await
            },
            async { accepting.accept().await.unwrap().await }
        );
        (
            QuicSession::new(client.unwrap(), &limits, &options),
            QuicSession::new(server.unwrap(), &limits, &options),
        )
    }
}

async fn every_claim_holds_over(path: Path) {
    let report = run_all(&Quic(path)).await;
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
