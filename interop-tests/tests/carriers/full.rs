//! A server with no place left: whoever is too much is closed, the rest notice nothing.

use std::net::SocketAddr;
use std::time::Duration;

use ipfi::{ConnectError, ConnectionError, Interface, Server};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Running, eventually, greeted, greeter, within};

/// Connecting fails because the server closed the pipe in the handshake.
async fn is_turned_away(url: &str) {
    match within("being turned away", ipfi::connect(url)).await {
        Err(ConnectError::Handshake { source: ConnectionError::Lost { .. }, .. }) => {}
        other => panic!("expected to be turned away, saw {other:?}"),
    }
}

#[tokio::test]
async fn connections_beyond_max_connections_are_closed_and_the_rest_are_unharmed() {
    let server = Running::new(Server::new(greeter()).max_connections(4)).await;
    let mut wires = Vec::new();
    for url in server.urls.iter().cycle().take(4) {
        wires.push(ipfi::connect(url).await.unwrap());
    }
    for _ in 0..10 {
        is_turned_away(&server.urls[0]).await;
        is_turned_away(&server.urls[1]).await;
    }
    for wire in &wires {
        greeted(wire).await;
    }
    // Whoever leaves gives a place back.
    drop(wires.pop());
    let next = eventually("a free place", Duration::from_secs(5), || async {
        ipfi::connect(&server.urls[0]).await.ok()
    })
    .await;
    greeted(&next).await;
    is_turned_away(&server.urls[0]).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_of_one_address_are_closed_and_other_addresses_are_unharmed() {
    let server = Running::new(Server::new(greeter()).max_connections_per_address(2)).await;
    let wires =
        [ipfi::connect(&server.urls[0]).await.unwrap(), ipfi::connect(&server.urls[0]).await.unwrap()];
    is_turned_away(&server.urls[0]).await;
    // The whole of 127/8 is this machine.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 2], 0))).unwrap();
    let stream = socket.connect(server.tcp_address().parse().unwrap()).await.unwrap();
    let (reader, writer) = stream.into_split();
    let other = ipfi::mux::connect(reader, writer, Interface::new()).await.unwrap();
    greeted(&other).await;
    // A Unix socket has no address to count by.
    let unix = [
        ipfi::connect(&server.urls[1]).await.unwrap(),
        ipfi::connect(&server.urls[1]).await.unwrap(),
        ipfi::connect(&server.urls[1]).await.unwrap(),
    ];
    for wire in wires.iter().chain(&unix) {
        greeted(wire).await;
    }
}

#[tokio::test]
async fn who_says_nothing_takes_a_place_no_longer_than_the_handshake_may_take() {
    let mut limits = ipfi::Limits::default();
    limits.handshake_timeout = Duration::from_millis(300);
    let server = Running::new(Server::new(greeter()).limits(limits).max_connections(2)).await;
    let _silent = [
        TcpStream::connect(server.tcp_address()).await.unwrap(),
        TcpStream::connect(server.tcp_address()).await.unwrap(),
    ];
    let wire = eventually("a free place", Duration::from_secs(5), || async {
        ipfi::connect(&server.urls[0]).await.ok()
    })
    .await;
    greeted(&wire).await;
}
