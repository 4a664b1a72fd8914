//! Calls over TLS over a pipe.

use std::time::Duration;

use ipfi_core::close_code::CloseCode;
use ipfi_core::codec::Raw;
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use ipfi_core::{Context, Interface, Limits, Peer};
use ipfi_quic::tls::{CertificateHash, ClientAuth, ClientRoots, Identity, TlsClient, TlsServer, Trust, pipe};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};

use crate::kit::{Authority, TEST, Validity, assert_says, client};

struct Scene {
    server: TlsServer,
    client: TlsClient,
    ada: Identity,
    hash: CertificateHash,
}

fn scene(client_auth: impl FnOnce(ClientRoots) -> ClientAuth, shows: bool) -> Scene {
    let (identity, authority) = (Identity::development(&[]).unwrap(), Authority::new("clients"));
    let hash = identity.certificate_hash();
    let roots = ClientRoots::from_pem(authority.pem()).unwrap();
    let ada = authority.issue(&["ada"], Validity::Now).identity();
    let client = client(Trust::pinned([hash]));
    let client = if shows { client.identity(ada.clone()) } else { client };
    Scene {
        server: TlsServer::builder(identity)
            .client_auth(client_auth(roots))
            .build(&[pipe::PROTOCOL])
            .unwrap(),
        client: client.build(&[pipe::PROTOCOL]).unwrap(),
        ada,
        hash,
    }
}

fn offered() -> Interface {
    Interface::new().procedure(0, |Raw(bytes): Raw| async move { Raw(bytes) }).procedure(
        1,
        |context: Context, _: Raw| async move {
            Raw(context.peer().certificates().first().cloned().unwrap_or_default())
        },
    )
}

async fn echo(wire: &Wire, text: &str) -> String {
    let answer: Raw = wire.call(0, Raw(text.to_owned().into())).await.unwrap();
    String::from_utf8(answer.0.to_vec()).unwrap()
}

async fn wires(scene: &Scene, room: usize) -> (Result<Wire, ConnectionError>, Result<Wire, ConnectionError>) {
    let (near, far) = duplex(room);
    let peer = Peer::new(Side::Client, "tls").with_address("192.0.2.1:1");
    let connects = pipe::connect(near, "localhost", &scene.client, Interface::new());
    let accepts = pipe::accept(far, &scene.server, WireOptions::new(offered(), peer));
    tokio::join!(connects, accepts)
}

#[tokio::test]
async fn calls_go_over_tls_and_each_side_sees_the_others_certificate() {
    // Clause 12.3.
    let scene = scene(ClientAuth::required, true);
    let (client, server) = wires(&scene, 1 << 16).await;
    let (client, server) = (client.unwrap(), server.unwrap());
    assert_eq!(echo(&client, "over TLS").await, "over TLS");
    let seen: Raw = client.call(1, Raw::default()).await.unwrap();
    assert_eq!(CertificateHash::of(seen.0), scene.ada.certificate_hash());
    assert_eq!(CertificateHash::of(&client.peer().certificates()[0]), scene.hash);
    // What was known of the peer before stays known.
    assert_eq!((server.peer().carrier(), server.peer().address()), ("tls", Some("192.0.2.1:1")));
    assert_eq!(server.peer().certificates().len(), 1);
    assert_eq!(server.peer().identity(), None);
}

#[tokio::test]
async fn a_message_far_larger_than_the_pipe_and_tls_records_comes_through() {
    let (client, server) = wires(&scene(|_| ClientAuth::none(), false), 700).await;
    let (client, _server) = (client.unwrap(), server.unwrap());
    let text = "0123456789".repeat(100_000);
    assert!(echo(&client, &text).await == text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_over_tcp_are_all_answered() {
    let scene = scene(|_| ClientAuth::none(), false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepts = async {
        let (stream, _) = listener.accept().await.unwrap();
        pipe::accept(stream, &scene.server, offered()).await.unwrap()
    };
    let connects = async {
        let stream = TcpStream::connect(address).await.unwrap();
        pipe::connect(stream, "127.0.0.1", &scene.client, Interface::new()).await.unwrap()
    };
    let (_server, client) = tokio::join!(accepts, connects);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        let client = client.clone();
        calls.spawn(async move {
            let text = number.to_string().repeat(1 + number % 7 * 1000);
            assert!(echo(&client, &text).await == text);
        });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
}

#[tokio::test]
async fn a_close_arrives_with_its_reason_and_ends_in_close_notify() {
    let scene = scene(|_| ClientAuth::none(), false);
    let (client, server) = wires(&scene, 1 << 16).await;
    let (client, server) = (client.unwrap(), server.unwrap());
    client.close(CloseCode::NO_ERROR, "done");
    match server.closed().await {
        ConnectionError::PeerClosed { reason, .. } => assert_eq!(&*reason, "done"),
        other => panic!("{other}"),
    }
    assert!(client.closed().await.is_orderly());

    // Seen by hand at the other end of TLS: an end, and no cut.
    let (near, far) = duplex(1 << 16);
    let by_hand = async {
        let mut stream = ipfi_quic::tls::TlsStream::accept(far, &scene.server).await.unwrap();
        // A record of transport parameters, none of which is declared.
        let hello = [0x40, 9, 0xff, 0x51, 0x53, 0x30, 0x0d, 0x0a, 0x0d, 0x0a, 0];
        stream.write_all(&hello).await.unwrap();
        stream.flush().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.map(|_| heard)
    };
    let closes = async {
        let wire = pipe::connect(near, "localhost", &scene.client, Interface::new()).await.unwrap();
        wire.close(CloseCode::NO_ERROR, "bye");
    };
    let (heard, ()) = tokio::join!(by_hand, closes);
    assert!(heard.unwrap().windows(3).any(|window| window == b"bye"));
}

#[tokio::test]
async fn a_client_that_must_show_a_certificate_hears_so_over_tcp() {
    // Over TCP, where closing on unread bytes would lose the alert.
    let scene = scene(ClientAuth::required, false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepts = async {
        let (stream, _) = listener.accept().await.unwrap();
        pipe::accept(stream, &scene.server, offered()).await.unwrap_err()
    };
    let connects = async {
        let stream = TcpStream::connect(address).await.unwrap();
        pipe::connect(stream, "127.0.0.1", &scene.client, Interface::new()).await.unwrap_err()
    };
    let (server, client) = tokio::join!(accepts, connects);
    assert_says(&server, &["TLS: client certificate required"]);
    assert_says(&client, &["the peer refused: client certificate required"]);
}

#[tokio::test]
async fn a_fault_of_the_handshake_is_the_sentence_of_the_connections_error() {
    let scene = scene(|_| ClientAuth::none(), false);
    let stranger = Trust::pinned([CertificateHash::of(b"another")]);
    let scene = Scene { client: client(stranger).build(&[pipe::PROTOCOL]).unwrap(), ..scene };
    let (client, server) = wires(&scene, 1 << 16).await;
    assert_says(
        &client.unwrap_err(),
        &["TLS: the peer's certificate is not a pinned one", "expected", "seen"],
    );
    assert_says(&server.unwrap_err(), &["TLS: the peer refused", "pinned"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up_after_the_handshake_timeout() {
    let scene = scene(|_| ClientAuth::none(), false);
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_secs(3);
    let options = || WireOptions::from(Interface::new()).limits(limits.clone());
    let after = Duration::from_secs(3);
    let (near, _silent) = duplex(1 << 16);
    let error = pipe::connect(near, "localhost", &scene.client, options()).await.unwrap_err();
    assert_eq!(error, ConnectionError::HandshakeTimeout { after });
    let (near, _silent) = duplex(1 << 16);
    let error = pipe::accept(near, &scene.server, options()).await.unwrap_err();
    assert_eq!(error, ConnectionError::HandshakeTimeout { after });
}

#[tokio::test]
async fn settings_for_another_protocol_are_this_sides_fault_and_nothing_is_sent() {
    let identity = Identity::development(&[]).unwrap();
    let tls = client(Trust::pinned([identity.certificate_hash()])).build(&[TEST]).unwrap();
    let (near, mut far) = duplex(1 << 16);
    let error = pipe::connect(near, "localhost", &tls, Interface::new()).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Limits { .. }));
    assert_says(&error, &["(ALPN) test", pipe::PROTOCOL]);
    let mut sent = Vec::new();
    far.read_to_end(&mut sent).await.unwrap();
    assert!(sent.is_empty());
    let server = TlsServer::builder(identity).build(&[TEST]).unwrap();
    let (near, _far) = duplex(1 << 16);
    let error = pipe::accept(near, &server, Interface::new()).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Limits { .. }));
}

#[tokio::test]
async fn a_peer_of_another_protocol_is_refused_with_both_names() {
    let scene = scene(|_| ClientAuth::none(), false);
    let web = client(Trust::pinned([scene.hash])).build(&["h2", "http/1.1"]).unwrap();
    let (near, far) = duplex(1 << 16);
    let connects = ipfi_quic::tls::TlsStream::connect(near, "localhost", &web);
    let accepts = pipe::accept(far, &scene.server, Interface::new());
    let (connected, accepted) = tokio::join!(connects, accepts);
    connected.unwrap_err();
    assert_says(&accepted.unwrap_err(), &["this side has qmux-02.ipfi-1, the peer h2, http/1.1"]);
}
