//! A link to one peer: [`Wire`], the handle by which it is called.
//!
//! A wire is made of a session (who carries the bytes), a runtime (who runs the tasks) and options
//! (what is offered, within which limits). Making one gives two things: the handle, and the
//! [`Serving`] future that accepts what the peer opens and keeps the wire's clock; a driver runs it.
//! Whoever drops it ends the wire.

mod close;
mod core;
mod erased;
mod options;
mod places;
mod serving;
mod sharing;
mod waste;

use ::core::fmt;
use std::sync::{Arc, PoisonError};

pub(crate) use self::core::WireCore;
pub(crate) use self::waste::LONG_RUN;
pub use close::ShutdownReport;
pub use erased::SendSession;
pub(crate) use erased::{BoxRecv, BoxSend, ErasedSession, Opened, OpenedStream, Opening, Request};
pub use options::{Role, WireOptions};
pub use serving::Serving;
pub use sharing::{SharedStream, Sharing};

use crate::ProcedureIndex;
use crate::call::{Call, Duplex, Notify, Piecemeal, StreamCall, Unary, Upload};
use crate::close_code::CloseCode;
use crate::codec::{CodecId, Decode, Encode, EncodeArguments};
use crate::error::ConnectionError;
use crate::observe::Stats;
use crate::peer::Peer;
use crate::runtime::Runtime;
use crate::session::{PathStats, Side};

/// A handle to one peer: calls its procedures. Cheap to clone, usable from any thread; the connection
/// lives while a handle or a call of this side exists, and closes in order when the last is dropped:
/// what was sent has left, calls of the peer that still run are cancelled.
/// [`shutdown`](Self::shutdown) waits for those.
#[derive(Clone)]
pub struct Wire {
    handle: Arc<Handle>,
    /// The codec of the calls made by this handle.
    codec: CodecId,
}

/// What all clones of a handle share; its end closes the wire.
struct Handle(Arc<WireCore>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.closing.set((CloseCode::NO_ERROR, "".into()));
    }
}

impl Wire {
    /// A wire over `session`, run by `runtime`. The future must be polled, by a task of its own or by
    /// the carrier's driver, for the wire to work.
    pub fn new(
        session: impl SendSession,
        runtime: Arc<dyn Runtime>,
        mut options: WireOptions,
    ) -> (Self, Serving) {
        options.peer = options.peer.with_side(session.side().peer());
        let core = Arc::new(WireCore::new(Box::new(session), runtime, options));
        let wire = Self::from_core(&core);
        (wire, Serving::new(core))
    }

    /// A handle for `core`: the living one, or a new one.
    pub(crate) fn from_core(core: &Arc<WireCore>) -> Self {
        let mut held = core.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = held.upgrade() {
            return Self { handle, codec: core.codec() };
        }
        let handle = Arc::new(Handle(Arc::clone(core)));
        *held = Arc::downgrade(&handle);
        Self { handle, codec: core.codec() }
    }

    pub(crate) fn core(&self) -> &Arc<WireCore> {
        &self.handle.0
    }

    /// The same wire by a handle whose calls use `codec`, where they choose none themselves
    /// ([`Call::codec`]): their arguments, items and answers. One that this build lacks fails its calls.
    /// [`Raw`](crate::codec::Raw) arguments need none.
    #[must_use]
    pub fn with_codec(&self, codec: CodecId) -> Self {
        Self { handle: Arc::clone(&self.handle), codec }
    }

    /// The codec of the calls made by this handle.
    pub fn codec(&self) -> CodecId {
        self.codec
    }

    /// Which end of the connection this is.
    pub fn side(&self) -> Side {
        self.core().session().side()
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        self.core().peer()
    }

    /// What has happened on this wire.
    pub fn stats(&self) -> Stats {
        self.core().counters().snapshot()
    }

    /// What the carrier has measured of the path; `None` where it measures nothing.
    pub fn path_stats(&self) -> Option<PathStats> {
        self.core().session().path_stats()
    }

    /// Calls that this side has running at the peer, those that wait for a place among them.
    pub fn outbound_calls(&self) -> usize {
        self.core().outbound().running()
    }

    /// Calls of the peer that are running at this side. One that cannot be interrupted counts until it
    /// has returned, answered or not. Notifications do not count.
    pub fn inbound_calls(&self) -> usize {
        self.core().inbound().running()
    }

    /// The largest datagram notification that can be sent now, header included, in bytes; `None` where
    /// there are no datagrams. Portably 1000.
    pub fn max_datagram_bytes(&self) -> Option<usize> {
        self.core().session().max_datagram_bytes()
    }

    /// Calls a procedure that answers with one value. Await it, or set options first:
    ///
    /// ```ignore
    /// let greeting: String = wire.call(0, ("Ada",)).await?;
    /// let greeting: String = wire.call(0, ("Ada",)).timeout(Duration::from_secs(2)).codec(CodecId::Json).await?;
    /// ```
    ///
    /// Dropping the future cancels the call at the peer.
    ///
    /// The types of the arguments are those of the handler, exactly. With bincode and postcard the bytes do
    /// not name them: `(10,)` is an `i32`, which a handler of `(u64,)` reads as 20, without an error. Write
    /// `(10_u64,)`, or choose JSON or MessagePack, in which a number is a number.
    pub fn call<R: Decode>(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Call<Unary<R>, impl EncodeArguments> {
        Call::new(self, procedure.into(), arguments)
    }

    /// Calls a procedure that answers with a sequence. Awaiting gives a
    /// [`Receiver`](crate::call::Receiver), a `Stream` of items; dropping that cancels the call.
    pub fn stream<T: Decode>(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Call<StreamCall<T>, impl EncodeArguments> {
        Call::new(self, procedure.into(), arguments)
    }

    /// Calls a procedure that takes a stream of items and answers with one value. Awaiting gives an
    /// [`Uploading`](crate::call::Uploading): send items, then finish.
    pub fn upload<T: Encode, R: Decode>(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Call<Upload<T, R>, impl EncodeArguments> {
        Call::new(self, procedure.into(), arguments)
    }

    /// Calls a procedure that takes a stream of items and answers with a sequence. Awaiting gives both
    /// ends, a [`Sender`](crate::call::Sender) and a [`Receiver`](crate::call::Receiver); they may be used
    /// from different tasks.
    pub fn duplex<T: Encode, U: Decode>(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Call<Duplex<T, U>, impl EncodeArguments> {
        Call::new(self, procedure.into(), arguments)
    }

    /// Sends a notification: nobody answers. Ready when this side has taken the bytes; an unknown
    /// notification is dropped by the peer without a word.
    pub fn notify(
        &self,
        procedure: impl Into<ProcedureIndex>,
        arguments: impl EncodeArguments,
    ) -> Call<Notify, impl EncodeArguments> {
        Call::new(self, procedure.into(), arguments)
    }

    /// Starts a call whose arguments (and items) are sent in pieces, of any size, even one byte.
    /// Awaiting gives a [`RawExchange`](crate::call::RawExchange). Bytes that are at hand whole need no
    /// pieces: `wire.call::<Raw>(5, Raw(bytes))`.
    pub fn start(&self, procedure: impl Into<ProcedureIndex>) -> Call<Piecemeal> {
        Call::new(self, procedure.into(), ())
    }

    /// Why the connection ended, if it has.
    pub fn close_reason(&self) -> Option<ConnectionError> {
        self.core().close_reason()
    }

    /// Waits until the connection has ended and says why. Cancel safe. Keeps the connection alive
    /// while it waits, as any use of a handle does.
    pub async fn closed(&self) -> ConnectionError {
        self.core().closed().wait().await
    }

    /// Closes the connection at once: everything on it ends with an error that says so. For an end
    /// that loses nothing use [`shutdown`](Self::shutdown).
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.core().session().close(code, reason);
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}
