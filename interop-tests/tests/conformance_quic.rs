//! The claims about wires, over native QUIC streams on a simulated network, in virtual time: with small calls on a
//! stream that they share, and with a stream for each (clause 12.5).

use interop_tests::conformance::{Cut, WireCarrier, run_all};
use interop_tests::quic_pair::QuicPair;
use ipfi_core::{Wire, WireOptions};
use ipfi_quic::QuicOptions;

/// QUIC with such options.
struct Quic(QuicOptions);

impl WireCarrier for Quic {
    async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire, Cut) {
        // Each end's transport has the limits of its wire.
        let pair = QuicPair::with_limits(client.limits_ref(), server.limits_ref(), &self.0);
        let cut = pair.cutter();
        let (client, server) = pair.wires(client, server).await;
        (client, server, Box::new(move |_| cut()))
    }

    fn cut_detail(&self) -> &'static str {
        "the UDP endpoint is gone: its socket failed, or its runtime shut down"
    }
}

async fn every_claim_holds_over(options: QuicOptions) {
    let report = run_all(Quic(options)).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_with_small_calls_together() {
    every_claim_holds_over(QuicOptions::default()).await;
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_with_a_stream_for_each_call() {
    let mut options = QuicOptions::default();
    options.shared_calls = false;
    every_claim_holds_over(options).await;
}
