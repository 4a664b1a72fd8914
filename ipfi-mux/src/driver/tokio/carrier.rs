//! What the two tasks ask of what carries a connection: how a batch leaves, and how what has come gets to the machine.

use std::io;
use std::task::{Context, Poll};

use ipfi_core::time::Time;

use super::TokioRuntime;
use crate::connection::Transmit;
use crate::session::Shared;

/// How far a write got.
pub(super) enum Written {
    /// The batch has left.
    All,
    /// Some of it has.
    Some,
}

/// What a read brought.
pub(super) enum Taken {
    /// Something was given to the machine; there may be more.
    Input,
    /// Nothing more can come, and the machine knows why.
    End,
}

/// The way out. It holds the batch that is being written.
pub(super) trait Outlet: Send + 'static {
    /// Whether a batch was collected and has not left.
    fn is_writing(&self) -> bool;

    /// Takes the next batch from the machine; only when none is being written.
    fn poll_collect(
        &mut self,
        shared: &Shared,
        now: Time,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Transmit>>;

    /// Writes some of the batch.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Written>>;

    /// Hands what was written to whatever is below.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends this direction, after the last batch.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// The way in.
pub(super) trait Inlet: Send + 'static {
    /// Reads once, and gives the machine what has come, or tells it of the end.
    fn poll_take_in(&mut self, shared: &Shared, runtime: &TokioRuntime, cx: &mut Context<'_>) -> Poll<Taken>;
}
