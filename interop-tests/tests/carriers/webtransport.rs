//! WebTransport through the facade: one port for it and for native QUIC, and what a request says of a client.

use ipfi::{
    ConnectError, Connector, Context, Identity, Interface, Origins, Server, Trust, WebTransportOptions,
};

use crate::support::{Running, greeted, greeter, within};

/// What the peer said in its request.
type Said = (String, Option<String>, Option<String>);

/// A server of QUIC that says under 2 what it knows of its caller, and a connector that trusts it.
async fn served(web: WebTransportOptions) -> (Running, Connector) {
    let interface = greeter().procedure(2, |context: Context, (): ()| async move {
        let peer = context.peer();
        let header = peer.headers().get_str("authorization").map(str::to_owned);
        (peer.carrier().to_owned(), peer.path().map(str::to_owned), header) as Said
    });
    let identity = Identity::development(&[]).unwrap();
    let trust = Trust::pinned([identity.certificate_hash()]);
    let server = Server::new(interface).identity(identity).webtransport_options(web);
    let running = Running::bound(server.listen("quic://127.0.0.1:0")).await;
    (running, Connector::new().trust(trust))
}

fn web_url(server: &Running, target: &str) -> String {
    server.urls[0].replacen("quic://", "https://", 1) + target
}

#[tokio::test]
async fn one_connector_reaches_one_port_natively_and_by_webtransport() {
    let (server, connector) = served(WebTransportOptions::default()).await;
    let connector = connector.header("Authorization", "Bearer x");
    let native = within("connecting", connector.connect(&server.urls[0])).await.unwrap();
    let web = within("connecting", connector.connect(&web_url(&server, "/ipfi"))).await.unwrap();
    greeted(&native).await;
    greeted(&web).await;
    let said: Said = within("a call", native.call(2, ())).await.unwrap();
    assert_eq!(said, ("quic".to_owned(), None, None));
    let said: Said = within("a call", web.call(2, ())).await.unwrap();
    assert_eq!(said, ("webtransport".to_owned(), Some("/ipfi".into()), Some("Bearer x".into())));
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_at_both_ends() {
    let mut web = WebTransportOptions::default();
    web.origins = Origins::These(vec!["https://app.example".into()]);
    let (server, connector) = served(web).await;
    let connector = connector.header("Origin", "https://evil.example");
    let error = within("a refusal", connector.connect(&web_url(&server, "/"))).await.unwrap_err();
    let ConnectError::Handshake { source, .. } = error else { panic!("{error}") };
    let expected = "origin https://evil.example not allowed (allowed: https://app.example)";
    assert!(source.to_string().contains(expected), "{source}");
}

#[tokio::test]
async fn a_server_is_not_listened_for_at_https() {
    let error = Server::new(Interface::new()).listen("https://127.0.0.1:0").bind().await.unwrap_err();
    assert!(error.to_string().contains("quic://host:port"), "{error}");
}
