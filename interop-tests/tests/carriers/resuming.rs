//! What a connector keeps between its connections: sessions, and the socket that they move with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use ipfi::{Connector, Context, Identity, Interface, QuicOptions, ReloadableIdentity, Server, Trust};

use crate::support::{Running, greeted, greeter, within};

/// Only a session that is resumed is not shown the certificate: the server's is replaced in between.
#[tokio::test]
async fn a_connector_that_comes_back_resumes_its_session_and_so_do_its_clones() {
    let old = Identity::development(&["localhost"]).unwrap();
    let shown = ReloadableIdentity::new(old.clone());
    let server = Server::new(greeter()).identity(shown.clone());
    let server = Running::bound(server.listen("quic://127.0.0.1:0").listen("tls://127.0.0.1:0")).await;
    let connector = || Connector::new().trust(Trust::pinned([old.certificate_hash()]));
    let kept = connector();
    for url in &server.urls {
        // The tickets come after the handshake.
        let wire = kept.connect(url).await.unwrap();
        greeted(&wire).await;
    }
    shown.replace(Identity::development(&["localhost"]).unwrap());
    for url in &server.urls {
        greeted(&within("coming back", kept.connect(url)).await.unwrap()).await;
        greeted(&within("a clone", kept.clone().connect(url)).await.unwrap()).await;
        let error = within("a stranger", connector().connect(url)).await.unwrap_err();
        assert!(error.to_string().contains("is not a pinned one"), "{error}");
        // Other settings are another connector.
        let changed = kept.clone().trust(Trust::pinned([old.certificate_hash()]));
        within("a changed one", changed.connect(url)).await.unwrap_err();
    }
}

#[tokio::test]
async fn connections_of_one_connector_share_a_socket_and_those_of_a_runtime_that_ended_are_not_used() {
    let interface = Interface::new()
        .procedure(0, |context: Context, (): ()| async move { context.peer().address().map(str::to_owned) });
    let (server, connector) = Running::everywhere(Server::new(interface)).await;
    let url = server.urls[0].clone();
    let (first, second) = (connector.connect(&url).await.unwrap(), connector.connect(&url).await.unwrap());
    let at: Option<String> = first.call(0, ()).await.unwrap();
    assert_eq!(second.call::<Option<String>>(0, ()).await.unwrap(), at);
    for _ in 0..6 {
        let (connector, url) = (connector.clone(), url.clone());
        let elsewhere = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let wire = connector.connect(&url).await.unwrap();
                wire.call::<Option<String>>(0, ()).await.unwrap()
            })
        });
        assert_ne!(within("another runtime", elsewhere).await.unwrap(), at);
    }
    let third = connector.connect(&url).await.unwrap();
    assert!(third.call::<Option<String>>(0, ()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_stream_goes_on_when_its_client_moves_to_another_port() {
    let interface = Interface::new()
        .sequence(0, |(): ()| {
            stream::unfold(0_u64, |n| async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Some((n, n + 1))
            })
        })
        .procedure(1, |(): ()| async {});
    let (server, connector) = Running::everywhere(Server::new(interface)).await;
    let wire = connector.connect(&server.urls[0]).await.unwrap();
    let mut numbers = wire.stream::<u64>(0, ()).await.unwrap();
    for expected in 0..300 {
        if expected % 100 == 50 {
            connector.rebind().unwrap();
        }
        assert_eq!(within("an item", numbers.try_next()).await.unwrap(), Some(expected));
    }
    within("a call", wire.call::<()>(1, ())).await.unwrap();
}

#[tokio::test]
async fn first_calls_leave_with_the_handshake_once_the_server_is_known() {
    let runs = Arc::new(AtomicUsize::new(0));
    let ran = Arc::clone(&runs);
    let interface = Interface::new().procedure(0, move |(): ()| {
        ran.fetch_add(1, Ordering::SeqCst);
        async { 7_u64 }
    });
    let mut options = QuicOptions::default();
    options.early_data = true;
    let server = Server::new(interface).quic_options(options.clone());
    let (server, connector) = Running::everywhere(server).await;
    let connector = connector.quic_options(options);
    // Unknown servers, and carriers without early data, are asked after the handshake.
    for url in &server.urls {
        let first = |wire: ipfi::Wire| async move { wire.call::<u64>(0, ()).await };
        let (wire, answer) = within("a first call", connector.connect_early(url, first)).await.unwrap();
        assert_eq!(answer.unwrap(), 7);
        drop(wire);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 6);
    // Now it is known: a procedure that is not idempotent is refused, which shows that the call came early.
    let first = |wire: ipfi::Wire| async move { wire.call::<u64>(0, ()).await };
    let (wire, answer) =
        within("an early call", connector.connect_early(&server.urls[0], first)).await.unwrap();
    let error = answer.unwrap_err();
    assert_eq!(error.code(), ipfi::Code::FailedPrecondition, "{error}");
    assert_eq!(within("a later call", wire.call::<u64>(0, ())).await.unwrap(), 7);
}
