//! Connections that cannot be: each is one clear error, in time.

use std::net::SocketAddr;
use std::time::Duration;

use interop_tests::conformance::kit::{ECHO, standard};
use interop_tests::quic_pair::{self, identity};
use interop_tests::udp_net::UdpNet;
use ipfi_core::error::ConnectionError;
use ipfi_core::{Interface, Limits};
use ipfi_quic::endpoint::{EndpointError, endpoint_config, server_config};
use ipfi_quic::tls::{ClientAuth, Identity, TlsClient, TlsServer, Trust};
use ipfi_quic::{ALPN, QuicClient, QuicOptions};
use rcgen::{CertificateParams, KeyPair};
use tokio::time::Instant;

use super::kit::{Serving, client, client_at, limits, ms, net, options, serve, server_address};

fn client_tls(trust: Trust, protocols: &[&str]) -> TlsClient {
    TlsClient::builder(trust).build(protocols).unwrap()
}

fn server_tls(identity: Identity, protocols: &[&str]) -> TlsServer {
    TlsServer::builder(identity).build(protocols).unwrap()
}

fn pinned(identity: &Identity) -> Trust {
    Trust::pinned([identity.certificate_hash()])
}

/// Tries to connect: the one error, how long it took, and what the server says.
async fn refused(tls: (&TlsClient, &TlsServer), name: &str) -> (String, Duration, Option<String>) {
    let (net, options) = (net(10), options(|_| {}));
    let serving = serve(&net, tls.1, &options, Interface::new());
    let started = Instant::now();
    let error = connect(&net, tls.0, &options, name).await.unwrap_err();
    let took = started.elapsed();
    tokio::time::sleep(ms(200)).await;
    (error.to_string(), took, at_server(&serving))
}

fn at_server(serving: &Serving) -> Option<String> {
    let mut failed: Vec<_> = serving.failed.lock().unwrap().iter().map(ToString::to_string).collect();
    assert!(failed.len() <= 1, "more than one error: {failed:?}");
    failed.pop()
}

async fn connect(
    net: &UdpNet,
    tls: &TlsClient,
    options: &QuicOptions,
    name: &str,
) -> Result<ipfi_core::Wire, ConnectionError> {
    client(net, tls, options).connect(server_address(), name, Interface::new()).await
}

/// Demands that `text` has all `parts`.
fn says(text: &str, parts: &[&str]) {
    println!("{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

const AT_ONCE: Duration = Duration::from_millis(100);

#[tokio::test(start_paused = true)]
async fn another_certificate_than_the_pinned_one_names_both_hashes() {
    let other = Identity::development(&["localhost"]).unwrap();
    let tls = (client_tls(pinned(&other), &[ALPN]), quic_pair::tls(false).1);
    let (error, took, server) = refused((&tls.0, &tls.1), "localhost").await;
    let (expected, seen) = (other.certificate_hash().to_string(), identity().certificate_hash().to_string());
    says(&error, &["TLS: the peer's certificate is not a pinned one", &expected, &seen]);
    assert!(took <= AT_ONCE, "{took:?}");
    says(&server.unwrap(), &["the peer refused: it does not accept this side's certificate"]);
}

/// A certificate that nobody has signed but itself, as PEM, and who has it.
fn own(change: impl FnOnce(&mut CertificateParams)) -> (String, Identity) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let pem = params.self_signed(&key).unwrap().pem();
    let identity = Identity::from_pem(&pem, key.serialize_pem()).unwrap();
    (pem, identity)
}

#[tokio::test(start_paused = true)]
async fn an_unknown_issuer_is_named_as_that() {
    let (root, _) = own(|_| {});
    // With the same subject it would be a wrong signature of the known one.
    let shown = Identity::development(&["localhost"]).unwrap();
    let tls = (client_tls(Trust::roots_pem(root).unwrap(), &[ALPN]), server_tls(shown, &[ALPN]));
    let (error, took, server) = refused((&tls.0, &tls.1), "localhost").await;
    says(&error, &["TLS: the peer's certificate has an unknown issuer"]);
    assert!(took <= AT_ONCE, "{took:?}");
    says(&server.unwrap(), &["it does not know the issuer of this side's certificate"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_certificate_is_told_with_its_time_also_where_it_is_pinned() {
    let (root, shown) = own(|params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 2, 3);
    });
    for trust in [pinned(&shown), Trust::roots_pem(root).unwrap()] {
        let tls = (client_tls(trust, &[ALPN]), server_tls(shown.clone(), &[ALPN]));
        let (error, took, server) = refused((&tls.0, &tls.1), "localhost").await;
        says(&error, &["TLS: the peer's certificate expired at 2021-02-03"]);
        assert!(took <= AT_ONCE, "{took:?}");
        says(&server.unwrap(), &["expired or not yet valid"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_name_tells_both_names() {
    let (root, shown) = own(|_| {});
    let tls = (client_tls(Trust::roots_pem(root).unwrap(), &[ALPN]), server_tls(shown, &[ALPN]));
    let (error, _, _) = refused((&tls.0, &tls.1), "example.org").await;
    says(&error, &["TLS: the server's certificate is not for example.org, but for localhost"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_certificate_could_have_is_told_before_anything_is_sent() {
    let tls = quic_pair::tls(false);
    let (error, took, _) = refused((&tls.0, &tls.1), "not a name").await;
    says(&error, &["not a name"]);
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_only_http_is_no_protocol_in_common() {
    let tls = (quic_pair::tls(false).0, server_tls(identity(), &["h3"]));
    let (error, took, server) = refused((&tls.0, &tls.1), "localhost").await;
    says(&error, &["TLS: no application protocol (ALPN) in common", "ipfi-1"]);
    assert!(took <= AT_ONCE, "{took:?}");
    says(&server.unwrap(), &["no application protocol (ALPN) in common", "h3"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_speaks_only_http_is_no_protocol_in_common() {
    let tls = (client_tls(pinned(&identity()), &["h3"]), quic_pair::tls(false).1);
    let (error, _, server) = refused((&tls.0, &tls.1), "localhost").await;
    says(&error, &["TLS: no application protocol (ALPN) in common", "h3"]);
    says(&server.unwrap(), &["TLS: no application protocol (ALPN) in common", "ipfi-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_names_no_protocol_at_all_is_refused() {
    let mut rustls = (**quic_pair::tls(false).0.as_rustls()).clone();
    rustls.alpn_protocols.clear();
    let (client, server) = (TlsClient::from_rustls(rustls.into()), quic_pair::tls(false).1);
    let (error, _, at_server) = refused((&client, &server), "localhost").await;
    says(&error, &["no application protocol (ALPN) in common"]);
    says(&at_server.unwrap(), &["no application protocol (ALPN) in common", "ipfi-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_port_with_nothing_on_it_is_a_handshake_timeout_in_time() {
    let (net, options, tls) = (net(10), options(|_| {}), quic_pair::tls(false));
    is_a_timeout(&net, &tls.0, &options).await;
}

#[tokio::test(start_paused = true)]
async fn a_path_that_swallows_udp_is_a_handshake_timeout_in_time_and_costs_few_datagrams() {
    let (net, options, tls) = (net(10), options(|_| {}), quic_pair::tls(false));
    let _serving = serve(&net, &tls.1, &options, Interface::new());
    net.change_both(super::kit::client_address(), server_address(), |path| path.blackhole = true);
    is_a_timeout(&net, &tls.0, &options).await;
    let sent = net.total().sent;
    assert!(sent.datagrams <= 30, "{sent:?}");
}

async fn is_a_timeout(net: &UdpNet, tls: &TlsClient, options: &QuicOptions) {
    let started = Instant::now();
    let error = connect(net, tls, options, "localhost").await.unwrap_err();
    says(&error.to_string(), &["handshake timeout", "10s"]);
    let took = started.elapsed();
    assert!((Duration::from_secs(10)..=Duration::from_millis(10_010)).contains(&took), "{took:?}");
}

/// Connects without a certificate to a server that asks for one: the client learns of it after its own handshake
/// (RFC 8446 section 4.4.2.4), so from the connection or from the first call.
#[tokio::test(start_paused = true)]
async fn a_client_without_the_certificate_that_the_server_requires_is_told_so_in_words() {
    let clients = Identity::development(&["client"]).unwrap();
    let auth = ClientAuth::pinned([clients.certificate_hash()]);
    let required = TlsServer::builder(identity()).client_auth(auth).build(&[ALPN]).unwrap();
    let (net, options) = (net(10), options(|_| {}));
    let serving = serve(&net, &required, &options, Interface::new());
    let error = match connect(&net, &quic_pair::tls(false).0, &options, "localhost").await {
        Ok(wire) => tokio::time::timeout(AT_ONCE, wire.closed()).await.unwrap(),
        Err(error) => error,
    };
    says(&error.to_string(), &["client certificate required, and this side showed none"]);
    says(&at_server(&serving).unwrap(), &["client certificate required: the client showed none"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_with_another_certificate_than_those_that_are_let_in_is_told_so_in_words() {
    let (wanted, shown) = (Identity::development(&["a"]).unwrap(), Identity::development(&["b"]).unwrap());
    let auth = ClientAuth::pinned([wanted.certificate_hash()]);
    let required = TlsServer::builder(identity()).client_auth(auth).build(&[ALPN]).unwrap();
    let tls = TlsClient::builder(pinned(&identity())).identity(shown).build(&[ALPN]).unwrap();
    let (net, options) = (net(10), options(|_| {}));
    let serving = serve(&net, &required, &options, Interface::new());
    let error = match connect(&net, &tls, &options, "localhost").await {
        Ok(wire) => tokio::time::timeout(AT_ONCE, wire.closed()).await.unwrap(),
        Err(error) => error,
    };
    says(&error.to_string(), &["the peer refused: it does not accept this side's certificate"]);
    says(&at_server(&serving).unwrap(), &["the peer's certificate is not a pinned one"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_more_connections_keeps_those_it_has_and_refuses_others_at_once() {
    let (net, options, tls) = (net(10), options(|_| {}), quic_pair::tls(false));
    let serving = serve(&net, &tls.1, &options, standard());
    let before = connect(&net, &tls.0, &options, "localhost").await.unwrap();
    serving.server.stop();
    let elsewhere = SocketAddr::from(([10, 0, 0, 9], 9));
    let late = client_at(&net, elsewhere, &tls.0, &Limits::default(), &options);
    let started = Instant::now();
    let error = late.connect(server_address(), "localhost", Interface::new()).await.unwrap_err();
    says(&error.to_string(), &["closed by the peer", "CONNECTION_REFUSED"]);
    assert!(started.elapsed() <= AT_ONCE, "{:?}", started.elapsed());
    assert_eq!(before.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_agrees_on_another_protocol_is_told_apart_at_once() {
    let protocols = ["h3", ALPN];
    let client = TlsClient::builder(pinned(&identity())).build(&protocols).unwrap();
    let server = TlsServer::builder(identity()).build(&protocols).unwrap();
    let (error, took, at_server) = refused((&client, &server), "localhost").await;
    says(&error, &["agreed on the protocol \"h3\"", "ipfi's is \"ipfi-1\""]);
    assert!(took <= AT_ONCE, "{took:?}");
    says(&at_server.unwrap(), &["agreed on the protocol \"h3\""]);
}

#[tokio::test(start_paused = true)]
async fn options_and_limits_that_cannot_be_are_refused_by_name() {
    fn what<T>(result: Result<T, EndpointError>) -> String {
        result.map(drop).unwrap_err().to_string()
    }
    let sizes = |max_mtu, initial_mtu| {
        what(endpoint_config(&options(|options| {
            (options.max_mtu, options.initial_mtu) = (max_mtu, initial_mtu)
        })))
    };
    says(&sizes(1452, 1199), &["initial_mtu is 1199", "1200"]);
    says(&sizes(1300, 1400), &["max_mtu is 1300", "initial_mtu, which is 1400"]);
    says(&sizes(65_528, 1200), &["max_mtu is 65528"]);
    let (client, server) = quic_pair::tls(false);
    for (stream, connection) in [(0, 1000), (1001, 1000)] {
        let limits = limits(|limits| {
            (limits.quic_stream_window_bytes, limits.quic_connection_window_bytes) = (stream, connection);
        });
        let wanted = [&*format!("quic_stream_window_bytes is {stream}"), "quic_connection_window_bytes"];
        says(&what(server_config(&server, &limits, &options(|_| {}))), &wanted);
        let bound = QuicClient::bind(([127, 0, 0, 1], 1).into(), &client, &limits, &options(|_| {}));
        says(&what(bound), &wanted);
    }
}
