//! What a fault is called.

use std::io;

use ipfi_quic::tls::{Identity, TlsClient, TlsFault, TlsServer, TlsStream, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::kit::{TEST, assert_says, client, handshake_of};

fn server() -> (TlsServer, TlsClient) {
    let identity = Identity::development(&[]).unwrap();
    let client = client(Trust::pinned([identity.certificate_hash()])).build(&[TEST]).unwrap();
    (TlsServer::builder(identity).build(&[TEST]).unwrap(), client)
}

#[tokio::test]
async fn text_is_not_tls_on_either_side() {
    let (server, client) = server();
    let (mut peer, stream) = duplex(1 << 16);
    peer.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    peer.shutdown().await.unwrap();
    assert_eq!(TlsStream::accept(stream, &server).await.unwrap_err(), TlsFault::NotTls);
    let (mut peer, stream) = duplex(1 << 16);
    peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    assert_eq!(TlsStream::connect(stream, "localhost", &client).await.unwrap_err(), TlsFault::NotTls);
}

#[tokio::test]
async fn a_stream_that_ends_early_ended_during_the_handshake() {
    let (server, client) = server();
    let (peer, stream) = duplex(1 << 16);
    drop(peer);
    assert_eq!(TlsStream::accept(stream, &server).await.unwrap_err(), TlsFault::Ended);
    let (mut peer, stream) = duplex(1 << 16);
    peer.shutdown().await.unwrap();
    assert_eq!(TlsStream::connect(stream, "localhost", &client).await.unwrap_err(), TlsFault::Ended);
}

#[tokio::test]
async fn a_cut_is_told_apart_from_an_end() {
    let (server, client) = server();
    let ends = handshake_of(&client, &server, "localhost").await;
    let (mut near, mut far) = (ends.client.unwrap(), ends.server.unwrap());
    far.shutdown().await.unwrap();
    assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
    drop(near);
    let error = far.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(TlsFault::from_io(&error), TlsFault::Cut);
}

#[tokio::test]
async fn a_name_that_no_certificate_could_have_is_refused_before_anything_is_sent() {
    let (_, client) = server();
    let (mut peer, stream) = duplex(1 << 16);
    let fault = TlsStream::connect(stream, "not a name", &client).await.unwrap_err();
    assert_says(&fault, &["\"not a name\"", "neither a host name nor an IP address"]);
    let mut sent = Vec::new();
    peer.read_to_end(&mut sent).await.unwrap();
    assert!(sent.is_empty());
}

#[test]
fn every_alert_has_a_meaning() {
    for alert in 0..=u8::MAX {
        assert!(!TlsFault::received_alert(alert).to_string().is_empty());
    }
    assert_says(
        &TlsFault::received_alert(116),
        &["the peer refused: client certificate required", "alert 116"],
    );
    assert_says(&TlsFault::received_alert(70), &["does not speak TLS 1.3"]);
}

#[test]
fn a_quic_code_is_an_alert_only_in_its_range() {
    assert_eq!(TlsFault::alert_of_quic_code(0xff), None);
    assert_eq!(TlsFault::alert_of_quic_code(0x12a), Some(42));
    assert_eq!(TlsFault::alert_of_quic_code(0x1ff), Some(255));
    assert_eq!(TlsFault::alert_of_quic_code(0x200), None);
}

#[test]
fn what_is_left_of_a_fault_in_quic_still_is_a_sentence() {
    let said = |alert, error: rustls::Error| TlsFault::sent_alert(alert, &error.to_string());
    let unknown = rustls::CertificateError::UnknownIssuer;
    assert_eq!(said(48, unknown.into()), TlsFault::UnknownIssuer);
    assert_eq!(said(116, rustls::Error::NoCertificatesPresented), TlsFault::NoClientCertificate);
    let protocols = said(120, rustls::Error::NoApplicationProtocol).with_protocols([&b"ipfi-1"[..]]);
    assert_says(&protocols, &["this side has ipfi-1"]);
    let expired = rustls::CertificateError::ExpiredContext {
        time: rustls::pki_types::UnixTime::now(),
        not_after: rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1)),
    };
    assert_says(&said(45, expired.into()), &["the peer's certificate expired at 1970-01-01 00:00:01 UTC"]);
    assert_says(&TlsFault::sent_alert(80, "something odd"), &["something odd"]);
}
