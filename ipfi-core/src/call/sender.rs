//! Items on their way to the callee.

use core::fmt;
use core::future::poll_fn;
use core::marker::PhantomData;
use core::task::Poll;

use super::error::CallError;
use super::outbound::Outbound;
use crate::ProcedureIndex;
use crate::codec::{CodecId, Encode};
use crate::error::WriteError;
use crate::status::Origin;
use crate::wire::Wire;

/// Staged items leave together once they are this many bytes: nearly a full STREAM frame, and with a
/// usual item more still no larger a buffer than 16 KiB.
const FEED_BYTES: usize = (16 << 10) - 512;

/// Lets the other tasks run.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Sends items to the callee, under its backpressure. Dropped without [`finish`](Self::finish), it
/// breaks the items off, which cancels the call.
pub struct Sender<T> {
    outbound: Outbound,
    procedure: ProcedureIndex,
    codec: CodecId,
    stopped: bool,
    /// Keeps the connection alive.
    wire: Wire,
    item: PhantomData<fn(T)>,
}

impl<T: Encode> Sender<T> {
    pub(crate) fn new(
        outbound: Outbound,
        procedure: ProcedureIndex,
        codec: CodecId,
        stopped: bool,
        wire: Wire,
    ) -> Self {
        Self { outbound, procedure, codec, stopped, wire, item: PhantomData }
    }

    /// Sends `item` and waits until this side has taken it. An item that cannot be encoded or is too
    /// large fails alone; the stream goes on. When the callee needs no more items
    /// ([`is_stopped`](Self::is_stopped)) they are discarded and its answer says the rest.
    ///
    /// Cancel safe: a dropped future has either not sent the item or will send it whole with the next.
    pub async fn send(&mut self, item: T) -> Result<(), CallError> {
        self.stage(&item)?;
        self.flush().await
    }

    /// As [`send`](Self::send), but items gather until there are nearly 16 KiB of them or
    /// [`flush`](Self::flush) is called.
    pub async fn feed(&mut self, item: T) -> Result<(), CallError> {
        self.stage(&item)?;
        let full = self.outbound.staged_bytes() >= FEED_BYTES || self.outbound.has_payload();
        if full { self.flush().await } else { Ok(()) }
    }

    fn stage(&mut self, item: &T) -> Result<(), CallError> {
        if self.stopped {
            return Ok(());
        }
        let staged = self.outbound.stage_message(self.wire.core(), item, self.codec);
        staged.map_err(|status| CallError::new(self.procedure, status.with_origin(Origin::Caller)))
    }

    /// Waits until this side has taken every item. Cancel safe.
    pub async fn flush(&mut self) -> Result<(), CallError> {
        self.drain(false).await
    }

    /// No more items follow.
    pub async fn finish(mut self) -> Result<(), CallError> {
        self.drain(true).await
    }

    /// Whether the callee needs no more items.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(crate) async fn drain(&mut self, fin: bool) -> Result<(), CallError> {
        if self.stopped {
            // Whoever sends without end must not keep from running what would end it.
            yield_once().await;
            return Ok(());
        }
        match poll_fn(|cx| self.outbound.poll_flush(cx, fin)).await {
            Ok(()) => Ok(()),
            Err(WriteError::Stopped(_) | WriteError::Finished) => {
                self.stopped = true;
                Ok(())
            }
            Err(WriteError::Connection(cause)) => {
                let cause = self.wire.close_reason().unwrap_or(cause);
                Err(CallError::connection(self.procedure, cause, self.outbound.is_handed()))
            }
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("procedure", &self.procedure)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}
