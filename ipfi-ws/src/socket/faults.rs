//! Tungstenite's errors in the words of ipfi: whose fault, and the code of the close (RFC 6455 section 7.4.1).

use std::io;

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// How much of a reason a close holds, in bytes (RFC 6455 section 5.5).
const REASON_BYTES: usize = 123;

/// What the peer did wrong, if it was the peer, and with what code it is told. A message may have `limit` bytes.
pub(super) fn of_peer(error: &Error, limit: usize) -> Option<(CloseCode, String)> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(ProtocolError::UnmaskedFrameFromClient) => {
            Some((CloseCode::Protocol, "a client's frame that is not masked (RFC 6455 section 5.1)".into()))
        }
        Error::Protocol(ProtocolError::MaskedFrameFromServer) => {
            Some((CloseCode::Protocol, "a server's frame that is masked (RFC 6455 section 5.1)".into()))
        }
        Error::Protocol(error) => {
            Some((CloseCode::Protocol, format!("no WebSocket frame of RFC 6455: {error}")))
        }
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => Some((
            CloseCode::Size,
            format!("record too large: {size} bytes seen, limit max_record_size = {limit}"),
        )),
        Error::Capacity(error) => Some((CloseCode::Size, error.to_string())),
        Error::Utf8(_) => Some((CloseCode::Invalid, "a text message that is not UTF-8".into())),
        _ => None,
    }
}

/// How the peer ended the WebSocket, if it did not say goodbye in ipfi's own words before.
pub(super) fn closed(close: Option<&CloseFrame>) -> String {
    match close {
        None => "the peer closed the WebSocket, and gave no code".into(),
        Some(close) if close.reason.is_empty() => {
            format!("the peer closed the WebSocket with code {}", u16::from(close.code))
        }
        Some(close) => {
            let reason = close.reason.replace(char::is_control, " ");
            format!("the peer closed the WebSocket with code {}: {reason}", u16::from(close.code))
        }
    }
}

/// An end that is no close.
pub(super) fn ended(error: &Error) -> String {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            "the peer closed the connection without closing the WebSocket".into()
        }
        other => format!("WebSocket: {other}"),
    }
}

/// An error of writing.
pub(super) fn io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(format!("WebSocket: {other}")),
    }
}

/// The longest beginning of `reason` that a close can hold.
pub(super) fn short(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_BYTES)]
}
