//! Quinn's errors in the words of ipfi.

use std::sync::Arc;

use ipfi_core::close_code::{CloseCode, StreamCode, TransportCode};
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use quinn::VarInt;

use crate::config::varint;
use crate::tls::TlsFault;

/// What is kept of a reason that the peer gives, in bytes.
const REASON_BYTES: usize = 256;

/// What quinn says when an endpoint's task has ended.
const ENDPOINT_GONE: &str = "endpoint driver future was dropped";

/// How codes of applications are written on this connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Codes {
    /// As they are.
    #[default]
    Native,
    /// Within WebTransport: in a range of HTTP/3's that leaves out every 31st, which means nothing
    /// (draft-ietf-webtrans-http3 section 4.4).
    #[cfg_attr(not(feature = "webtransport"), allow(dead_code, reason = "only WebTransport makes one"))]
    WebTransport,
}

/// Where that range begins and ends.
const FIRST_CODE: u64 = 0x52e4_a40f_a8db;
const LAST_CODE: u64 = 0x52e5_ac98_3162;

/// HTTP/3 closes in order with this (RFC 9114 section 8.1).
const H3_NO_ERROR: u64 = 0x100;

impl Codes {
    /// As it is written. WebTransport has no codes above 2^32: of those the largest will do.
    pub(crate) fn encode(self, code: u64) -> VarInt {
        match self {
            Self::Native => varint(code),
            Self::WebTransport => {
                let code = code.min(u32::MAX.into());
                varint(FIRST_CODE + code + code / 0x1e)
            }
        }
    }

    /// As it was meant. One of HTTP/3's own is left as it is: no code of ours has its number.
    pub(crate) fn decode(self, code: VarInt) -> u64 {
        let code = code.into_inner();
        match self {
            Self::WebTransport if (FIRST_CODE..=LAST_CODE).contains(&code) => {
                let shifted = code - FIRST_CODE;
                shifted - shifted / 0x1f
            }
            _ => code,
        }
    }

    /// The code of a stream's reset or stop, as it is written.
    pub(crate) fn of_stream(self, code: StreamCode) -> VarInt {
        self.encode(code.0)
    }

    /// The code of a stream's reset or stop.
    pub(crate) fn stream(self, code: VarInt) -> StreamCode {
        StreamCode(self.decode(code))
    }

    fn close(self, code: VarInt) -> CloseCode {
        match (self, self.decode(code)) {
            (Self::WebTransport, H3_NO_ERROR) => CloseCode::NO_ERROR,
            (_, code) => CloseCode(code),
        }
    }
}

/// What this side knows of the end of its connection beyond what quinn says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ours {
    pub(crate) codes: Codes,
    /// The peer ended the session, and this side the connection with it.
    pub(crate) peers_end: Option<ConnectionError>,
    /// What this side closed with.
    pub(crate) closed: Option<(CloseCode, Arc<str>)>,
    /// The limit `idle_timeout`.
    pub(crate) idle_timeout: std::time::Duration,
}

/// Why the connection ended.
pub(crate) fn connection(error: quinn::ConnectionError, ours: &Ours) -> ConnectionError {
    use quinn::ConnectionError as Quinn;
    if let Some(fault) = tls_fault(&error) {
        return tls(&fault);
    }
    match error {
        // What this side closes within WebTransport the peer then closes too.
        Quinn::ApplicationClosed(_) if ours.codes == Codes::WebTransport && ours.closed.is_some() => {
            locally_closed(ours)
        }
        Quinn::ApplicationClosed(close) => ConnectionError::PeerClosed {
            code: ours.codes.close(close.error_code),
            reason: reason(&close.reason),
        },
        Quinn::ConnectionClosed(close) => ConnectionError::PeerTransport {
            code: TransportCode(u64::from(close.error_code)),
            reason: reason(&close.reason),
        },
        // Quinn calls an endpoint whose socket failed, or whose runtime went away, a fault of the transport.
        Quinn::TransportError(error) if error.reason == ENDPOINT_GONE => {
            ConnectionError::lost("the UDP endpoint is gone: its socket failed, or its runtime shut down")
        }
        Quinn::TransportError(error) => ConnectionError::Violation {
            code: TransportCode(u64::from(error.code)),
            what: error.reason.into(),
        },
        Quinn::LocallyClosed => ours.peers_end.clone().unwrap_or_else(|| locally_closed(ours)),
        Quinn::TimedOut => ConnectionError::IdleTimeout { after: ours.idle_timeout },
        Quinn::VersionMismatch => ConnectionError::lost("the peer speaks no QUIC version of ours"),
        Quinn::Reset => ConnectionError::lost("the peer has forgotten the connection (stateless reset)"),
        Quinn::CidsExhausted => ConnectionError::lost("no connection ids are left"),
    }
}

fn locally_closed(ours: &Ours) -> ConnectionError {
    let (code, reason) = ours.closed.clone().unwrap_or((CloseCode::NO_ERROR, "".into()));
    ConnectionError::LocallyClosed { code, reason }
}

/// What TLS said, if it was TLS that failed: in the handshake, or after it, as when a server refuses a client's
/// certificate.
pub(crate) fn tls_fault(error: &quinn::ConnectionError) -> Option<TlsFault> {
    match error {
        quinn::ConnectionError::TransportError(error) => TlsFault::alert_of_quic_code(error.code.into())
            .map(|alert| TlsFault::sent_alert(alert, &error.reason)),
        quinn::ConnectionError::ConnectionClosed(close) => {
            TlsFault::alert_of_quic_code(close.error_code.into()).map(TlsFault::received_alert)
        }
        _ => None,
    }
}

/// A fault of TLS as the end of a connection.
pub(crate) fn tls(fault: &TlsFault) -> ConnectionError {
    ConnectionError::lost(format!("TLS: {fault}"))
}

fn reason(bytes: &[u8]) -> Arc<str> {
    let kept = &bytes[..bytes.len().min(REASON_BYTES)];
    String::from_utf8_lossy(kept).into()
}

/// Why nothing more can be written.
pub(crate) fn write(error: quinn::WriteError, codes: Codes, ours: impl FnOnce() -> Ours) -> WriteError {
    match error {
        quinn::WriteError::Stopped(code) => WriteError::Stopped(codes.stream(code)),
        quinn::WriteError::ConnectionLost(error) => WriteError::Connection(connection(error, &ours())),
        quinn::WriteError::ClosedStream => WriteError::Finished,
        quinn::WriteError::ZeroRttRejected => WriteError::Connection(early_rejected()),
    }
}

/// Why nothing more can be read.
pub(crate) fn read(error: quinn::ReadError, codes: Codes, ours: impl FnOnce() -> Ours) -> ReadError {
    match error {
        quinn::ReadError::Reset(code) => ReadError::Reset(codes.stream(code)),
        quinn::ReadError::ConnectionLost(error) => ReadError::Connection(connection(error, &ours())),
        // Only unordered reads make an ordered one illegal, and there are none.
        quinn::ReadError::ClosedStream | quinn::ReadError::IllegalOrderedRead => ReadError::Stopped,
        quinn::ReadError::ZeroRttRejected => ReadError::Connection(early_rejected()),
    }
}

/// The server took nothing that was sent before the handshake was done.
pub(crate) fn early_rejected() -> ConnectionError {
    ConnectionError::lost("the server refused early data (0-RTT); nothing of it was processed")
}
