//! Whose pages are let in.

use super::Origins;

#[test]
fn a_page_of_the_same_host_and_port_is_of_the_same_origin() {
    for (origin, host) in [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://example.com", "example.com"),
        ("https://example.com", "EXAMPLE.com"),
        ("https://example.com", "example.com:443"),
        ("https://example.com:443", "example.com"),
        ("http://[::1]:80", "[::1]"),
        ("http://[::1]:8080", "[::1]:8080"),
    ] {
        assert!(Origins::Same.allow(origin, Some(host)), "{origin} at {host}");
    }
}

#[test]
fn a_page_of_elsewhere_is_not() {
    for (origin, host) in [
        ("https://evil.example", "example.com"),
        ("https://example.com.evil.example", "example.com"),
        ("http://example.com", "example.com:8080"),
        ("http://example.com:8080", "example.com"),
        ("http://[::1]:8080", "[::1]"),
        ("null", "example.com"),
        ("", "example.com"),
        ("file://example.com", "example.com"),
        ("https://example.com/path", "example.com"),
    ] {
        assert!(!Origins::Same.allow(origin, Some(host)), "{origin} at {host}");
    }
    assert!(!Origins::Same.allow("https://example.com", None));
}

#[test]
fn a_list_is_all_that_is_let_in() {
    let origins = Origins::These(vec!["https://App.example/".into(), "null".into()]);
    assert!(origins.allow("https://app.example", Some("other")));
    assert!(origins.allow("null", None));
    assert!(!origins.allow("https://other", Some("other")));
    assert!(Origins::Any.allow("https://other", None));
}
