//! URLs as people write them, and the errors they get.

// A URL that is not what the test says has failed it.
#![allow(clippy::panic)]

use super::{Address, AddressError};

#[test]
fn addresses_read_as_they_are_written() {
    for url in [
        "tcp://127.0.0.1:4000",
        "tcp://[::1]:0",
        "tcp://example.com:80",
        "tls://example.com:443",
        "tls://[::]:443",
        "quic://127.0.0.1:4433",
        "quic://[fe80::1%2]:4433",
        "ws://127.0.0.1:8080",
        "ws://[::1]:8080/",
        "wss://example.com:443/ipfi/v1?token=a%20b",
        "https://example.com:443/ipfi?token=a%20b",
        "unix:/run/greeter.sock",
        "stdio:",
    ] {
        assert_eq!(url.parse::<Address>().map(|address| address.to_string()), Ok(url.to_owned()));
    }
    assert_eq!("unix://relative".parse(), Ok(Address::Unix("relative".into())));
    assert_eq!("TCP://host:80/".parse(), Ok(Address::Tcp("host:80".into())));
    assert_eq!("Quic://host:80/".parse(), Ok(Address::Quic("host:80".into())));
}

#[test]
fn a_wrong_url_is_told_what_is_wrong_with_it() {
    let error = |url: &str| url.parse::<Address>().map_err(|error| error.to_string());
    for url in ["localhost", "localhost:4000", "127.0.0.1:4000", "[::1]:4000"] {
        let forms = "write quic://host:port, wss://host/path, tls://host:port, tcp://host:port or unix:/path";
        assert_eq!(error(url), Err(format!("{url:?} has no scheme: {forms}")));
    }
    assert_eq!(
        error("gopher://x:1"),
        Err("\"gopher://x:1\": scheme \"gopher\" is unknown; known are quic, https, tls, tcp, wss, ws, unix and stdio"
            .to_owned())
    );
    assert_eq!(
        error("quic://host"),
        Err("\"quic://host\": needed are a host, a port up to 65535, and nothing else: quic://host:port"
            .to_owned())
    );
    assert_eq!(
        error("tls://::1:443"),
        Err("\"tls://::1:443\": an IPv6 address stands in brackets: [::1]:port".to_owned())
    );
    for scheme in ["tcp", "tls", "quic"] {
        for rest in [
            "//host",
            ":host:1",
            "//:1",
            "//host:99999",
            "//host:+1",
            "//host:1/path",
            "//host:1?x",
            "//a/b:1",
            "//user@host:1",
            "//[::1:1",
            "//[host]:1",
            "//[]:1",
            "//a b:1",
            "//1:2:3",
        ] {
            let url = format!("{scheme}:{rest}");
            assert!(matches!(url.parse::<Address>(), Err(AddressError::Invalid { .. })), "{url}");
        }
    }
    for url in ["unix:", "stdio:/dev/stdin", "stdio://"] {
        assert!(matches!(url.parse::<Address>(), Err(AddressError::Invalid { .. })), "{url}");
    }
}

#[test]
fn a_websocket_has_a_usual_port_and_a_target() {
    let web = |url: &str| match url.parse() {
        Ok(Address::Ws(web) | Address::Wss(web)) => (web.authority().to_owned(), web.target().to_owned()),
        other => panic!("{url}: {other:?}"),
    };
    let parts = |authority: &str, target: &str| (authority.to_owned(), target.to_owned());
    assert_eq!(web("ws://example.com"), parts("example.com:80", "/"));
    assert_eq!(web("wss://example.com/a?b=c"), parts("example.com:443", "/a?b=c"));
    assert_eq!(web("wss://[::1]?b"), parts("[::1]:443", "/?b"));
    assert_eq!(web("WS://[::1]:81/:82"), parts("[::1]:81", "/:82"));
    for rest in [
        "host",
        "//",
        "//:1",
        "///path",
        "//host:+1",
        "//user@host",
        "//::1",
        "//a b",
        "//host/#x",
        "//host/a b",
        "//host/é",
    ] {
        for scheme in ["ws", "wss"] {
            let url = format!("{scheme}:{rest}");
            assert!(matches!(url.parse::<Address>(), Err(AddressError::Invalid { .. })), "{url}");
        }
    }
}

#[cfg(feature = "ws")]
#[test]
fn a_request_names_the_port_where_it_is_not_the_usual_one() {
    let host = |url: &str, usual| match url.parse() {
        Ok(Address::Ws(web)) => web.host(usual).to_owned(),
        other => panic!("{url}: {other:?}"),
    };
    assert_eq!(host("ws://example.com", "80"), "example.com");
    assert_eq!(host("ws://[::1]:80/", "80"), "[::1]");
    assert_eq!(host("ws://example.com:8080", "80"), "example.com:8080");
    assert_eq!(host("ws://example.com:180", "80"), "example.com:180");
}
