//! Real sockets through the relays, in real time.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use quinn::{Connection, Endpoint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use super::peers::{client_config, echo, echoed, ms, numbered, server_config};
use crate::udp_net::dice::Dice;
use crate::udp_net::link::Link;
use crate::udp_net::{Path, TcpRelay, UdpRelay};

const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Numbered datagrams through the relay, and which of them arrive.
async fn through(relay: &UdpRelay, server: &UdpSocket, count: u8) -> Vec<u8> {
    let client = UdpSocket::bind(ANY).await.unwrap();
    for number in 0..count {
        client.send_to(&[number], relay.addr()).await.unwrap();
    }
    let mut arrived = Vec::new();
    let mut buf = [0; 16];
    while let Ok(received) = timeout(ms(500), server.recv(&mut buf)).await {
        assert_eq!(received.unwrap(), 1);
        arrived.push(buf[0]);
    }
    arrived
}

#[tokio::test]
async fn the_relay_decides_as_the_net_does() {
    let path = Path { loss: 0.3, duplicate: 0.2, ..Path::default() };
    let mut link = Link::new(path.clone(), Dice::new(9, 0));
    let mut arrives = |number: u8| link.carry(ms(0), Bytes::from(vec![number]));
    let expected: Vec<_> = (0..200)
        .filter_map(|number| arrives(number).ok())
        .flatten()
        .flatten()
        .map(|copy| copy.bytes[0])
        .collect();
    assert!(expected.len() > 100 && expected.len() < 200);

    let server = UdpSocket::bind(ANY).await.unwrap();
    let relay = UdpRelay::start(server.local_addr().unwrap(), path, 9).await.unwrap();
    assert_eq!(through(&relay, &server, 200).await, expected);
    assert_eq!(relay.up().delivered.datagrams, expected.len() as u64);
    assert_eq!(relay.up().under_way().datagrams, 0);
}

#[tokio::test]
async fn the_relay_delays_both_ways_and_keeps_clients_apart() {
    let server = UdpSocket::bind(ANY).await.unwrap();
    let path = Path::with_delay(ms(30));
    let relay = UdpRelay::start(server.local_addr().unwrap(), path, 1).await.unwrap();
    let clients = [UdpSocket::bind(ANY).await.unwrap(), UdpSocket::bind(ANY).await.unwrap()];
    let begun = Instant::now();
    let mut buf = [0; 16];
    for (number, client) in (1..).zip(&clients) {
        client.send_to(&[number], relay.addr()).await.unwrap();
        let (_, from) = server.recv_from(&mut buf).await.unwrap();
        assert_ne!(from, client.local_addr().unwrap());
        server.send_to(&[buf[0] * 10], from).await.unwrap();
    }
    for (number, client) in (1..).zip(&clients) {
        assert_eq!(client.recv_from(&mut buf).await.unwrap(), (1, relay.addr()));
        assert_eq!(buf[0], number * 10);
    }
    assert!(begun.elapsed() >= ms(90));
}

async fn connected(server: SocketAddr) -> (Endpoint, Connection) {
    let mut client = Endpoint::client(ANY.into()).unwrap();
    client.set_default_client_config(client_config());
    let connection = client.connect(server, "server.test").unwrap().await.unwrap();
    (client, connection)
}

#[tokio::test]
async fn quinn_over_real_sockets_survives_a_rough_relay_and_its_rebinding() {
    let server = Endpoint::server(server_config(), ANY.into()).unwrap();
    tokio::spawn(echo(server.clone()));
    let path = Path {
        loss: 0.02,
        reorder: 0.05,
        reorder_by: ms(2),
        duplicate: 0.02,
        corrupt: 0.02,
        ..Path::with_delay(ms(2))
    };
    let relay = UdpRelay::start(server.local_addr().unwrap(), path, 5).await.unwrap();
    let (_client, connection) = connected(relay.addr()).await;
    echoed(&connection, 256 << 10).await;
    relay.rebind();
    echoed(&connection, 256 << 10).await;
    for counters in [relay.up(), relay.down()] {
        let happened = [counters.held_back, counters.duplicated, counters.corrupted, counters.lost_in_all()];
        assert!(happened.iter().all(|tally| tally.datagrams > 0), "{counters:#?}");
    }
}

#[tokio::test]
async fn the_tcp_relay_delays_limits_and_passes_the_end() {
    let listener = TcpListener::bind(ANY).await.unwrap();
    let relay = TcpRelay::start(listener.local_addr().unwrap(), ms(30), Some(1_000_000)).await.unwrap();
    let mut client = TcpStream::connect(relay.addr()).await.unwrap();
    let begun = Instant::now();
    client.write_all(b"?").await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), b'?');
    assert!(begun.elapsed() >= ms(30));
    server.write_all(b"!").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'!');
    assert!(begun.elapsed() >= ms(60));

    let begun = Instant::now();
    let bytes = numbered(200_000);
    let write = async {
        client.write_all(&bytes).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let mut read = Vec::new();
    let ((), len) = tokio::join!(write, server.read_to_end(&mut read));
    assert_eq!(len.unwrap(), bytes.len());
    assert!(read == bytes);
    assert!(begun.elapsed() >= ms(230));
    // The other way is still open.
    server.write_all(b"!").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'!');
    drop(server);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}
