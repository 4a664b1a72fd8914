//! URLs as people write them, and the errors they get.

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
        let forms = "write quic://host:port, tls://host:port, tcp://host:port or unix:/path";
        assert_eq!(error(url), Err(format!("{url:?} has no scheme: {forms}")));
    }
    assert_eq!(
        error("gopher://x:1"),
        Err("\"gopher://x:1\": scheme \"gopher\" is unknown; known are quic, tls, tcp, unix and stdio"
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
