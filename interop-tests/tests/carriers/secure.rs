//! QUIC, TLS and WebSockets through the facade: what works over TCP works over them, beside each other in one server.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ipfi::{Code, ConnectError, Connector, Context, Identity, Interface, Receiver, Server, Status, Trust};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{Running, eventually, greeted, greeter, within, within_time};

fn interface() -> Interface {
    greeter()
        .sequence(2, |(limit,): (u64,)| stream::iter(0..limit))
        .procedure_with_items(3, |(): (), items: Receiver<u64>| async move {
            let sum = items.try_fold(0_u64, |sum, n| async move { Ok(sum + n) }).await?;
            Ok::<_, Status>(sum)
        })
        .sequence_with_items(4, |(): (), items: Receiver<u64>| items.map(|item| Ok::<_, Status>(item? * 2)))
        .procedure(5, |context: Context, (): ()| async move {
            let answer: String = context.wire().call(9, ("the server",)).within(&context).await?;
            Ok::<_, Status>(answer)
        })
        .procedure(6, |context: Context, (): ()| async move { context.peer().carrier().to_owned() })
}

#[tokio::test]
async fn every_kind_of_call_works_over_every_carrier_of_one_server() {
    let (server, connector) = Running::everywhere(Server::new(interface())).await;
    let callback = Interface::new().procedure(9, |(who,): (String,)| async move { format!("hello {who}") });
    let connector = connector.interface(callback);
    for (url, carrier) in server.urls.iter().zip(["quic", "tls", "wss", "ws", "tcp", "unix"]) {
        let wire = within("connecting", connector.connect(url)).await.unwrap();
        greeted(&wire).await;
        let numbers = within("a stream", wire.stream::<u64>(2, (20_000_u64,))).await.unwrap();
        let numbers: Vec<u64> = within("its items", numbers.try_collect::<Vec<_>>()).await.unwrap();
        assert_eq!(numbers, (0..20_000).collect::<Vec<_>>(), "over {carrier}");
        let sum = wire.upload::<u64, u64>(3, ()).items(stream::iter(1..=1000));
        assert_eq!(within("an upload", sum).await.unwrap(), 500_500, "over {carrier}");
        let (mut send, mut receive) = wire.duplex::<u64, u64>(4, ()).await.unwrap();
        send.send(21).await.unwrap();
        assert_eq!(within("an echo", receive.try_next()).await.unwrap(), Some(42), "over {carrier}");
        let answer: String = within("being called back", wire.call(5, ())).await.unwrap();
        assert_eq!(answer, "hello the server", "over {carrier}");
        assert_eq!(wire.call::<String>(6, ()).await.unwrap(), carrier);
        assert_eq!(wire.peer().to_string(), url.replace("unix:", "unix://"));
    }
}

#[tokio::test]
async fn one_shutdown_ends_all_carriers_and_reports_the_calls_of_all() {
    let (gate, started) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (opened, begun) = (Arc::clone(&gate), Arc::clone(&started));
    let interface = Interface::new().procedure(0, move |(number,): (u64,)| {
        let opened = Arc::clone(&opened);
        begun.add_permits(1);
        async move {
            opened.acquire().await.expect("never closed").forget();
            number
        }
    });
    let (mut server, connector) = Running::everywhere(Server::new(interface)).await;
    let (mut wires, mut calls) = (Vec::new(), JoinSet::new());
    for (number, url) in (0_u64..).zip(&server.urls) {
        let wire = connector.connect(url).await.unwrap();
        for more in 0..10 {
            let wire = wire.clone();
            calls.spawn(async move { wire.call::<u64>(0, (number * 10 + more,)).await });
        }
        wires.push(wire);
    }
    within("all calls to start", started.acquire_many(60)).await.unwrap().forget();
    server.stop();
    for wire in &wires {
        eventually("draining", Duration::from_secs(5), || async {
            let probe = wire.call::<()>(7, ()).await;
            probe.is_err_and(|error| error.never_started()).then_some(())
        })
        .await;
    }
    // Whoever comes now is turned away at once, not left waiting for a timeout.
    for url in &server.urls {
        let turned_away = within_time("being turned away", Duration::from_secs(5), connector.connect(url));
        let error = turned_away.await.unwrap_err();
        assert!(matches!(error, ConnectError::Io { .. } | ConnectError::Handshake { .. }), "{error}");
    }
    gate.add_permits(60);
    let mut answers: Vec<u64> = Vec::new();
    while let Some(answer) = within("an answer", calls.join_next()).await {
        answers.push(answer.unwrap().unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, (0..60).collect::<Vec<_>>());
    let report = within_time("the server's end", Duration::from_secs(5), server.report()).await;
    assert_eq!((report.finished, report.cut), (60, 0), "{report:?}");
    for wire in &wires {
        let reason = within("the connection's end", wire.closed()).await;
        assert!(reason.is_orderly(), "{reason}");
    }
}

#[tokio::test]
async fn calls_that_outlast_the_grace_are_cut_over_every_carrier() {
    let server = Server::new(greeter()).grace(Duration::from_millis(200));
    let (mut server, connector) = Running::everywhere(server).await;
    let mut calls = JoinSet::new();
    for url in &server.urls {
        let wire = connector.connect(url).await.unwrap();
        greeted(&wire).await;
        let never = wire.clone();
        calls.spawn(async move { never.call::<()>(1, ()).await });
        eventually("the call at the server", Duration::from_secs(5), || async {
            (wire.outbound_calls() == 1).then_some(())
        })
        .await;
        greeted(&wire).await;
    }
    server.stop();
    let report = within_time("the server's end", Duration::from_secs(5), server.report()).await;
    assert_eq!((report.finished, report.cut), (0, 6), "{report:?}");
    while let Some(ended) = within("a call's end", calls.join_next()).await {
        let error = ended.unwrap().unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn the_limit_of_connections_holds_over_quic_tls_and_websockets_and_a_place_comes_back() {
    for carrier in 0..4 {
        let (server, connector) = Running::everywhere(Server::new(greeter()).max_connections(2)).await;
        let url = &server.urls[carrier];
        let wires = [connector.connect(url).await.unwrap(), connector.connect(url).await.unwrap()];
        // Far less than a handshake may take: it is told, and does not find out by a timeout.
        let refused = within_time("being turned away", Duration::from_secs(5), connector.connect(url));
        let error = refused.await.unwrap_err();
        assert!(matches!(error, ConnectError::Handshake { .. }), "{error}");
        for wire in &wires {
            greeted(wire).await;
        }
        drop(wires);
        let bound = Duration::from_secs(5);
        eventually("a free place", bound, || async { connector.connect(url).await.ok() }).await;
    }
}

#[tokio::test]
async fn one_address_takes_no_more_than_its_share_over_quic() {
    let (server, connector) =
        Running::everywhere(Server::new(greeter()).max_connections_per_address(1)).await;
    let first = connector.connect(&server.urls[0]).await.unwrap();
    within("being turned away", connector.connect(&server.urls[0])).await.unwrap_err();
    // Its share is of all carriers together.
    within("being turned away", connector.connect(&server.urls[1])).await.unwrap_err();
    greeted(&first).await;
}

#[tokio::test]
async fn a_client_in_its_handshake_keeps_nobody_waiting() {
    let (server, connector) = Running::everywhere(Server::new(greeter())).await;
    // It connects and says nothing.
    let address = server.urls[1].strip_prefix("tls://").unwrap().to_owned();
    let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let address = server.urls[3].strip_prefix("ws://").unwrap().to_owned();
    let _silent_too = tokio::net::TcpStream::connect(address).await.unwrap();
    for url in &server.urls[..4] {
        let wire = within_time("connecting", Duration::from_secs(5), connector.connect(url)).await.unwrap();
        greeted(&wire).await;
    }
}

#[tokio::test]
async fn a_host_with_several_addresses_is_reached_at_the_one_that_answers() {
    let identity = Identity::development(&["localhost"]).unwrap();
    let connector = Connector::new().trust(Trust::pinned([identity.certificate_hash()]));
    let server = Server::new(greeter()).identity(identity);
    // localhost may be ::1 first: nobody is there.
    let server = server.listen("quic://127.0.0.1:0").listen("tls://127.0.0.1:0").listen("wss://127.0.0.1:0");
    let server = Running::bound(server).await;
    for url in &server.urls {
        let url = url.replace("127.0.0.1", "localhost");
        let wire = within_time("connecting", Duration::from_secs(5), connector.connect(&url)).await.unwrap();
        greeted(&wire).await;
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_closes_its_connections_over_every_carrier() {
    let (server, connector) = Running::everywhere(Server::new(greeter())).await;
    let mut wires = Vec::new();
    for url in &server.urls {
        let wire = connector.connect(url).await.unwrap();
        greeted(&wire).await;
        wires.push(wire);
    }
    drop(server);
    for wire in wires {
        within_time("the wire's end", Duration::from_secs(2), wire.closed()).await;
    }
}
