//! Queries and cookies.

// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used)]

use crate::metadata::Metadata;
use crate::peer::Peer;
use crate::session::Side;

fn peer(target: &str) -> Peer {
    Peer::new(Side::Client, "ws").with_target(target)
}

#[test]
fn the_target_is_a_path_and_perhaps_a_query() {
    assert_eq!(peer("/a/b?x=1&y").path(), Some("/a/b"));
    assert_eq!(peer("/a/b?x=1&y").query(), Some("x=1&y"));
    assert_eq!(peer("/a").query(), None);
    assert_eq!(Peer::new(Side::Client, "tcp").path(), None);
}

#[test]
fn a_value_of_the_query_is_decoded() {
    let peer = peer("/?token=a%20b+c&n%61me=%C3%A9&bad=%4&bytes=%ff&flag&token=second");
    assert_eq!(peer.query_value("token").as_deref(), Some("a b c"));
    assert_eq!(peer.query_value("name").as_deref(), Some("é"));
    assert_eq!(peer.query_value("bad").as_deref(), Some("%4"));
    assert_eq!(peer.query_value("bytes").as_deref(), Some("\u{fffd}"));
    assert_eq!(peer.query_value("flag").as_deref(), Some(""));
    assert_eq!(peer.query_value("none"), None);
}

#[test]
fn cookies_are_found_in_every_header_of_theirs() {
    let mut headers = Metadata::new();
    headers.insert("cookie", "a=1; session=x=y").unwrap();
    headers.insert("cookie", "b=2;c=").unwrap();
    let peer = peer("/").with_headers(headers);
    assert_eq!(peer.cookie("session"), Some("x=y"));
    assert_eq!(peer.cookie("b"), Some("2"));
    assert_eq!(peer.cookie("c"), Some(""));
    assert_eq!(peer.cookie("d"), None);
}
