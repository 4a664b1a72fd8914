//! The codes of a status and how they meet the codes of a reset: `docs/protocol.md` section 6.

use core::fmt;

use crate::close_code::StreamCode;

/// What kind of failure a status is: gRPC's codes by name and number, without OK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// The call was cancelled, usually by the caller.
    Cancelled = 1,
    /// A failure of a kind that has no code here, or a code that this side does not know.
    Unknown = 2,
    /// The arguments are wrong, whatever the state of the callee.
    InvalidArgument = 3,
    /// The deadline passed first.
    DeadlineExceeded = 4,
    /// Something asked for does not exist (a procedure that does not is [`Code::Unimplemented`]).
    NotFound = 5,
    /// Something to be made exists already.
    AlreadyExists = 6,
    /// The caller is known and not allowed to.
    PermissionDenied = 7,
    /// A limit or a quota is reached.
    ResourceExhausted = 8,
    /// The state of the callee does not permit it, and trying again will not help until that changes.
    FailedPrecondition = 9,
    /// Given up because of a conflict; trying again from the start of the transaction may help.
    Aborted = 10,
    /// An argument is past the valid range, as things are now.
    OutOfRange = 11,
    /// The callee has no such procedure, or does not support what was asked of it.
    Unimplemented = 12,
    /// A fault of the side that made the status, or a peer that broke the protocol.
    Internal = 13,
    /// Not reachable now; trying again later may help.
    Unavailable = 14,
    /// Data is lost or damaged beyond repair.
    DataLoss = 15,
    /// The caller did not say who it is, or could not prove it.
    Unauthenticated = 16,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 16] = [
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The code of a number (clause 6.1); a number without a code is [`Code::Unknown`], so that a peer with newer
    /// codes is still understood to have failed.
    pub fn from_u64(number: u64) -> Self {
        Self::ALL.into_iter().find(|code| code.as_u64() == number).unwrap_or(Self::Unknown)
    }

    /// The code's number.
    pub const fn as_u64(self) -> u64 {
        self as u64
    }

    /// The code's name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// The code with which a callee resets its response when it cannot get a status of this code out
    /// within the grace period (`docs/protocol.md` 6.6).
    pub const fn to_stream_code(self) -> StreamCode {
        match self {
            Self::Cancelled => StreamCode::CANCELLED,
            Self::DeadlineExceeded => StreamCode::DEADLINE,
            Self::ResourceExhausted => StreamCode::RESOURCE_EXHAUSTED,
            Self::Unavailable => StreamCode::SHUTDOWN,
            _ => StreamCode::INTERNAL,
        }
    }

    /// What a caller reports when its response was reset with `code` (`docs/protocol.md` 6.6). Only
    /// REFUSED promises that the call was never started.
    pub const fn from_stream_code(code: StreamCode) -> Self {
        match code {
            StreamCode::CANCELLED => Self::Cancelled,
            StreamCode::REFUSED | StreamCode::SHUTDOWN => Self::Unavailable,
            StreamCode::DEADLINE => Self::DeadlineExceeded,
            StreamCode::RESOURCE_EXHAUSTED => Self::ResourceExhausted,
            StreamCode::INTERNAL => Self::Internal,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
