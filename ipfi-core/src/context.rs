//! What a procedure may know of the call that runs it.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, PoisonError};

use crate::ProcedureIndex;
use crate::close_code::StreamCode;
use crate::deadlines::Deadline;
use crate::error::ReadError;
use crate::metadata::Metadata;
use crate::peer::Peer;
use crate::signal::Signal;
use crate::sync::Mutex;
use crate::wire::{Wire, WireCore};

/// Why a call was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelCause {
    /// The caller dropped the call, or its stream of arguments broke off.
    Caller,
    /// The deadline passed.
    Deadline,
    /// The connection ended.
    Connection,
    /// This side is shutting down and the grace period is over, or the caller's side says so of itself.
    Shutdown,
    /// A limit of this side was reached, and its stream was given up.
    Limit,
}

impl CancelCause {
    /// What a caller's reset or stop with `code` means to the handler (`docs/protocol.md` 5.5).
    pub(crate) fn of(code: StreamCode) -> Self {
        match code {
            StreamCode::DEADLINE => Self::Deadline,
            StreamCode::SHUTDOWN => Self::Shutdown,
            _ => Self::Caller,
        }
    }
}

impl fmt::Display for CancelCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "cancelled by the caller",
            Self::Deadline => "deadline passed",
            Self::Connection => "connection lost",
            Self::Shutdown => "shutting down",
            Self::Limit => "limit reached",
        })
    }
}

/// The call that a procedure serves: who calls, until when, with what metadata, and why it was
/// cancelled. Cheap to clone; outlives the call if kept.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    core: Arc<WireCore>,
    procedure: ProcedureIndex,
    metadata: Metadata,
    deadline: Option<Deadline>,
    cancelled: Signal<CancelCause>,
    reply_metadata: Mutex<Option<Metadata>>,
}

impl Context {
    pub(crate) fn new(
        core: Arc<WireCore>,
        procedure: ProcedureIndex,
        metadata: Metadata,
        deadline: Option<Deadline>,
    ) -> Self {
        let (cancelled, reply_metadata) = (Signal::new(), Mutex::new(None));
        Self(Arc::new(Inner { core, procedure, metadata, deadline, cancelled, reply_metadata }))
    }

    pub(crate) fn core(&self) -> &Arc<WireCore> {
        &self.0.core
    }

    /// The procedure being called.
    pub fn procedure(&self) -> ProcedureIndex {
        self.0.procedure
    }

    /// Who calls.
    pub fn peer(&self) -> &Peer {
        self.0.core.peer()
    }

    /// What the caller sent beside the arguments.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// How much time is left, if the call has a deadline; zero when it has passed. Pass it on with
    /// [`Call::within`](crate::call::Call::within), so that it shrinks across hops.
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.0.deadline?;
        Some(deadline.at().saturating_since(self.0.core.runtime().now()))
    }

    /// The wire the call came over: to call the peer back. On a wire that is closing the calls fail.
    pub fn wire(&self) -> Wire {
        Wire::from_core(&self.0.core)
    }

    /// Why the call was cancelled, if it was. A cancelled handler is dropped where it waits; this is
    /// for its destructors and for tasks it started.
    pub fn cancel_cause(&self) -> Option<CancelCause> {
        self.0.cancelled.get()
    }

    /// Waits until the call is cancelled. Cancel safe; never ready when the call ends otherwise.
    pub async fn cancelled(&self) -> CancelCause {
        self.0.cancelled.wait().await
    }

    /// Sends `metadata` before the answer, even one without a value; once the first value has been
    /// staged it is too late and does nothing. A status that is the whole answer goes without it. Larger than the caller takes, it fails the call.
    pub fn set_reply_metadata(&self, metadata: Metadata) {
        *self.0.reply_metadata.lock().unwrap_or_else(PoisonError::into_inner) = Some(metadata);
    }

    pub(crate) fn take_reply_metadata(&self) -> Option<Metadata> {
        self.0.reply_metadata.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The request broke off where the handler itself was reading it: it learns why before it goes on.
    pub(crate) fn broken_off(&self, error: &ReadError) {
        match error {
            ReadError::Reset(StreamCode::DETACHED) | ReadError::Stopped => {}
            ReadError::Reset(code) => self.cancel(CancelCause::of(*code)),
            ReadError::Connection(_) => self.cancel(CancelCause::Connection),
            ReadError::Limit(_) => self.cancel(CancelCause::Limit),
        }
    }

    pub(crate) fn cancel(&self, cause: CancelCause) {
        self.0.cancelled.set(cause);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("procedure", &self.0.procedure)
            .field("peer", self.peer())
            .field("metadata", &self.0.metadata)
            .field("remaining", &self.remaining())
            .field("cancel_cause", &self.cancel_cause())
            .finish()
    }
}
