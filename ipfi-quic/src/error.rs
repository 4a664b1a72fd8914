//! Quinn's errors in the words of ipfi.

use std::sync::Arc;

use ipfi_core::close_code::{CloseCode, StreamCode, TransportCode};
use ipfi_core::error::{ConnectionError, ReadError, WriteError};
use quinn::VarInt;

use crate::tls::TlsFault;

/// What is kept of a reason that the peer gives, in bytes.
const REASON_BYTES: usize = 256;

/// What quinn says when an endpoint's task has ended.
const ENDPOINT_GONE: &str = "endpoint driver future was dropped";

/// What this side knows of the end of its connection beyond what quinn says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ours {
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
        Quinn::ApplicationClosed(close) => ConnectionError::PeerClosed {
            code: CloseCode(close.error_code.into_inner()),
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
        Quinn::LocallyClosed => {
            let (code, reason) = ours.closed.clone().unwrap_or((CloseCode::NO_ERROR, "".into()));
            ConnectionError::LocallyClosed { code, reason }
        }
        Quinn::TimedOut => ConnectionError::IdleTimeout { after: ours.idle_timeout },
        Quinn::VersionMismatch => ConnectionError::lost("the peer speaks no QUIC version of ours"),
        Quinn::Reset => ConnectionError::lost("the peer has forgotten the connection (stateless reset)"),
        Quinn::CidsExhausted => ConnectionError::lost("no connection ids are left"),
    }
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

/// The code of a stream's reset or stop.
pub(crate) fn stream_code(code: VarInt) -> StreamCode {
    StreamCode(code.into_inner())
}

/// Why nothing more can be written.
pub(crate) fn write(error: quinn::WriteError, ours: impl FnOnce() -> Ours) -> WriteError {
    match error {
        quinn::WriteError::Stopped(code) => WriteError::Stopped(stream_code(code)),
        quinn::WriteError::ConnectionLost(error) => WriteError::Connection(connection(error, &ours())),
        quinn::WriteError::ClosedStream => WriteError::Finished,
        quinn::WriteError::ZeroRttRejected => WriteError::Connection(early_rejected()),
    }
}

/// Why nothing more can be read.
pub(crate) fn read(error: quinn::ReadError, ours: impl FnOnce() -> Ours) -> ReadError {
    match error {
        quinn::ReadError::Reset(code) => ReadError::Reset(stream_code(code)),
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
