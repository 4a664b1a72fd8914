//! What a peer does wrong with the stream that small calls share. `docs/protocol.md` 3.6.

use std::future::IntoFuture;
use std::time::Duration;

use bytes::BytesMut;
use interop_tests::conformance::kit::{NEVER, standard};
use interop_tests::quic_pair;
use ipfi_core::call::Isolation;
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::proto::Settings;
use ipfi_core::{Code, Wire};
use ipfi_quic::QuicOptions;
use ipfi_quic::endpoint::server_config;
use tokio::time::timeout;

use super::kit::{
    ADA, Answer, Raw, RawStream, Serving, client, code, connect_quinn, ms, net, options, request, serve,
    server_address, shared_header, some_endpoint,
};

const SOON: Duration = Duration::from_secs(5);

/// A server of ours and a client that is not.
async fn hostile_client(some: &QuicOptions) -> (Serving, Raw) {
    let (net, tls) = (net(1), quic_pair::tls(false));
    let serving = serve(&net, &tls.1, some, standard());
    let client = client(&net, &tls.0, some);
    let raw = Raw::connect(&client).await;
    tokio::time::sleep(ms(100)).await;
    (serving, raw)
}

/// A server that is not ours, which lets small calls share, and a client that is.
async fn hostile_server() -> (Raw, Wire) {
    let (net, tls, some) = (net(1), quic_pair::tls(false), options(|_| {}));
    let config = server_config(&tls.1, &super::kit::limits(|_| {}), &some).unwrap();
    let listening = some_endpoint(&net, server_address(), &some, Some(config));
    let connecting = client(&net, &tls.0, &some);
    let accepted = async { listening.accept().await.unwrap().await.unwrap() };
    let (quinn, accepted) = tokio::join!(connect_quinn(&connecting), accepted);
    let wire = ipfi_quic::endpoint::wire(quinn, standard(), &some);
    let mut settings = Settings::default();
    settings.shared_calls = true;
    (Raw::new(accepted, settings).await, wire)
}

/// Demands that the connection serves calls on streams of their own.
async fn still_served(raw: &Raw) {
    let answer = timeout(SOON, raw.call(ADA, true).await.answer()).await.unwrap();
    assert!(matches!(answer, Answer::Messages(ref messages) if messages[0] == b"\x03Ada"[..]), "{answer:?}");
}

async fn is_not_offered(mut stream: RawStream) {
    let status = timeout(SOON, stream.status()).await.unwrap();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("1073741824"), "{}", status.message());
}

#[tokio::test(start_paused = true)]
async fn a_second_shared_stream_is_unimplemented_and_the_first_goes_on() {
    let (serving, raw) = hostile_client(&options(|_| {})).await;
    let _first = raw.call(&shared_header(), false).await;
    tokio::time::sleep(ms(100)).await;
    is_not_offered(raw.call(&shared_header(), false).await).await;
    still_served(&raw).await;
    assert_eq!(serving.last().close_reason(), None);
}

#[tokio::test(start_paused = true)]
async fn a_shared_stream_that_the_server_opens_is_unimplemented() {
    let (raw, _wire) = hostile_server().await;
    is_not_offered(raw.call(&shared_header(), false).await).await;
    still_served(&raw).await;
}

#[tokio::test(start_paused = true)]
async fn a_shared_stream_that_was_not_offered_is_unimplemented() {
    let (_serving, raw) = hostile_client(&options(|options| options.shared_calls = false)).await;
    is_not_offered(raw.call(&shared_header(), false).await).await;
    still_served(&raw).await;
}

#[tokio::test(start_paused = true)]
async fn other_reserved_procedures_are_unimplemented() {
    let (_serving, raw) = hostile_client(&options(|_| {})).await;
    for reserved in [(1 << 30) + 1, (1_u64 << 62) - 1] {
        let mut header = BytesMut::new();
        ipfi_core::proto::RequestHeader::new(reserved, 0).encode(&mut header);
        let status = raw.call(&header, true).await.status().await;
        assert_eq!(status.code(), Code::Unimplemented);
    }
    still_served(&raw).await;
}

/// What is not QMux, each for another reason.
const GARBAGE: [&[u8]; 4] = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    &[0; 64],
    &[0xff; 64],
    // A record that is larger than any.
    &[0xbf, 0xff, 0xff, 0xff, 0, 0, 0, 0],
];

/// Demands that a text says which stream broke.
fn names_the_stream(text: &str) {
    assert!(text.contains("the stream that small calls share broke"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn garbage_of_a_client_in_the_shared_stream_closes_the_connection_and_both_ends_know_why() {
    for garbage in GARBAGE {
        let (serving, raw) = hostile_client(&options(|_| {})).await;
        let mut pending = raw.call(&request(NEVER), true).await;
        let mut shared = raw.call(&shared_header(), false).await;
        shared.send.write_all(garbage).await.unwrap();
        let (code, reason) = raw.closed().await;
        assert_eq!(code, CloseCode::PROTOCOL.0, "{reason}");
        names_the_stream(&reason);
        let cause = timeout(SOON, serving.last().closed()).await.unwrap();
        println!("{garbage:?}: {cause}");
        assert!(!cause.is_orderly(), "{cause}");
        assert!(matches!(pending.answer().await, Answer::Lost));
        assert_eq!(serving.last().inbound_calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_of_a_server_in_the_shared_stream_ends_every_call_and_both_ends_know_why() {
    for garbage in GARBAGE {
        let (raw, wire) = hostile_server().await;
        let own = tokio::spawn(wire.call::<()>(NEVER, ()).isolation(Isolation::OwnStream).into_future());
        let waits = tokio::spawn(wire.call::<()>(NEVER, ()).isolation(Isolation::Shared).into_future());
        tokio::time::sleep(ms(50)).await;
        write_into_shared(&raw, garbage).await;
        let (code, reason) = raw.closed().await;
        assert_eq!(code, CloseCode::PROTOCOL.0, "{reason}");
        names_the_stream(&reason);
        for call in [own, waits] {
            let error = timeout(SOON, call).await.unwrap().unwrap().unwrap_err();
            assert!(error.connection_error().is_some(), "{error}");
            assert!(error.to_string().contains("may have run"), "{error}");
        }
        assert!(!wire.closed().await.is_orderly());
    }
}

/// Answers the wire's shared stream with `bytes`.
async fn write_into_shared(raw: &Raw, bytes: &[u8]) {
    loop {
        let (mut send, mut recv) = timeout(SOON, raw.quinn.accept_bi()).await.unwrap().unwrap();
        let header = shared_header();
        let mut first = vec![0; header.len()];
        if recv.read_exact(&mut first).await.is_ok() && first == header[..] {
            send.write_all(bytes).await.unwrap();
            tokio::spawn(async move {
                // It stays open for as long as the connection does.
                let _ = (recv.read_to_end(1 << 20).await, send);
            });
            return;
        }
        tokio::spawn(async move {
            let _ = (recv.read_to_end(1 << 20).await, send.stopped().await);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_stream_that_is_cut_off_closes_the_connection_and_nothing_hangs() {
    for reset in [false, true] {
        let (serving, raw) = hostile_client(&options(|_| {})).await;
        let mut shared = raw.call(&shared_header(), false).await;
        tokio::time::sleep(ms(20)).await;
        if reset {
            shared.send.reset(code(StreamCode::CANCELLED)).unwrap();
        } else {
            shared.send.finish().unwrap();
        }
        let (code, reason) = raw.closed().await;
        assert_eq!(code, CloseCode::PROTOCOL.0, "{reason}");
        names_the_stream(&reason);
        println!("reset {reset}: {}", timeout(SOON, serving.last().closed()).await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_stream_that_stays_silent_harms_nobody() {
    let (_serving, raw) = hostile_client(&options(|_| {})).await;
    let _shared = raw.call(&shared_header(), false).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    still_served(&raw).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_on_the_shared_stream_costs_calls_nothing_but_the_sharing() {
    let (raw, wire) = hostile_server().await;
    let answering = tokio::spawn(async move {
        loop {
            let Ok((mut send, mut recv)) = raw.quinn.accept_bi().await else { return };
            tokio::spawn(async move {
                let request = recv.read_to_end(1 << 20).await.unwrap();
                if request.ends_with(b"\x03Ada") {
                    send.write_all(b"\x10\x03Ada").await.unwrap();
                    send.finish().unwrap();
                }
                let _ = send.stopped().await;
            });
        }
    });
    for _ in 0..10 {
        assert_eq!(timeout(SOON, wire.call::<String>(0, ("Ada",))).await.unwrap().unwrap(), "Ada");
    }
    assert_eq!(wire.stats().calls_out_shared, 0);
    answering.abort();
}
