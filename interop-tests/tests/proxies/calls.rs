//! What goes through a proxy, and what is said when nothing does.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use ipfi::{ConnectError, Connector, Server, Trust, Wire};
use tokio::task::JoinSet;

use crate::proxy::{BOTH, Proxy, Running, interface, within};

const LONG: Duration = Duration::from_secs(50);

/// Calls of every size and number.
async fn calls(wire: &Wire) {
    let greeting: String = within("a greeting", wire.call(0, ("Ada",))).await.unwrap();
    assert_eq!(greeting, "Hello, Ada!");
    let mut many = JoinSet::new();
    for n in 0..200 {
        let wire = wire.clone();
        many.spawn(async move { wire.call::<String>(0, (format!("{n}"),)).await.unwrap() });
    }
    let many = within("two hundred calls", many.join_all()).await;
    assert_eq!(many.len(), 200);
    let numbers = within("a stream", wire.stream::<u64>(2, (50_000_u64,))).await.unwrap();
    let numbers: Vec<u64> = within("its items", numbers.try_collect::<Vec<_>>()).await.unwrap();
    assert_eq!(numbers, (0..50_000).collect::<Vec<_>>());
    let bulk = Bytes::from(vec![7; 3 << 20]);
    for _ in 0..10 {
        let back: Bytes = within("bulk", wire.call(3, (bulk.clone(),))).await.unwrap();
        assert_eq!(back, bulk);
    }
}

#[ignore = "installs nginx and HAProxy, as root: `cargo xtask test --net` runs it"]
#[tokio::test]
async fn calls_streams_and_bulk_go_through_with_and_without_tls() {
    for kind in BOTH {
        let server = Running::new(Server::new(interface())).await;
        let proxy = Proxy::start(kind, &server.authority, LONG).await;
        let connector = Connector::new().trust(Trust::pinned([proxy.certificate]));
        for url in [&proxy.plain, &proxy.secure] {
            let wire = within("connecting", connector.connect(url))
                .await
                .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            calls(&wire).await;
            // Who the client is, in the proxy's words.
            let from: Option<String> = wire.call(4, ("x-forwarded-for",)).await.unwrap();
            assert_eq!(from.as_deref(), Some("127.0.0.1"), "{kind:?}");
        }
    }
}

#[ignore = "installs nginx and HAProxy, as root: `cargo xtask test --net` runs it"]
#[tokio::test]
async fn a_proxy_with_nobody_behind_it_is_named_by_its_answer() {
    for kind in BOTH {
        let server = Running::new(Server::new(interface())).await;
        let proxy = Proxy::start(kind, &server.authority, LONG).await;
        drop(server);
        // The listener goes with its task.
        let error = within("an answer that nobody is there", async {
            loop {
                match ipfi::connect(&proxy.plain).await {
                    Err(ConnectError::Handshake { source, .. }) => break source.to_string(),
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        })
        .await;
        assert!(error.contains("the server answered 50"), "{kind:?}: {error}");
    }
}

#[ignore = "installs nginx and HAProxy, as root: `cargo xtask test --net` runs it"]
#[tokio::test]
async fn a_proxy_that_is_stopped_ends_every_call_through_it_and_no_other() {
    for kind in BOTH {
        let server = Running::new(Server::new(interface())).await;
        let mut proxy = Proxy::start(kind, &server.authority, LONG).await;
        let through = ipfi::connect(&proxy.plain).await.unwrap();
        let beside = ipfi::connect(&format!("ws://{}/ipfi", server.authority)).await.unwrap();
        let call = {
            let wire = through.clone();
            tokio::spawn(async move { wire.call::<()>(1, ()).await })
        };
        within("the call", async {
            while through.outbound_calls() == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        tokio::task::spawn_blocking(move || {
            proxy.kill();
            proxy
        })
        .await
        .unwrap();
        let error = within("the end of the call", call).await.unwrap().unwrap_err();
        assert!(error.connection_error().is_some(), "{kind:?}: {error}");
        let reason = within("the end of the wire", through.closed()).await.to_string();
        assert!(reason.starts_with("connection lost: "), "{kind:?}: {reason}");
        calls(&beside).await;
    }
}
