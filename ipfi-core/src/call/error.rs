//! Why a call did not succeed, and whether it may have run.

use core::fmt;
use std::error::Error;

use crate::ProcedureIndex;
use crate::close_code::{CloseCode, StreamCode};
use crate::error::{ConnectionError, ReadError};
use crate::status::{Code, Origin, Status};

/// Why a call did not succeed: a [`Status`] with its origin, and whether the callee may have run it.
///
/// A call *never started* when no byte of it reached the transport or the callee said so (REFUSED). In
/// every other case it may have run. Whether it is of any use to try again is another question:
/// [`may_be_retried`](Self::may_be_retried).
#[derive(Clone)]
pub struct CallError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    procedure: ProcedureIndex,
    status: Status,
    connection: Option<ConnectionError>,
    never_started: bool,
}

impl CallError {
    pub(crate) fn new(procedure: ProcedureIndex, status: Status) -> Self {
        Self(Box::new(Inner { procedure, status, connection: None, never_started: false }))
    }

    /// The call was not sent, for this side's own reason.
    pub(crate) fn not_sent(procedure: ProcedureIndex, status: Status) -> Self {
        let mut error = Self::new(procedure, status.with_origin(Origin::Caller));
        error.0.never_started = true;
        error
    }

    /// The connection ended; `sent` says whether any byte of the call had reached the transport.
    pub(crate) fn connection(procedure: ProcedureIndex, cause: ConnectionError, sent: bool) -> Self {
        let mut error = Self::new(procedure, connection_status(&cause));
        error.0.connection = Some(cause);
        error.0.never_started = !sent;
        error
    }

    pub(crate) fn read(procedure: ProcedureIndex, error: ReadError) -> Self {
        match error {
            ReadError::Connection(cause) => Self::connection(procedure, cause, true),
            ReadError::Reset(code) => {
                let mut error = Self::new(procedure, reset_status(code));
                error.0.never_started = code == StreamCode::REFUSED;
                error
            }
            ReadError::Limit(limit) => Self::new(procedure, Status::from(limit).with_origin(Origin::Caller)),
            ReadError::Stopped => Self::new(
                procedure,
                Status::cancelled("this side gave the call up").with_origin(Origin::Caller),
            ),
        }
    }

    /// The procedure that was called.
    pub fn procedure(&self) -> ProcedureIndex {
        self.0.procedure
    }

    /// What went wrong, as a status: the callee's own, or one that this side made.
    pub fn status(&self) -> &Status {
        &self.0.status
    }

    /// The status' code.
    pub fn code(&self) -> Code {
        self.0.status.code()
    }

    /// Whether the callee certainly did not start the call, so that nothing of it was done.
    pub fn never_started(&self) -> bool {
        self.0.never_started
    }

    /// Whether the same call may be tried again, later or over another connection: it
    /// [never started](Self::never_started), and for a reason that may pass (UNAVAILABLE). What this side
    /// or its peer will not do (wrong arguments, too large, nothing served, not let in) fails again.
    pub fn may_be_retried(&self) -> bool {
        self.0.never_started && self.code() == Code::Unavailable
    }

    /// Why the connection ended, or takes no more calls ([`ConnectionError::StreamIdsExhausted`]), if that was
    /// it.
    pub fn connection_error(&self) -> Option<&ConnectionError> {
        self.0.connection.as_ref()
    }

    /// The status alone: what a procedure returns that failed because a call of its own did.
    pub fn into_status(self) -> Status {
        self.0.status
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        error.into_status()
    }
}

/// What a reset with `code` means to the one who waited for an answer.
fn reset_status(code: StreamCode) -> Status {
    let (status, text) = match code {
        StreamCode::REFUSED => (Code::Unavailable, "refused by the peer before it started"),
        StreamCode::CANCELLED => (Code::Cancelled, "cancelled by the peer"),
        StreamCode::DEADLINE => (Code::DeadlineExceeded, "the deadline passed at the peer"),
        StreamCode::SHUTDOWN => (Code::Unavailable, "cut by the peer's shutdown while it ran"),
        StreamCode::RESOURCE_EXHAUSTED => (Code::ResourceExhausted, "a limit was reached at the peer"),
        StreamCode::INTERNAL => (Code::Internal, "the peer failed"),
        _ => {
            return Status::new(Code::Unknown, format!("the peer reset the stream: {code}"))
                .with_origin(Origin::Callee);
        }
    };
    Status::new(status, text).with_origin(Origin::Callee)
}

/// What a connection's end means to the calls that were on it.
fn connection_status(cause: &ConnectionError) -> Status {
    let code = match cause {
        // No end: what is open goes on.
        ConnectionError::StreamIdsExhausted => {
            return Status::unavailable(cause.to_string()).with_origin(Origin::Caller);
        }
        ConnectionError::PeerClosed { code: CloseCode::UNAUTHENTICATED, .. } => Code::Unauthenticated,
        ConnectionError::PeerClosed { code: CloseCode::RESOURCE_EXHAUSTED, .. } => Code::ResourceExhausted,
        ConnectionError::Violation { .. } | ConnectionError::PeerTransport { .. } => Code::Internal,
        ConnectionError::Version { .. }
        | ConnectionError::NotIpfi { .. }
        | ConnectionError::Limits { .. } => Code::FailedPrecondition,
        _ => Code::Unavailable,
    };
    Status::new(code, format!("the connection ended ({cause})")).with_origin(Origin::Caller)
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}: {}", self.0.procedure, self.0.status)?;
        f.write_str(match &self.0.connection {
            _ if self.may_be_retried() => "; the call never started and may be retried",
            Some(_) if self.0.never_started => "; the call never started",
            Some(_) => "; the call may have run",
            None => "",
        })
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallError({self})")
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.connection {
            Some(cause) => Some(cause),
            None => Some(&self.0.status),
        }
    }
}
