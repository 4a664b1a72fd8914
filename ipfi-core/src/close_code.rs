//! The numbers that say why a stream or a connection ended: one place, `docs/protocol.md` section 8.

use core::fmt;

/// Why a half of a stream was reset or stopped: the application error code of RESET_STREAM and
/// STOP_SENDING (clause 8.1, RFC 9000 sections 19.4 and 19.5). All are below 2^32, so that they fit WebTransport.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamCode(pub u64);

impl StreamCode {
    /// Nothing went wrong: the rest is not needed (a status came before the request had ended).
    pub const NO_ERROR: Self = Self(0);
    /// The caller is no longer interested: the call is cancelled.
    pub const CANCELLED: Self = Self(1);
    /// The call was never started and may be tried again elsewhere.
    pub const REFUSED: Self = Self(2);
    /// The deadline passed.
    pub const DEADLINE: Self = Self(3);
    /// The side is shutting down and the grace period is over.
    pub const SHUTDOWN: Self = Self(4);
    /// A limit was reached.
    pub const RESOURCE_EXHAUSTED: Self = Self(5);
    /// A fault of the side that sends the code.
    pub const INTERNAL: Self = Self(6);
    /// The caller is no longer interested, but the call runs on.
    pub const DETACHED: Self = Self(7);

    /// The code's name in the specification, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NO_ERROR => "NO_ERROR",
            Self::CANCELLED => "CANCELLED",
            Self::REFUSED => "REFUSED",
            Self::DEADLINE => "DEADLINE",
            Self::SHUTDOWN => "SHUTDOWN",
            Self::RESOURCE_EXHAUSTED => "RESOURCE_EXHAUSTED",
            Self::INTERNAL => "INTERNAL",
            Self::DETACHED => "DETACHED",
            _ => return None,
        })
    }
}

impl fmt::Debug for StreamCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl fmt::Display for StreamCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why ipfi closed a connection: the application error code of CONNECTION_CLOSE (type 0x1d), clause 8.2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(pub u64);

impl CloseCode {
    /// Done: an orderly end.
    pub const NO_ERROR: Self = Self(0);
    /// The peer speaks another version of the call protocol, or something else altogether.
    pub const VERSION: Self = Self(1);
    /// The peer broke the call protocol in a way that concerns the whole connection.
    pub const PROTOCOL: Self = Self(2);
    /// The authentication hook refused the peer.
    pub const UNAUTHENTICATED: Self = Self(3);
    /// A limit of the whole connection or server was reached.
    pub const RESOURCE_EXHAUSTED: Self = Self(4);
    /// The side is shutting down.
    pub const SHUTDOWN: Self = Self(5);
    /// A fault of the side that closes.
    pub const INTERNAL: Self = Self(6);

    /// The code's name in the specification, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NO_ERROR => "NO_ERROR",
            Self::VERSION => "VERSION",
            Self::PROTOCOL => "PROTOCOL",
            Self::UNAUTHENTICATED => "UNAUTHENTICATED",
            Self::RESOURCE_EXHAUSTED => "RESOURCE_EXHAUSTED",
            Self::SHUTDOWN => "SHUTDOWN",
            Self::INTERNAL => "INTERNAL",
            _ => return None,
        })
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The transport error codes of RFC 9000 section 20.1, as CONNECTION_CLOSE type 0x1c carries them
/// (clause 8.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportCode(pub u64);

impl TransportCode {
    /// An orderly end without a fault.
    pub const NO_ERROR: Self = Self(0x0);
    /// The side that closes has a fault of its own.
    pub const INTERNAL_ERROR: Self = Self(0x1);
    /// The server refuses new connections.
    pub const CONNECTION_REFUSED: Self = Self(0x2);
    /// More data than the advertised limits permit.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// More streams than the advertised limit permits.
    pub const STREAM_LIMIT_ERROR: Self = Self(0x4);
    /// A frame for a stream whose state does not permit it.
    pub const STREAM_STATE_ERROR: Self = Self(0x5);
    /// A final size that changed, or data beyond it.
    pub const FINAL_SIZE_ERROR: Self = Self(0x6);
    /// A badly formatted or prohibited frame.
    pub const FRAME_ENCODING_ERROR: Self = Self(0x7);
    /// A badly formatted or prohibited transport parameter.
    pub const TRANSPORT_PARAMETER_ERROR: Self = Self(0x8);
    /// Another breach of the protocol.
    pub const PROTOCOL_VIOLATION: Self = Self(0xa);
    /// The application closed before it could say why.
    pub const APPLICATION_ERROR: Self = Self(0xc);

    /// The code's name in RFC 9000, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NO_ERROR => "NO_ERROR",
            Self::INTERNAL_ERROR => "INTERNAL_ERROR",
            Self::CONNECTION_REFUSED => "CONNECTION_REFUSED",
            Self::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
            Self::STREAM_LIMIT_ERROR => "STREAM_LIMIT_ERROR",
            Self::STREAM_STATE_ERROR => "STREAM_STATE_ERROR",
            Self::FINAL_SIZE_ERROR => "FINAL_SIZE_ERROR",
            Self::FRAME_ENCODING_ERROR => "FRAME_ENCODING_ERROR",
            Self::TRANSPORT_PARAMETER_ERROR => "TRANSPORT_PARAMETER_ERROR",
            Self::PROTOCOL_VIOLATION => "PROTOCOL_VIOLATION",
            Self::APPLICATION_ERROR => "APPLICATION_ERROR",
            _ => return None,
        })
    }
}

impl fmt::Debug for TransportCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl fmt::Display for TransportCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
