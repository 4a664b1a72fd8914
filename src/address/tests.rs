//! URLs as people write them, and the errors they get.

use super::{Address, AddressError};

#[test]
fn addresses_read_as_they_are_written() {
    for url in ["tcp://127.0.0.1:4000", "tcp://[::1]:0", "tcp://example.com:80", "unix:/run/greeter.sock"] {
        assert_eq!(url.parse::<Address>().map(|address| address.to_string()), Ok(url.to_owned()));
    }
    assert_eq!("unix://relative".parse(), Ok(Address::Unix("relative".into())));
    assert_eq!("TCP://host:80/".parse(), Ok(Address::Tcp("host:80".into())));
}

#[test]
fn a_wrong_url_is_told_what_is_wrong_with_it() {
    let error = |url: &str| url.parse::<Address>().map_err(|error| error.to_string());
    for url in ["localhost", "localhost:4000", "127.0.0.1:4000", "[::1]:4000"] {
        assert_eq!(error(url), Err(format!("{url:?} has no scheme: write tcp://host:port or unix:/path")));
    }
    assert_eq!(
        error("gopher://x:1"),
        Err("\"gopher://x:1\": scheme \"gopher\" is unknown; known are tcp and unix".to_owned())
    );
    for url in ["tcp://host", "tcp:host:1", "tcp://:1", "tcp://host:99999", "tcp://host:1/path", "unix:"] {
        assert!(matches!(url.parse::<Address>(), Err(AddressError::Invalid { .. })), "{url}");
    }
}
