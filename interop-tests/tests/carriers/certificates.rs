//! Whom each side believes, and what it says when it does not.

use std::time::Duration;

use ipfi::quic::QuicServer;
use ipfi::quic::tls::{TlsServer, TlsStream};
use ipfi::{
    CertificateHash, ClientAuth, ConnectError, ConnectionError, Connector, Context, Identity, Limits,
    QuicOptions, ReloadableIdentity, Server, ServerError, Trust,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Running, greeted, greeter, within};

const BOTH: [&str; 2] = ["quic://127.0.0.1:0", "tls://127.0.0.1:0"];

fn development(name: &str) -> Identity {
    Identity::development(&[name]).unwrap()
}

fn pinning(identity: &Identity) -> Connector {
    Connector::new().trust(Trust::pinned([identity.certificate_hash()]))
}

fn serving(identity: impl Into<ReloadableIdentity>) -> Server {
    Server::new(greeter()).identity(identity).listen(BOTH[0]).listen(BOTH[1])
}

/// The text of the failed handshake.
async fn refused(connector: &Connector, url: &str) -> String {
    match within("a refusal", connector.connect(url)).await {
        Err(error @ ConnectError::Handshake { .. }) => error.to_string(),
        other => panic!("expected a failed handshake, saw {other:?}"),
    }
}

#[tokio::test]
async fn a_server_without_a_certificate_is_told_which_url_needs_one() {
    for url in BOTH {
        let error = Server::new(greeter()).listen(url).bind().await.unwrap_err();
        assert!(matches!(error, ServerError::NoIdentity { .. }), "{error}");
        let text = format!("listen {url}: a certificate and its key are needed: call Server::identity first");
        assert_eq!(error.to_string(), text);
    }
}

/// An authority of one's own, and a certificate that it has issued for 127.0.0.1.
fn issued(authority: &str) -> (Trust, Identity) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, authority);
    let root = params.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let identity = Identity::from_pem(leaf.pem(), key.serialize_pem()).unwrap();
    (Trust::roots_pem(root.pem()).unwrap(), identity)
}

#[tokio::test]
async fn a_certificate_is_believed_if_it_leads_to_a_trusted_root_and_refused_otherwise() {
    let (ours, identity) = issued("ours");
    let (others, _) = issued("others");
    let server = Running::bound(serving(identity)).await;
    for url in &server.urls {
        greeted(&Connector::new().trust(ours.clone()).connect(url).await.unwrap()).await;
        // The default: nobody whom this system knows has issued it.
        for connector in [Connector::new().trust(others.clone()), Connector::new()] {
            let text = refused(&connector, url).await;
            let expected =
                format!("connect {url}: connection lost: TLS: the peer's certificate has an unknown issuer");
            assert!(text.starts_with(&expected), "{text}");
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_that_name_is_asked_for() {
    let identity = development("example.com");
    let root = identity.certificates().next().unwrap().to_vec();
    let server = Running::bound(serving(identity)).await;
    let connector = Connector::new().trust(Trust::roots_der([root]).unwrap());
    for url in &server.urls {
        let text = refused(&connector, url).await;
        assert!(
            text.contains("the server's certificate is not for 127.0.0.1, but for example.com"),
            "{text}"
        );
        let named = connector.clone().server_name("example.com");
        greeted(&within("connecting", named.connect(url)).await.unwrap()).await;
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_the_pinned_one_is_refused_with_both_hashes() {
    let (shown, pinned) = (development("localhost"), development("localhost"));
    let hashes = (pinned.certificate_hash(), shown.certificate_hash());
    let server = Running::bound(serving(shown)).await;
    for url in &server.urls {
        let text = refused(&pinning(&pinned), url).await;
        let expected =
            format!("the peer's certificate is not a pinned one: expected {}, seen {}", hashes.0, hashes.1);
        assert!(text.contains(&expected), "{text}");
    }
}

#[tokio::test]
async fn a_procedure_sees_the_certificates_of_its_caller_and_strangers_are_not_let_in() {
    let (identity, client, stranger) = (development("localhost"), development("ada"), development("eve"));
    let interface = greeter().procedure(2, |context: Context, (): ()| async move {
        context
            .peer()
            .certificates()
            .iter()
            .map(|der| CertificateHash::of(der).to_string())
            .collect::<Vec<_>>()
    });
    let connector = pinning(&identity);
    let server = Server::new(interface)
        .identity(identity)
        .client_auth(ClientAuth::pinned([client.certificate_hash()]))
        .listen(BOTH[0])
        .listen(BOTH[1]);
    let server = Running::bound(server).await;
    for url in &server.urls {
        let wire = connector.clone().identity(client.clone()).connect(url).await.unwrap();
        let seen: Vec<String> = within("a call", wire.call(2, ())).await.unwrap();
        assert_eq!(seen, [client.certificate_hash().to_string()]);
        assert_eq!(wire.peer().certificates().len(), 1, "the server's");
        // With TLS 1.3 a client may take the handshake for done before its certificate was looked at.
        for connector in [connector.clone(), connector.clone().identity(stranger.clone())] {
            let text = match within("a refusal", connector.connect(url)).await {
                Ok(wire) => within("the end", wire.closed()).await.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(text.contains("certificate"), "{url}: {text}");
        }
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let (old, new) = (development("localhost"), development("localhost"));
    let shown = ReloadableIdentity::new(old.clone());
    let server = Running::bound(serving(shown.clone())).await;
    let mut wires = Vec::new();
    for url in &server.urls {
        wires.push(pinning(&old).connect(url).await.unwrap());
    }
    shown.replace(new.clone());
    for (url, wire) in server.urls.iter().zip(&wires) {
        greeted(wire).await;
        greeted(&pinning(&new).connect(url).await.unwrap()).await;
        let text = refused(&pinning(&old), url).await;
        assert!(text.contains("is not a pinned one"), "{text}");
    }
}

fn hasty() -> Connector {
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(500);
    Connector::new().limits(limits).trust(Trust::danger_accept_any())
}

#[tokio::test]
async fn nobody_at_the_port_is_a_refusal_over_tls_and_silence_over_quic() {
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tls://{}", tcp.local_addr().unwrap());
    drop(tcp);
    let error = within("an answer", hasty().connect(&url)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Io { .. }), "{error}");
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let url = format!("quic://{}", udp.local_addr().unwrap());
    let error = within("an answer", hasty().connect(&url)).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::Handshake { source: ConnectionError::HandshakeTimeout { .. }, .. }),
        "{error}"
    );
    assert!(error.to_string().starts_with(&format!("connect {url}: handshake timeout")), "{error}");
}

#[tokio::test]
async fn a_port_that_answers_in_plain_text_does_not_speak_tls() {
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tls://{}", tcp.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = tcp.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let text = refused(&hasty(), &url).await;
    assert_eq!(text, format!("connect {url}: connection lost: TLS: the peer does not speak TLS"));
    within("the server", server).await.unwrap();
}

#[tokio::test]
async fn a_client_without_tls_at_a_tls_port_fails_and_the_server_lives_on() {
    let identity = development("localhost");
    let connector = pinning(&identity);
    let server = Running::bound(serving(identity)).await;
    let plain = server.urls[1].replace("tls:", "tcp:");
    within("a refusal", ipfi::connect(&plain)).await.unwrap_err();
    for url in &server.urls {
        greeted(&connector.connect(url).await.unwrap()).await;
    }
}

#[tokio::test]
async fn a_server_of_another_protocol_is_told_apart() {
    let tls = TlsServer::builder(development("localhost")).build(&["h2"]).unwrap();
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let over_tls = format!("tls://{}", tcp.local_addr().unwrap());
    let settings = tls.clone();
    let task = tokio::spawn(async move {
        let (stream, _) = tcp.accept().await.unwrap();
        TlsStream::accept(stream, &settings).await.unwrap_err().to_string()
    });
    let text = refused(&hasty(), &over_tls).await;
    assert!(
        text.contains("no application protocol (ALPN) in common: this side has qmux-02.ipfi-1"),
        "{text}"
    );
    let text = within("the server", task).await.unwrap();
    assert!(text.contains("this side has h2, the peer qmux-02.ipfi-1"), "{text}");

    let at = "127.0.0.1:0".parse().unwrap();
    let quic = QuicServer::bind(at, &tls, &Limits::default(), &QuicOptions::default()).unwrap();
    let over_quic = format!("quic://{}", quic.local_address().unwrap());
    let task = tokio::spawn(async move {
        let incoming = quic.accept().await.unwrap();
        incoming.wire(greeter()).await.map(drop).unwrap_err().to_string()
    });
    let text = refused(&hasty(), &over_quic).await;
    assert!(text.contains("no application protocol (ALPN) in common: this side has ipfi-1"), "{text}");
    within("the server", task).await.unwrap();
}

#[tokio::test]
async fn pins_of_nobody_are_a_mistake_that_is_found_before_anything_is_sent() {
    let connector = Connector::new().trust(Trust::pinned([]));
    for url in ["quic://127.0.0.1:1", "tls://127.0.0.1:1"] {
        let error = connector.connect(url).await.unwrap_err();
        assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
        let text = format!("connect {url}: nobody would be trusted: no certificate hash was pinned");
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_not_found() {
    for scheme in ["quic", "tls", "tcp"] {
        let url = format!("{scheme}://no-such-host.invalid:1");
        let error = within("an answer", hasty().connect(&url)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Resolve { .. }), "{error}");
        assert!(
            error.to_string().starts_with(&format!("connect {url}: the host was not found: ")),
            "{error}"
        );
    }
}
