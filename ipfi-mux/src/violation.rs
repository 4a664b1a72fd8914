//! What the peer did wrong, and the code it is told.

use std::borrow::Cow;
use std::fmt;

use ipfi_core::close_code::TransportCode;
use ipfi_core::error::ConnectionError;

/// A breach of QMux by the peer: always the peer's fault, always the end of the connection
/// (RFC 9000 section 11.1), because on one ordered pipe nothing after it can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What CONNECTION_CLOSE carries.
    pub code: TransportCode,
    /// What it did: the frame, the field, the limit and the value seen.
    pub what: Cow<'static, str>,
}

impl Violation {
    /// A violation that is told to the peer as `code`.
    pub fn new(code: TransportCode, what: impl Into<Cow<'static, str>>) -> Self {
        Self { code, what: what.into() }
    }

    /// A frame that is badly formatted, prohibited, or out of range: FRAME_ENCODING_ERROR.
    pub(crate) fn encoding(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(TransportCode::FRAME_ENCODING_ERROR, what)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.code)
    }
}

impl std::error::Error for Violation {}

impl From<Violation> for ConnectionError {
    fn from(violation: Violation) -> Self {
        Self::Violation { code: violation.code, what: violation.what.into() }
    }
}
