//! Clients that keep the rules of QUIC and break those of HTTP/3 or WebTransport: each meets one clear error or is passed over
//! as the RFCs say, within the limits, and another client on the same port notices nothing.

use std::future::IntoFuture;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ipfi_core::Wire;
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_quic::WebTransportOptions;
use quinn::{ReadToEndError, RecvStream, SendStream, VarInt};
use tokio::time::Instant;
use web_transport_proto::{ConnectRequest, ConnectResponse, Settings};

use super::kit::{Lab, Said};

const STREAM_CREATION_ERROR: VarInt = VarInt::from_u32(0x103);
const REQUEST_REJECTED: VarInt = VarInt::from_u32(0x10b);

/// Clauses 2.2 to 2.5: type 0, `ipfi`, version 1, empty SETTINGS.
const CONTROL: &[u8] = b"\x00ipfi\x01\x00\x00";
/// Streams of session 0.
const BI: &[u8] = &[0x40, 0x41, 0x00];
const UNI: &[u8] = &[0x40, 0x54, 0x00];
/// Procedure 0, bincode, no arguments.
const CALL: &[u8] = b"\x00\x01\x00";

/// A server, an honest client, and another that has a session.
struct Scene {
    lab: Lab,
    honest: Wire,
    connection: quinn::Connection,
    /// The session's stream.
    connect: (SendStream, RecvStream),
    _control: [SendStream; 2],
}

fn settings() -> BytesMut {
    let mut bytes = BytesMut::new();
    let mut settings = Settings::default();
    settings.enable_webtransport(1);
    settings.encode(&mut bytes);
    bytes
}

fn request() -> BytesMut {
    let url: url::Url = "https://localhost/".parse().unwrap();
    let mut bytes = BytesMut::new();
    ConnectRequest::new(url).with_protocol("ipfi-1").encode(&mut bytes).unwrap();
    bytes
}

async fn uni(connection: &quinn::Connection, bytes: &[u8]) -> SendStream {
    let mut send = connection.open_uni().await.unwrap();
    send.write_all(bytes).await.unwrap();
    send
}

async fn bi(connection: &quinn::Connection, bytes: &[u8]) -> (SendStream, RecvStream) {
    let (mut send, recv) = connection.open_bi().await.unwrap();
    send.write_all(bytes).await.unwrap();
    (send, recv)
}

async fn lab() -> (Lab, Wire) {
    let lab = Lab::new(WebTransportOptions::default());
    let honest = lab.connect(9, "https://localhost/", &WebTransportOptions::default()).await.unwrap();
    (lab, honest)
}

async fn scene() -> Scene {
    let (lab, honest) = lab().await;
    let connection = lab.quic(2).await;
    let http = uni(&connection, &settings()).await;
    let (send, mut recv) = bi(&connection, &request()).await;
    let answer = ConnectResponse::read(&mut recv).await.unwrap();
    assert_eq!(answer.protocol.as_deref(), Some("ipfi-1"));
    let ipfi = uni(&connection, &[UNI, CONTROL].concat()).await;
    let scene = Scene { lab, honest, connection, connect: (send, recv), _control: [http, ipfi] };
    scene.goes_on().await;
    scene
}

impl Scene {
    /// A call of this client is answered, and one of the other's.
    async fn goes_on(&self) {
        let (mut send, mut recv) = bi(&self.connection, &[BI, CALL].concat()).await;
        send.finish().unwrap();
        let answer = recv.read_to_end(1000).await.unwrap();
        assert!(answer.windows(12).any(|part| part == b"webtransport"), "{answer:?}");
        neighbour(&self.honest).await;
    }

    /// The connection has ended, and the other client's has not: how the wire did at the server.
    async fn is_over(&self) -> ConnectionError {
        let closed = tokio::time::timeout(Duration::from_secs(2), self.connection.closed());
        closed.await.expect("it is closed");
        neighbour(&self.honest).await;
        self.lab.end_at_server()
    }
}

async fn neighbour(honest: &Wire) {
    let said = tokio::time::timeout(Duration::from_secs(1), honest.call::<Said>(0, ()).into_future());
    said.await.expect("at once").unwrap();
}

/// Its request is rejected, and no answer will come.
async fn rejected((send, mut recv): (SendStream, RecvStream)) {
    assert_eq!(send.stopped().await.unwrap(), Some(REQUEST_REJECTED));
    let error = recv.read_to_end(1000).await.unwrap_err();
    assert!(matches!(error, ReadToEndError::Read(quinn::ReadError::Reset(_))), "{error}");
}

#[tokio::test(start_paused = true)]
async fn two_streams_that_say_nothing_may_be_qpacks_and_others_are_stopped() {
    // As Chromium does it: the streams are there with the first that says something after them.
    let scene = scene().await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(scene.connection.open_uni().await.unwrap());
    }
    let _last = uni(&scene.connection, &[0x02]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    scene.goes_on().await;
    let mut left = Vec::new();
    for send in silent {
        match tokio::time::timeout(Duration::from_millis(1), send.stopped()).await {
            Ok(code) => assert_eq!(code.unwrap(), Some(STREAM_CREATION_ERROR)),
            Err(_) => left.push(send),
        }
    }
    assert_eq!(left.len(), 2);
    // One says later what it is.
    left[0].write_all(&[0x03]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    scene.goes_on().await;
    let stopped = tokio::time::timeout(Duration::from_millis(1), left[0].stopped()).await;
    assert!(stopped.is_err(), "QPACK's stream was stopped: {stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn streams_of_no_session_and_of_another_one_are_given_up() {
    let scene = scene().await;
    let requests = [
        [&[0x40, 0x41, 0x04][..], CALL].concat(),
        // Grease, DATA, and a second request for a session.
        vec![0x21, 0x00],
        vec![0x00, 0x01, 0x00],
        request().to_vec(),
    ];
    for bytes in requests {
        rejected(bi(&scene.connection, &bytes).await).await;
        scene.goes_on().await;
    }
    // A notification of another session, a second control stream of HTTP/3, PUSH, and grease.
    let streams = [&[0x40, 0x54, 0x04, 0x01, 0x00][..], &settings()[..], &[0x01, 0x00], &[0x21, 0x00]];
    for bytes in streams {
        let send = uni(&scene.connection, bytes).await;
        assert_eq!(send.stopped().await.unwrap(), Some(STREAM_CREATION_ERROR), "{bytes:?}");
        scene.goes_on().await;
    }
}

#[tokio::test(start_paused = true)]
async fn qpack_has_one_stream_of_each_kind() {
    let scene = scene().await;
    let kept = [uni(&scene.connection, &[0x02]).await, uni(&scene.connection, &[0x03, 0x20]).await];
    for kind in [0x02, 0x03] {
        let second = uni(&scene.connection, &[kind]).await;
        assert_eq!(second.stopped().await.unwrap(), Some(STREAM_CREATION_ERROR));
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    for send in &kept {
        assert!(tokio::time::timeout(Duration::from_millis(1), send.stopped()).await.is_err());
    }
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_streams_of_no_session_ends_the_connection_at_the_abuse_budget() {
    let scene = scene().await;
    let mut opened = 0;
    while let Ok((mut send, _recv)) = scene.connection.open_bi().await {
        opened += 1;
        assert!(opened < 2000, "a thousand tokens are not enough for that");
        if send.write_all(&[0x21, 0x00]).await.is_err() {
            break;
        }
        let _ = send.finish();
    }
    let end = scene.is_over().await;
    let ConnectionError::LocallyClosed { code: CloseCode::RESOURCE_EXHAUSTED, reason } = &end else {
        panic!("{end:?}")
    };
    assert!(reason.contains("abuse_budget = 1000"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_datagram_of_another_session_is_dropped() {
    let scene = scene().await;
    for bytes in [&[0x05, 0x00, 0x01][..], &[], &[0xc0], &[0x3f; 1000]] {
        scene.connection.send_datagram(Bytes::copy_from_slice(bytes)).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_capsules_and_frames_are_passed_over() {
    let mut scene = scene().await;
    for _ in 0..2000 {
        // A frame of a reserved type, and DATA with a capsule of one and with another of none that is known.
        let bytes = [&[0x21, 0x02, 1, 2][..], &[0x00, 0x02, 0x17, 0x00], &[0x00, 0x04, 0x3e, 0x02, 8, 9]];
        scene.connect.0.write_all(&bytes.concat()).await.unwrap();
    }
    scene.goes_on().await;
    assert_eq!(scene.lab.over_at_server(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_close_has_its_code_and_at_most_256_bytes_of_its_reason() {
    let mut scene = scene().await;
    let capsule = [&[0x68, 0x43, 0x44, 0x04, 0, 0, 0, 5][..], &[b'x'; 1024]].concat();
    let frame = [&[0x00, 0x44, 0x08][..], &capsule].concat();
    scene.connect.0.write_all(&frame).await.unwrap();
    let end = scene.is_over().await;
    let expected = ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, reason: "x".repeat(256).into() };
    assert_eq!(end, expected);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_cannot_be_read_is_the_end_all_the_same() {
    let malformed: [(&str, &[u8]); 5] = [
        ("a code of three bytes", &[0x00, 0x06, 0x68, 0x43, 0x03, 0, 0, 5]),
        ("a reason that is no text", &[0x00, 0x08, 0x68, 0x43, 0x05, 0, 0, 0, 5, 0xff]),
        ("a capsule of 2^30 bytes", &[0x00, 0x0a, 0x68, 0x43, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]),
        ("a frame of 2^30 bytes", &[0x00, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]),
        ("an end in the middle", &[0x00, 0x08, 0x68]),
    ];
    for (what, bytes) in malformed {
        let mut scene = scene().await;
        scene.connect.0.write_all(bytes).await.unwrap();
        scene.connect.0.finish().unwrap();
        let end = scene.is_over().await;
        assert!(matches!(end, ConnectionError::Lost { .. }), "{what}: {end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_sessions_stream_is_an_orderly_end_and_its_reset_is_none() {
    let mut finished = scene().await;
    finished.connect.0.finish().unwrap();
    let end = finished.is_over().await;
    assert_eq!(end, ConnectionError::PeerClosed { code: CloseCode::NO_ERROR, reason: "".into() });
    let mut reset = scene().await;
    reset.connect.0.reset(VarInt::from_u32(0x10c)).unwrap();
    let end = reset.is_over().await;
    assert!(matches!(end, ConnectionError::Lost { .. }), "{end:?}");
}

/// Chromium 148 lets its page crash where the end of the session's stream comes with the capsule.
#[tokio::test(start_paused = true)]
async fn a_close_is_a_capsule_at_once_and_the_end_of_the_sessions_stream_much_later() {
    let mut scene = scene().await;
    let began = Instant::now();
    // A second control stream.
    let _second = uni(&scene.connection, &[UNI, CONTROL].concat()).await;
    let answer = &mut scene.connect.1;
    let capsule = answer.read_chunk(usize::MAX, true).await.unwrap().expect("a capsule").bytes;
    assert!(capsule.starts_with(&[0x00]) && capsule[2..].starts_with(&[0x68, 0x43]), "{capsule:02x?}");
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert!(answer.read_chunk(usize::MAX, true).await.unwrap().is_none());
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
    let end = scene.connection.closed().await;
    assert!(matches!(end, quinn::ConnectionError::ApplicationClosed(_)), "{end:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// Past the limit `handshake_timeout`, and not much.
const HANDSHAKE: Duration = Duration::from_secs(11);

#[tokio::test(start_paused = true)]
async fn a_client_that_is_silent_at_any_point_of_the_handshake_is_cut_in_time() {
    for said in 0..4 {
        let (lab, honest) = lab().await;
        let connection = lab.quic(2).await;
        let mut kept: Vec<Box<dyn Send>> = Vec::new();
        if said > 0 {
            kept.push(Box::new(uni(&connection, &settings()).await));
        }
        if said > 1 {
            // Half of the request, and all of it.
            let request = request();
            let part = if said == 2 { &request[..request.len() / 2] } else { &request[..] };
            kept.push(Box::new(bi(&connection, part).await));
        }
        let closed = tokio::time::timeout(HANDSHAKE, connection.closed()).await;
        closed.unwrap_or_else(|_| panic!("it lives on after {said} parts"));
        neighbour(&honest).await;
        assert_eq!(lab.over_at_server(), 1, "after {said} parts");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_too_large_is_refused_before_it_has_come() {
    // SETTINGS of a mebibyte, of which nothing comes.
    let (lab, honest) = lab().await;
    let connection = lab.quic(2).await;
    let _control = uni(&connection, &[0x00, 0x04, 0x80, 0x10, 0, 0]).await;
    tokio::time::timeout(Duration::from_secs(2), connection.closed()).await.expect("at once");
    assert!(lab.at_server().contains("frame too large"), "{}", lab.at_server());
    neighbour(&honest).await;
    // Headers of a mebibyte.
    let (lab, honest) = self::lab().await;
    let connection = lab.quic(2).await;
    let _control = uni(&connection, &settings()).await;
    let (_send, mut recv) = bi(&connection, &[0x01, 0x80, 0x10, 0, 0]).await;
    let error = ConnectResponse::read(&mut recv).await.unwrap_err();
    assert!(error.to_string().contains("431"), "{error}");
    tokio::time::timeout(Duration::from_secs(2), connection.closed()).await.expect("soon");
    assert!(lab.at_server().contains("431"), "{}", lab.at_server());
    neighbour(&honest).await;
    // Frames of reserved types that never end.
    let (lab, honest) = self::lab().await;
    let connection = lab.quic(2).await;
    let mut control = uni(&connection, &[0x00]).await;
    while control.write_all(&[0x21, 0x0a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).await.is_ok() {}
    assert_eq!(lab.over_at_server(), 1);
    neighbour(&honest).await;
}
