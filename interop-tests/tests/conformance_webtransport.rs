//! The claims about wires, within WebTransport (clause 12.6) on a simulated network, in virtual time: with small calls on a stream that
//! they share, and with a stream for each.

use interop_tests::conformance::{Cut, WireCarrier, run_all};
use interop_tests::quic_pair::{QuicPair, SERVER, web_tls};
use ipfi_core::{Wire, WireOptions};
use ipfi_quic::{QuicOptions, WebTransportOptions};

/// WebTransport over QUIC with such options.
struct Web(QuicOptions);

impl WireCarrier for Web {
    async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire, Cut) {
        let tls = web_tls();
        // Each end's transport has the limits of its wire.
        let pair = QuicPair::with_tls((client.limits_ref(), &tls.0), (server.limits_ref(), &tls.1), &self.0);
        let cut = pair.cutter();
        let web = WebTransportOptions::default();
        let taking = pair.server.clone().with_webtransport(web.clone());
        let accept = async { taking.accept().await.expect("the endpoint is open").wire(server).await };
        let connect =
            pair.client.connect_webtransport(SERVER.into(), "localhost", "https://localhost/", &web, client);
        let (client, server) = tokio::join!(connect, accept);
        let (client, server) = (client.expect("it connects"), server.expect("it is connected to"));
        (client, server, Box::new(move |_| cut()))
    }

    fn cut_detail(&self) -> &'static str {
        "the UDP endpoint is gone: its socket failed, or its runtime shut down"
    }
}

async fn every_claim_holds_over(options: QuicOptions) {
    let report = run_all(Web(options)).await;
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
