//! The handle of a blocking wire: the async one, and a thread that waits.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use ipfi_core::ProcedureIndex;
use ipfi_core::call::CallError;
use ipfi_core::codec::{Decode, Encode, EncodeArguments};
use ipfi_core::error::ConnectionError;
use ipfi_core::wire::{ShutdownReport, Wire};

use super::calls::{BlockingExchange, BlockingSender, Items};
use super::doorbell::Gate;
use super::runtime::{Role, in_role, role};

/// How long a shutdown waits for a peer that takes no bytes: as long as the connection does.
const FAREWELL: Duration = Duration::from_secs(3);

/// Waits on this thread until `future` is ready.
///
/// # Panics
///
/// In an async handler, and anywhere else where others wait for this thread: it would wait for what it
/// keeps from arriving.
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    assert!(
        role() != Role::Carrying,
        "a blocking call in an async handler would wait for itself: await it, or wrap the handler in `blocking`"
    );
    in_role(Role::Calling, || futures_executor::block_on(future.into_future()))
}

/// A handle to one peer for threads that wait: every method is the one of [`Wire`] of the same name,
/// waited for. Cheap to clone, usable from any thread; the connection lives while a handle, of this kind
/// or the other, or a call exists.
///
/// Options of a call (deadline, metadata, priority, codec) are the async call's:
///
/// ```no_run
/// # use std::time::Duration;
/// # use ipfi_mux::driver::blocking::{BlockingWire, block_on};
/// # fn f(wire: &BlockingWire) -> Result<(), Box<dyn std::error::Error>> {
/// let call = wire.wire().call::<String>(0, ("Ada",)).timeout(Duration::from_secs(2)).priority(1);
/// let greeting = block_on(call)?;
/// # Ok(()) }
/// ```
///
/// In a [`blocking`](ipfi_core::blocking) handler, `BlockingWire::new(context.wire())` calls the peer back.
#[derive(Clone, Debug)]
pub struct BlockingWire {
    wire: Wire,
    /// Opens when the connection's last word has been written. `None` where the connection's driver is not
    /// known: it may not be this one.
    written: Option<Arc<Gate>>,
}

impl From<Wire> for BlockingWire {
    fn from(wire: Wire) -> Self {
        Self { wire, written: None }
    }
}

impl BlockingWire {
    /// The same handle for threads that wait.
    pub fn new(wire: Wire) -> Self {
        Self::from(wire)
    }

    /// A wire of this driver.
    pub(super) fn driven(wire: Wire, written: Arc<Gate>) -> Self {
        Self { wire, written: Some(written) }
    }

    /// The async handle: for options of a call, and for what needs no waiting.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Calls a procedure that answers with one value.
    ///
    /// # Errors
    ///
    /// The callee's status, or why there was no answer.
    pub fn call<R: Decode>(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Result<R, CallError> {
        block_on(self.wire.call(procedure, arguments))
    }

    /// Calls a procedure that answers with a sequence, and gives it as an iterator; dropped before its
    /// end, that cancels the call.
    ///
    /// # Errors
    ///
    /// When the call cannot be sent. What the callee says comes from the iterator.
    pub fn stream<T: Decode + 'static>(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Result<Items<T>, CallError> {
        block_on(self.wire.stream(procedure, arguments)).map(Items::new)
    }

    /// Calls a procedure that takes a stream of items and answers with one value. Stops taking from
    /// `items` when the callee needs no more.
    ///
    /// # Errors
    ///
    /// The callee's status, or why there was no answer.
    pub fn upload<T, R>(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
        items: impl IntoIterator<Item = T, IntoIter: Send>,
    ) -> Result<R, CallError>
    where
        T: Encode + Send + 'static,
        R: Decode + 'static,
    {
        block_on(self.wire.upload::<T, R>(procedure, arguments).items(stream::iter(items)))
    }

    /// Calls a procedure that takes a stream of items and answers with one: both ends, which may be used
    /// by two threads.
    ///
    /// # Errors
    ///
    /// When the call cannot be sent.
    pub fn duplex<T: Encode + 'static, U: Decode + 'static>(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Result<(BlockingSender<T>, Items<U>), CallError> {
        let (sender, receiver) = block_on(self.wire.duplex(procedure, arguments))?;
        Ok((BlockingSender::new(sender), Items::new(receiver)))
    }

    /// Sends a notification: nobody answers. Returns when this side has taken the bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be sent.
    pub fn notify(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Result<(), CallError> {
        block_on(self.wire.notify(procedure, arguments))
    }

    /// Starts a call whose arguments (and items) are sent in pieces, of any size, even one byte.
    ///
    /// # Errors
    ///
    /// When the call cannot be sent.
    pub fn start(&self, procedure: impl Into<ProcedureIndex>) -> Result<BlockingExchange, CallError> {
        block_on(self.wire.start(procedure)).map(BlockingExchange::new)
    }

    /// Ends the wire in order: see [`Wire::shutdown`]. A handle that [`connect`](super::connect) or
    /// [`accept`](super::accept) made also waits, 3 s at most, until the peer has been told, so that a
    /// program may end right after it.
    pub fn shutdown(&self, grace: Duration) -> ShutdownReport {
        let report = block_on(self.wire.shutdown(grace));
        if let Some(written) = &self.written {
            written.wait(FAREWELL);
        }
        report
    }

    /// Waits until the connection has ended and says why.
    pub fn closed(&self) -> ConnectionError {
        block_on(self.wire.closed())
    }
}
