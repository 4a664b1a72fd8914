//! Proxies cut connections that nothing comes over.

use std::time::Duration;

use ipfi::{Connector, Limits, Server};
use tokio::time::{Instant, sleep};

use crate::proxy::{BOTH, Proxy, Running, interface, within};

/// What the proxies take for idle here.
const IDLE: Duration = Duration::from_secs(2);

#[ignore = "installs nginx and HAProxy, as root: `cargo xtask test --net` runs it"]
#[tokio::test]
async fn pings_keep_a_quiet_connection_longer_than_the_proxy_waits() {
    for kind in BOTH {
        let mut limits = Limits::default();
        limits.ping_interval = Some(Duration::from_millis(500));
        let server = Running::new(Server::new(interface()).limits(limits)).await;
        let proxy = Proxy::start(kind, &server.authority, IDLE).await;
        // Only the server asks: what it asks is answered, and both directions have something.
        let mut quiet = Limits::default();
        quiet.ping_interval = None;
        let wire = Connector::new().limits(quiet).connect(&proxy.plain).await.unwrap();
        sleep(3 * IDLE).await;
        assert_eq!(wire.close_reason(), None, "{kind:?}");
        let greeting: String = within("a greeting", wire.call(0, ("Ada",))).await.unwrap();
        assert_eq!(greeting, "Hello, Ada!");
    }
}

#[ignore = "installs nginx and HAProxy, as root: `cargo xtask test --net` runs it"]
#[tokio::test]
async fn without_pings_the_proxy_cuts_and_both_ends_say_that_it_was_not_them() {
    for kind in BOTH {
        let mut quiet = Limits::default();
        quiet.ping_interval = None;
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::new(interface()).limits(quiet.clone()).on_connect(move |wire| {
            let tell = tell.clone();
            async move { drop(tell.send(wire)) }
        });
        let server = Running::new(server).await;
        let proxy = Proxy::start(kind, &server.authority, IDLE).await;
        let wire = Connector::new().limits(quiet).connect(&proxy.plain).await.unwrap();
        let began = Instant::now();
        let here = within("the end of the client's wire", wire.closed()).await.to_string();
        assert!(began.elapsed() < Duration::from_secs(15), "{kind:?}: sooner than a dead peer is noticed");
        let there = within("the server's wire", told.recv()).await.unwrap();
        let there = within("the end of the server's wire", there.closed()).await.to_string();
        for reason in [here, there] {
            assert!(reason.starts_with("connection lost: "), "{kind:?}: {reason}");
        }
    }
}
