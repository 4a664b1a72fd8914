//! The WebSocket handshake (RFC 6455 section 4): one HTTP request and its answer, read by httparse, bounded in bytes here and in
//! time by the caller.
//!
//! Our own and not tungstenite's, which drops the connection on a request that it does not like: whoever asks in the wrong way is
//! to get an answer that says what was wrong, and both ends an error that says whose fault it was.

pub(crate) mod client;
mod head;
pub(crate) mod server;

use http::StatusCode;
use http::header::{CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_PROTOCOL, UPGRADE};

/// A status with its name.
fn named(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(name) => format!("{} {name}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The parts of a header that is a list between commas, of all headers of that name.
fn list<'a>(headers: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|all| all.split(','))
        .map(str::trim)
}

/// Whether the headers ask for an upgrade to WebSocket, or grant one.
fn is_upgrade(headers: &HeaderMap) -> bool {
    list(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
        && list(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
}

/// The subprotocols that are offered, or agreed on.
fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    list(headers, &SEC_WEBSOCKET_PROTOCOL).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
