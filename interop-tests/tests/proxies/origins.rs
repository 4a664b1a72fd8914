//! Which host a page is of, behind a proxy.

use std::time::Duration;

use ipfi::{Connector, Origins, Server, Trust, WsOptions};

use crate::proxy::{BOTH, Kind, Proxy, Running, interface, within};

const LONG: Duration = Duration::from_secs(50);

/// The origin of a page from the proxy.
fn origin(url: &str) -> String {
    url.replace("wss://", "https://").replace("ws://", "http://").replace("/ipfi", "")
}

#[ignore = "installs nginx and HAProxy, as root: `cargo xtask test --net` runs it"]
#[tokio::test]
async fn a_page_from_the_proxy_is_of_the_same_origin_where_the_proxy_hands_on_the_host() {
    for kind in BOTH {
        let server = Running::new(Server::new(interface())).await;
        let proxy = Proxy::start(kind, &server.authority, LONG).await;
        for url in [&proxy.plain, &proxy.secure] {
            let page = Connector::new().trust(Trust::pinned([proxy.certificate]));
            within("a page", page.clone().header("Origin", origin(url)).connect(url)).await.unwrap();
            let evil = page.header("Origin", "https://evil.example");
            let error = within("another page", evil.connect(url)).await.unwrap_err().to_string();
            assert!(error.contains("403 Forbidden") && error.contains("not allowed"), "{kind:?}: {error}");
        }
    }
}

#[ignore = "installs nginx and HAProxy, as root: `cargo xtask test --net` runs it"]
#[tokio::test]
async fn where_the_proxy_names_another_host_the_origin_is_listed() {
    let mut ws = WsOptions::default();
    for listed in [false, true] {
        if listed {
            ws.origins = Origins::These(vec!["https://app.example".into()]);
        }
        let server = Running::new(Server::new(interface()).ws_options(ws.clone())).await;
        let proxy = Proxy::start(Kind::Nginx, &server.authority, LONG).await;
        let url = proxy.plain.replace("/ipfi", "/hostless");
        let page = if listed { "https://app.example".to_owned() } else { origin(&proxy.plain) };
        let connected = within("a page", Connector::new().header("Origin", page).connect(&url)).await;
        match (listed, connected) {
            (true, Ok(_)) => {}
            (false, Err(error)) => assert!(error.to_string().contains("403 Forbidden"), "{error}"),
            (_, other) => panic!("listed: {listed}, {other:?}"),
        }
    }
}
