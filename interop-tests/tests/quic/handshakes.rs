//! Handshakes that are asked to prove themselves, and datagrams that belong to nobody. [A10]

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use interop_tests::conformance::kit::{ECHO, SLEEP, standard};
use interop_tests::quic_pair::{self, identity};
use interop_tests::udp_net::{Path, UdpNet};
use ipfi_core::{Interface, Limits};
use ipfi_quic::endpoint::{ALPN, endpoint_config, protocol, refuse, server_config, wire};
use ipfi_quic::tls::{TlsClient, TlsServer, Trust};
use ipfi_quic::{QuicOptions, QuicServer};

use super::kit::{
    Packet, client, client_address, client_at, count_packets, ends, ms, net, options, plain_ends, serve,
    server_address, some_endpoint,
};

fn attacker(n: u8) -> SocketAddr {
    SocketAddr::from(([66, 6, 6, n], 666))
}

/// So many clients whose handshakes do not go on: nothing reaches them.
fn half_open(net: &UdpNet, clients: u8, some: &QuicOptions) -> Vec<tokio::task::AbortHandle> {
    let start = |n| {
        net.change_path(server_address(), attacker(n), |path| path.blackhole = true);
        let client = client_at(net, attacker(n), &quic_pair::tls(false).0, &Limits::default(), some);
        let connecting = async move {
            let _ = client.connect(server_address(), "localhost", Interface::new()).await;
        };
        tokio::spawn(connecting).abort_handle()
    };
    (0..clients).map(start).collect()
}

/// How many Retry packets the server sends to an honest client while so many others are half open.
async fn retries(unproven: usize, half: u8, early_data: bool) -> usize {
    let some = options(|options| {
        options.unproven_handshakes = unproven;
        options.early_data = early_data;
    });
    let net = net(5);
    let _serving = serve(&net, &quic_pair::tls(early_data).1, &some, standard());
    let _half = half_open(&net, half, &some);
    tokio::time::sleep(ms(100)).await;
    let retries = count_packets(&net, Some(server_address()), Packet::Retry);
    let honest = client(&net, &quic_pair::tls(false).0, &QuicOptions::default());
    let wire = honest.connect(server_address(), "localhost", Interface::new()).await.unwrap();
    assert_eq!(wire.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
    retries.get()
}

#[tokio::test(start_paused = true)]
async fn clients_beyond_the_unproven_handshakes_are_asked_to_prove_their_address_and_then_served() {
    assert_eq!(retries(4, 3, false).await, 0);
    assert!(retries(4, 4, false).await > 0);
    assert_eq!(retries(0, 0, false).await, 1);
}

#[tokio::test(start_paused = true)]
async fn with_early_data_clients_are_asked_to_prove_their_address_too() {
    assert!(retries(4, 4, true).await > 0);
}

/// What holds: quinn answers them nothing, and they come again.
#[tokio::test(start_paused = true)]
async fn clients_beyond_those_that_may_wait_to_be_accepted_get_in_when_there_is_room() {
    let some = options(|options| options.max_handshakes = 4);
    let (net, tls) = (net(5), quic_pair::tls(false));
    let config = server_config(&tls.1, &Limits::default(), &some).unwrap();
    let listening = some_endpoint(&net, server_address(), &some, Some(config));
    let server = QuicServer::over(listening, &tls.1, &Limits::default(), &some).unwrap();
    let _half = half_open(&net, 4, &some);
    tokio::time::sleep(ms(100)).await;
    let late = client(&net, &tls.0, &some);
    let connecting =
        tokio::spawn(async move { late.connect(server_address(), "localhost", standard()).await });
    tokio::time::sleep(ms(2000)).await;
    assert_eq!(net.counters(server_address(), client_address()).sent.datagrams, 0);
    tokio::spawn(async move {
        while let Some(incoming) = server.accept().await {
            tokio::spawn(async move {
                if let Ok(wire) = incoming.wire(standard()).await {
                    wire.closed().await;
                }
            });
        }
    });
    let wire = connecting.await.unwrap().unwrap();
    assert_eq!(wire.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
}

/// Numbers that look random, and are the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_thousand_junk_datagrams_reach_nobody_and_are_answered_with_less_than_they_are() {
    const DATAGRAMS: u64 = 50_000;
    let ends = plain_ends(net(1), standard()).await;
    let mut noise = Noise(1);
    let before = ends.net.total();
    for n in 0..DATAGRAMS {
        // Short headers, and long ones of this version, another and none, the length of an Initial or not.
        let len = if n % 50 == 0 { 1200 } else { 1 + usize::try_from(noise.next() % 60).unwrap() };
        let mut bytes = noise.bytes(len);
        if n % 5 > 0 && len > 20 {
            bytes[0] = 0xc0 | bytes[0] & 0x0f;
            let version = [[0, 0, 0, 1], [0, 0, 0, 1], [0; 4], [0x0a, 0x1a, 0x2a, 0x3a]];
            bytes[1..5].copy_from_slice(&version[usize::try_from(n % 4).unwrap()]);
            bytes[5] = 8;
            bytes[14] = 8;
        }
        ends.net.inject(attacker(u8::try_from(n % 200).unwrap()), server_address(), bytes);
        if n % 500 == 0 {
            let call = ends.client.call::<String>(ECHO, ("x",));
            assert_eq!(tokio::time::timeout(ms(200), call).await.unwrap().unwrap(), "x");
        }
    }
    let after = ends.net.total();
    let (injected, sent) = (after.injected - before.injected, after.sent - before.sent);
    println!("{injected:?} of junk, {sent:?} sent, calls included");
    assert_eq!(injected.datagrams, DATAGRAMS);
    assert!(sent.bytes < injected.bytes, "{sent:?}");
    assert_eq!(ends.serving.failed.lock().unwrap().len(), 0);
    assert_eq!(ends.serving.wires.lock().unwrap().len(), 1);
    assert_eq!((ends.client.close_reason(), ends.server.close_reason()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn packets_of_version_zero_change_nothing_at_either_end() {
    let ends = plain_ends(net(5), standard()).await;
    let call = ends.client.call::<u64>(SLEEP, (500_u64,));
    let call = tokio::spawn(call.into_future());
    tokio::time::sleep(ms(100)).await;
    let mut negotiation = vec![0xc0, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1];
    negotiation.extend_from_slice(&[0x0a, 0x0a, 0x0a, 0x0a]);
    for (from, to) in [(client_address(), server_address()), (server_address(), client_address())] {
        for len in 5..=negotiation.len() {
            ends.net.inject(from, to, negotiation[..len].to_vec());
        }
    }
    assert_eq!(call.await.unwrap().unwrap(), 500);
    assert_eq!((ends.client.close_reason(), ends.server.close_reason()), (None, None));
}

/// The MTU that both ends have found on a path that carries `path_bytes`, looking for up to `max_mtu`.
async fn mtu_found(path_bytes: usize, max_mtu: u16) -> u16 {
    let net = UdpNet::new(7);
    net.set_default_path(Path { mtu_bytes: path_bytes, ..Path::with_delay(ms(5)) });
    let some = options(|options| options.max_mtu = max_mtu);
    let ends = ends(net, (Interface::new(), &some), (standard(), &some)).await;
    for _ in 0..400 {
        ends.client.call::<String>(ECHO, ("x",)).await.unwrap();
        tokio::time::sleep(ms(50)).await;
    }
    ends.client.path_stats().unwrap().mtu_bytes.min(ends.server.path_stats().unwrap().mtu_bytes)
}

#[tokio::test(start_paused = true)]
async fn the_mtu_of_the_path_is_found_up_to_the_largest_that_is_looked_for() {
    let default = QuicOptions::default().max_mtu;
    for (path_bytes, max_mtu, least, most) in [
        (usize::MAX, default, 6400, default),
        (1472, default, 1440, 1472),
        (usize::MAX, 65_507, 65_000, 65_507),
        (8952, 65_507, 8900, 8952),
        (1280, 65_507, 1200, 1280),
    ] {
        let found = mtu_found(path_bytes, max_mtu).await;
        assert!((least..=most).contains(&found), "{found} on a path of {path_bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn path_stats_tell_the_round_trip_the_losses_and_the_bytes() {
    let ends = plain_ends(net(30), standard()).await;
    ends.net.change_path(client_address(), server_address(), |path| path.loss = 0.1);
    for _ in 0..300 {
        ends.client.call::<String>(ECHO, ("x",)).await.unwrap();
    }
    let stats = ends.client.path_stats().unwrap();
    println!("{stats:?}");
    assert_eq!(stats.least_round_trip.unwrap().as_millis(), 60);
    assert!((ms(60)..ms(90)).contains(&stats.round_trip), "{:?}", stats.round_trip);
    let counters = ends.net.counters(client_address(), server_address());
    assert!(stats.lost_packets > 0 && stats.lost_packets <= counters.lost_in_all().datagrams, "{stats:?}");
    assert_eq!(stats.sent_bytes, counters.sent.bytes);
    let back = ends.net.counters(server_address(), client_address());
    assert!(stats.received_bytes <= back.delivered.bytes && stats.received_bytes * 2 > back.delivered.bytes);
    assert!(stats.congestion_window_bytes >= 2400, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_of_an_application_serves_ipfi_beside_a_protocol_of_its_own() {
    let (net, some) = (net(5), QuicOptions::default());
    let server = TlsServer::builder(identity()).build(&[ALPN, "own", "other"]).unwrap();
    let config = server_config(&server, &Limits::default(), &some).unwrap();
    assert!(endpoint_config(&some).is_ok());
    let endpoint = some_endpoint(&net, server_address(), &some, Some(config));
    let used = some.clone();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let used = used.clone();
            tokio::spawn(async move {
                let connection = incoming.await.unwrap();
                match protocol(&connection).as_deref() {
                    Some(b"ipfi-1") => {
                        wire(connection, standard(), &used).closed().await;
                    }
                    Some(b"own") => {
                        let mut send = connection.open_uni().await.unwrap();
                        send.write_all(b"hello of its own").await.unwrap();
                        send.finish().unwrap();
                        connection.closed().await;
                    }
                    _ => refuse(&connection, "nobody speaks it here"),
                }
            });
        }
    });
    let connecting = |name: &'static str, n| {
        let tls = TlsClient::builder(Trust::pinned([identity().certificate_hash()])).build(&[name]).unwrap();
        client_at(&net, attacker(n), &tls, &Limits::default(), &QuicOptions::default())
    };
    let ours = connecting(ALPN, 1);
    let wire = ours.connect(server_address(), "localhost", Interface::new()).await.unwrap();
    assert_eq!(wire.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
    let theirs = super::kit::connect_quinn(&connecting("own", 2)).await;
    let mut recv = theirs.accept_uni().await.unwrap();
    assert_eq!(recv.read_to_end(100).await.unwrap(), b"hello of its own");
    let refused = super::kit::connect_quinn(&connecting("other", 3)).await;
    let closed = tokio::time::timeout(Duration::from_secs(1), refused.closed()).await.unwrap();
    assert!(closed.to_string().contains("nobody speaks it here"), "{closed}");
    assert_eq!(wire.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
}
