//! The application protocol (ALPN).

use std::sync::Arc;

use ipfi_quic::tls::{Identity, TlsClient, TlsFault, TlsServer, Trust};

use crate::kit::{assert_says, client, handshake_of};

fn server(protocols: &[&str]) -> (TlsServer, Trust) {
    let identity = Identity::development(&[]).unwrap();
    let trust = Trust::pinned([identity.certificate_hash()]);
    (TlsServer::builder(identity).build(protocols).unwrap(), trust)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_two_sides_agree_on_a_protocol_both_have() {
    let (server, trust) = server(&["one", "two"]);
    let client = client(trust).build(&["three", "two"]).unwrap();
    let ends = handshake_of(&client, &server, "localhost").await;
    assert_eq!(ends.client.unwrap().protocol(), Some(&b"two"[..]));
    assert_eq!(ends.server.unwrap().protocol(), Some(&b"two"[..]));
}

#[tokio::test]
async fn without_a_protocol_in_common_the_server_names_both_sides_and_the_client_its_own() {
    let (server, trust) = server(&["one"]);
    let client = client(trust).build(&["two", "h\u{fc}"]).unwrap();
    let ends = handshake_of(&client, &server, "localhost").await;
    let (server, client) = ends.refused();
    assert_eq!(
        server,
        TlsFault::NoCommonProtocol { ours: names(&["one"]), theirs: Some(names(&["two", "h\u{fc}"])) }
    );
    assert_says(&server, &["in common: this side has one, the peer two, h"]);
    assert_eq!(client, TlsFault::NoCommonProtocol { ours: names(&["two", "h\u{fc}"]), theirs: None });
    assert_says(&client, &["this side has two, h\u{fc}, the peer none of these"]);
}

#[tokio::test]
async fn a_client_that_names_no_protocol_is_refused() {
    let (server, trust) = server(&["one"]);
    let mut config = client(trust).build(&["one"]).unwrap().as_rustls().as_ref().clone();
    config.alpn_protocols.clear();
    let client = TlsClient::from_rustls(Arc::new(config));
    let fault = handshake_of(&client, &server, "localhost").await.server.unwrap_err();
    assert_eq!(fault, TlsFault::NoCommonProtocol { ours: names(&["one"]), theirs: Some(vec![]) });
    assert_says(&fault, &["this side has one, the peer none"]);
}

#[tokio::test]
async fn a_server_that_names_no_protocol_is_refused() {
    let (server, trust) = server(&["one"]);
    let mut config = server.as_rustls().as_ref().clone();
    config.alpn_protocols.clear();
    let server = TlsServer::from_rustls(Arc::new(config));
    let client = client(trust).build(&["one"]).unwrap();
    let fault = handshake_of(&client, &server, "localhost").await.client.unwrap_err();
    assert_eq!(fault, TlsFault::NoCommonProtocol { ours: names(&["one"]), theirs: Some(vec![]) });
}

#[test]
fn settings_without_a_protocol_or_with_one_that_has_no_name_are_not_made() {
    let long = "x".repeat(256);
    for protocols in [&[][..], &[""], &["one", &long]] {
        let identity = Identity::development(&[]).unwrap();
        let trust = Trust::pinned([identity.certificate_hash()]);
        assert_says(&TlsServer::builder(identity).build(protocols).unwrap_err(), &["1 to 255 bytes"]);
        assert_says(&client(trust).build(protocols).unwrap_err(), &["1 to 255 bytes"]);
    }
}
