//! Peers that take for ever. [A8]

use std::net::SocketAddr;
use std::time::Duration;

use interop_tests::conformance::kit::{ECHO, standard};
use interop_tests::quic_pair;
use interop_tests::udp_net::UdpNet;
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::ConnectionError;
use ipfi_core::{Code, Interface, Limits};
use ipfi_quic::QuicOptions;
use tokio::time::Instant;

use super::kit::{
    Answer, Raw, Serving, client, client_address, client_at, connect_quinn, ms, net, options, serve,
    server_address,
};

/// The limits `handshake_timeout` and `request_timeout`.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
/// Round trips, and the milliseconds of timers.
const MARGIN: Duration = Duration::from_millis(200);

pub(crate) fn in_time(took: Duration) {
    assert!((LIMIT..=LIMIT + MARGIN).contains(&took), "{took:?}");
}

fn served(some: &QuicOptions) -> (UdpNet, Serving) {
    let net = net(1);
    let serving = serve(&net, &quic_pair::tls(some.early_data).1, some, standard());
    (net, serving)
}

/// How long an honest client at `address` takes to connect and call.
pub(crate) async fn honest_call(net: &UdpNet, address: SocketAddr) -> Duration {
    let started = Instant::now();
    let client =
        client_at(net, address, &quic_pair::tls(false).0, &Limits::default(), &QuicOptions::default());
    let wire = client.connect(server_address(), "localhost", Interface::new()).await.unwrap();
    assert_eq!(wire.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
    started.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_never_finished_is_cut_in_time_and_honest_clients_connect_at_once() {
    for early_data in [false, true] {
        let some = options(|options| options.early_data = early_data);
        let (net, serving) = served(&some);
        // The client hears nothing, and so never goes on; but it says its first word again and again.
        net.change_path(server_address(), client_address(), |path| path.blackhole = true);
        let half = client(&net, &quic_pair::tls(false).0, &some);
        let started = Instant::now();
        let connecting = tokio::spawn(async move {
            let config = half.config().clone();
            let connecting = half.quinn().connect_with(config, server_address(), "localhost").unwrap();
            connecting.await.map(drop)
        });
        tokio::time::sleep(ms(100)).await;
        let took = honest_call(&net, ([10, 0, 0, 3], 5000).into()).await;
        assert!(took <= ms(100), "{took:?}");
        let cause = loop {
            tokio::time::sleep(ms(10)).await;
            assert!(started.elapsed() <= LIMIT + MARGIN, "nothing has ended");
            if let Some(error) = serving.failed.lock().unwrap().pop() {
                break error;
            }
            // With early data there is a wire before there is a handshake.
            let ended: Vec<_> =
                serving.wires.lock().unwrap().iter().filter_map(ipfi_core::Wire::close_reason).collect();
            if let Some(error) = ended.into_iter().find(|error| !error.is_orderly()) {
                break error;
            }
        };
        assert_eq!(cause, ConnectionError::HandshakeTimeout { after: LIMIT });
        in_time(started.elapsed());
        connecting.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_opens_its_control_stream_is_cut_in_time() {
    let (net, _serving) = served(&options(|_| {}));
    let quinn = connect_quinn(&client(&net, &quic_pair::tls(false).0, &QuicOptions::default())).await;
    let started = Instant::now();
    match quinn.closed().await {
        quinn::ConnectionError::ApplicationClosed(close) => {
            assert_eq!(close.error_code.into_inner(), CloseCode::PROTOCOL.0);
            let reason = String::from_utf8_lossy(&close.reason).into_owned();
            assert!(reason.contains("no SETTINGS within handshake_timeout = 10s"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    in_time(started.elapsed());
}

/// A server of ours and a client that is not.
async fn raw() -> (Serving, Raw) {
    let (net, serving) = served(&options(|_| {}));
    let raw = Raw::connect(&client(&net, &quic_pair::tls(false).0, &QuicOptions::default())).await;
    tokio::time::sleep(ms(100)).await;
    (serving, raw)
}

#[tokio::test(start_paused = true)]
async fn a_header_that_never_comes_whole_is_reset_in_time() {
    let (serving, raw) = raw().await;
    let started = Instant::now();
    // The first byte of two, and all but the last of a header with much in it.
    let calls = [&[0x40_u8][..], &[0, 0x71, 0x40]];
    let ended = calls.map(|bytes| {
        let raw = &raw;
        async move {
            let mut call = raw.call(bytes, false).await;
            let answer = call.answer().await;
            assert!(matches!(answer, Answer::Reset(code) if code == StreamCode::DEADLINE.0), "{answer:?}");
            assert_eq!(call.send.stopped().await.unwrap().unwrap().into_inner(), StreamCode::DEADLINE.0);
        }
    });
    futures_util::future::join_all(ended).await;
    in_time(started.elapsed());
    assert_eq!(serving.last().close_reason(), None);
}

#[tokio::test(start_paused = true)]
async fn arguments_that_never_come_whole_are_a_deadline_exceeded_in_time() {
    let (serving, raw) = raw().await;
    let started = Instant::now();
    // No byte of them, and all but the last.
    let ended = [&[0, 1][..], b"\x00\x01\x10\x03Ad"].map(|bytes| {
        let raw = &raw;
        async move {
            let status = raw.call(bytes, false).await.status().await;
            assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
            assert!(status.message().contains("request_timeout"), "{status:?}");
        }
    });
    futures_util::future::join_all(ended).await;
    in_time(started.elapsed());
    assert_eq!(serving.last().inbound_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_a_byte_a_second_is_cut_in_time_and_one_that_is_whole_in_time_is_served() {
    let (_serving, raw) = raw().await;
    let long = [&[0, 1, 30 << 2, 29][..], &[b'x'; 29]].concat();
    for (request, expected) in [(&long[..], false), (super::kit::ADA, true)] {
        let started = Instant::now();
        let mut call = raw.call(&request[..1], false).await;
        let mut send = call.send;
        let rest = request[1..].to_vec();
        let writing = tokio::spawn(async move {
            for byte in rest {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if send.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
            let _ = send.finish();
        });
        call.send = raw.quinn.open_bi().await.unwrap().0;
        let answer = call.answer().await;
        if expected {
            assert!(matches!(answer, Answer::Messages(_)), "{answer:?}");
        } else {
            assert!(
                matches!(answer, Answer::Status(ref status) if status.code() == Code::DeadlineExceeded),
                "{answer:?}"
            );
            in_time(started.elapsed());
        }
        writing.await.unwrap();
    }
}
