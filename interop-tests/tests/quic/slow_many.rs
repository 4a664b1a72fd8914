//! Two thousand clients at once that are slow or silent, each in its place, and honest ones among them. [A8]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use interop_tests::conformance::kit::standard;
use interop_tests::quic_pair;
use interop_tests::udp_net::UdpNet;
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::ConnectionError;
use ipfi_core::proto::Settings;
use ipfi_core::{Code, Limits, Status, Wire};
use ipfi_quic::{QuicClient, QuicOptions};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::kit::{
    Answer, Packet, Raw, client_at, connect_quinn, ms, net, options, packets, serve, server_address,
};
use super::slow::{LIMIT, honest_call, in_time};

/// Of each of the four kinds.
const EACH: usize = 500;

/// One of each kind comes after the other, and honest clients among them.
const APART: Duration = Duration::from_millis(2);

/// One byte in so long.
const SLOWLY: Duration = Duration::from_secs(5);

fn attacker(net: &UdpNet, host: u8) -> QuicClient {
    let address = ([10, 66, 0, host], 5000).into();
    client_at(net, address, &quic_pair::tls(false).0, &Limits::default(), &QuicOptions::default())
}

/// Hears that it has to prove its address and does so, and nothing of what is said to it then.
fn deafen(net: &UdpNet, deaf: SocketAddr) {
    let paths = net.clone();
    net.on_datagram(move |from, to, bytes| {
        if to == deaf {
            let blackhole = !packets(bytes).contains(&Packet::Retry);
            paths.change_path(from, to, |path| path.blackhole = blackhole);
        }
    });
}

/// Begins handshakes, none of which ends: how many went on for as long as they were allowed to, the server knows.
async fn half_open(client: QuicClient) {
    let connecting = (0_u32..).take(EACH).map(|n| {
        let client = client.clone();
        async move {
            tokio::time::sleep(n * APART).await;
            let config = client.config().clone();
            client.quinn().connect_with(config, server_address(), "localhost").unwrap().await
        }
    });
    for ended in join_all(connecting).await {
        assert!(ended.is_err());
    }
}

/// Says nothing after the handshake, and is closed after so long.
async fn silent(quinn: quinn::Connection) -> Duration {
    let started = Instant::now();
    match quinn.closed().await {
        quinn::ConnectionError::ApplicationClosed(close) => {
            assert_eq!(close.error_code.into_inner(), CloseCode::PROTOCOL.0, "{close}");
        }
        other => panic!("{other:?}"),
    }
    started.elapsed()
}

/// Sends `begun` and then, for ever, a byte now and then. What it is told, and after how long.
async fn slow(quinn: quinn::Connection, begun: &[u8]) -> (Answer, Duration) {
    let raw = Raw::new(quinn, Settings::default()).await;
    let started = Instant::now();
    let mut call = raw.call(begun, false).await;
    let answer = {
        let dripping = async {
            loop {
                tokio::time::sleep(SLOWLY).await;
                // Once it is stopped nothing more can be written.
                let _ = call.send.write_all(&[0x40]).await;
            }
        };
        let mut recv = super::kit::RawStream { send: raw.quinn.open_bi().await.unwrap().0, recv: call.recv };
        tokio::select! {
            answer = async move { recv.answer().await } => answer,
            () = dripping => unreachable!("it never ends"),
        }
    };
    let took = started.elapsed();
    // The call was cut, the connection lives: nothing on it was wrong.
    assert_eq!(raw.quinn.close_reason(), None);
    (answer, took)
}

/// As many of each of the three kinds that complete their handshakes, all of which are cut in time.
fn attack(clients: &[QuicClient; 3]) -> Vec<JoinHandle<()>> {
    let beginning = (0_u32..).take(EACH).flat_map(|n| {
        let begin = |client: &QuicClient| {
            let client = client.clone();
            async move {
                tokio::time::sleep(n * APART).await;
                connect_quinn(&client).await
            }
        };
        let [silents, headers, bodies] = clients.each_ref().map(begin);
        [
            tokio::spawn(async move { in_time(silent(silents.await).await) }),
            tokio::spawn(async move {
                // Then a flag that says there is a priority, and the first of its two bytes.
                let (answer, took) = slow(headers.await, &[0]).await;
                assert!(
                    matches!(answer, Answer::Reset(code) if code == StreamCode::DEADLINE.0),
                    "{answer:?}"
                );
                in_time(took);
            }),
            tokio::spawn(async move {
                let (answer, took) = slow(bodies.await, &[0, 1, 29 << 2, 28]).await;
                let late = |status: &Status| status.code() == Code::DeadlineExceeded;
                assert!(matches!(&answer, Answer::Status(status) if late(status)), "{answer:?}");
                in_time(took);
            }),
        ]
    });
    beginning.collect()
}

#[tokio::test(start_paused = true)]
async fn two_thousand_slow_and_silent_clients_are_cut_in_time_and_honest_ones_connect_and_call_meanwhile() {
    let (net, some) = (net(1), options(|_| {}));
    let serving = serve(&net, &quic_pair::tls(false).1, &some, standard());
    let deaf = attacker(&net, 1);
    deafen(&net, deaf.quinn().local_addr().unwrap());
    let half_opening = tokio::spawn(half_open(deaf));
    let attacking = attack(&[2, 3, 4].map(|host| attacker(&net, host)));

    let mut most = 0;
    for n in 0..60 {
        let took = honest_call(&net, ([10, 0, 1, n], 5000).into()).await;
        assert!(took <= ms(100), "the honest client {n} took {took:?}");
        most = most.max(serving.server.quinn().open_connections());
        tokio::time::sleep(ms(200)).await;
    }
    println!("{most} connections at once");
    assert!(most >= 4 * EACH, "{most} at once, which is no attack");
    for attacker in attacking {
        attacker.await.unwrap();
    }
    // They try again as long as they hear nothing: these are the first that were cut, and perhaps some more.
    let failed = std::mem::take(&mut *serving.failed.lock().unwrap());
    assert!(failed.len() >= EACH, "{}", failed.len());
    assert!(!half_opening.is_finished());
    half_opening.abort();
    let timeout = ConnectionError::HandshakeTimeout { after: LIMIT };
    assert!(failed.iter().all(|error| *error == timeout), "{failed:?}");
    let wires = serving.wires.lock().unwrap().clone();
    let silent = wires.iter().filter_map(Wire::close_reason).filter(|error| *error == timeout);
    assert_eq!(silent.count(), EACH);
    assert_eq!(wires.iter().map(Wire::inbound_calls).sum::<usize>(), 0);
}
