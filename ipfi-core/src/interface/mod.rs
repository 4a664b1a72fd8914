//! What a program offers: procedures by index.
//!
//! ```ignore
//! let interface = Interface::new()
//!     .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
//!     .sequence(1, |(limit,): (u64,)| futures::stream::iter(0..limit))
//!     .notification(3, |(line,): (String,)| async move { eprintln!("{line}") });
//! ```
//!
//! A handler is a function or closure of an argument tuple (0 to 16 elements, or
//! [`Raw`](crate::codec::Raw)), optionally with a [`Context`](crate::context::Context) before it. It
//! answers with a value, or with a `Result` of a value or [`Status`].
//!
//! **Where handlers run.** A handler's future is polled once in the task that reads the connection,
//! and becomes a task of its own if it is not ready: a quick answer costs no task. A handler that
//! computes for long before its first `await` therefore delays the other calls of its connection:
//! wrap it in [`spawned`], and one that blocks in [`blocking`].

mod handler;
mod procedures;
mod reply;

use core::fmt;
use core::panic::AssertUnwindSafe;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use handler::{
    Blocking, Handler, ItemsHandler, ItemsSequenceHandler, RawHandler, Scope, SequenceHandler, Spawned,
    blocking, spawned,
};
pub(crate) use procedures::Procedure;
use procedures::{Items, ItemsSequence, ItemsShim, Notification, RawProcedure, Sequence, Unary};
pub use reply::{ByStatus, ByValue, IntoReply};

use crate::ProcedureIndex;
use crate::codec::Decode;
use crate::metadata::Metadata;
use crate::peer::Peer;
use crate::proto::FIRST_RESERVED_PROCEDURE;
use crate::status::Status;

/// The way a procedure is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// One value in, one value out.
    Procedure,
    /// One value in, a sequence out.
    Sequence,
    /// One value and a stream of items in, one value out.
    ProcedureWithItems,
    /// One value and a stream of items in, a sequence out.
    SequenceWithItems,
    /// One value in, nothing out.
    Notification,
    /// Bytes in, bytes out.
    Raw,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Procedure => "a procedure (one value)",
            Self::Sequence => "a sequence",
            Self::ProcedureWithItems => "a procedure with items",
            Self::SequenceWithItems => "a sequence with items",
            Self::Notification => "a notification",
            Self::Raw => "a raw procedure",
        })
    }
}

/// A call that asks to be let in.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallInfo<'a> {
    /// Who calls.
    pub peer: &'a Peer,
    /// What is called.
    pub procedure: ProcedureIndex,
    /// How it is offered.
    pub kind: Kind,
    /// What the caller sent beside the arguments.
    pub metadata: &'a Metadata,
}

type Authorize = Arc<dyn Fn(&CallInfo<'_>) -> Result<(), Status> + Send + Sync>;

/// One procedure of an interface.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// Polled first in a task of its own.
    pub(crate) spawned: bool,
    pub(crate) procedure: Arc<dyn Procedure>,
}

/// The procedures that a program offers. Cheap to clone and shared by any number of wires; registering
/// on a clone leaves the others as they are.
#[derive(Clone, Default)]
pub struct Interface {
    entries: Arc<BTreeMap<u64, Entry>>,
    authorize: Option<Authorize>,
}

impl Interface {
    /// An interface that offers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers a procedure of one value.
    ///
    /// # Panics
    ///
    /// Like all that register: when the index is taken or reserved (2^30 and above). That is a
    /// mistake of the program, met when it starts.
    #[must_use]
    pub fn procedure<M: 'static>(self, index: impl Into<ProcedureIndex>, handler: impl Handler<M>) -> Self {
        let spawned = handler.is_spawned();
        self.register(index.into(), Kind::Procedure, spawned, Unary::new(handler))
    }

    /// Offers a sequence: the handler returns a `Stream`, whose items are sent as they come, under the
    /// caller's backpressure. An item may be a `Result` with a [`Status`], which ends the sequence.
    ///
    /// # Panics
    ///
    /// As [`procedure`](Self::procedure).
    #[must_use]
    pub fn sequence<M: 'static>(
        self,
        index: impl Into<ProcedureIndex>,
        handler: impl SequenceHandler<M>,
    ) -> Self {
        self.register(index.into(), Kind::Sequence, false, Sequence::new(handler))
    }

    /// Offers a procedure that takes a stream of items, a
    /// [`Receiver`](crate::call::Receiver) after its arguments, and answers with one value.
    ///
    /// # Panics
    ///
    /// As [`procedure`](Self::procedure).
    #[must_use]
    pub fn procedure_with_items<T: Decode + 'static, M: 'static>(
        self,
        index: impl Into<ProcedureIndex>,
        handler: impl ItemsHandler<T, M>,
    ) -> Self {
        self.register(
            index.into(),
            Kind::ProcedureWithItems,
            false,
            Items::<_, (ItemsShim<T>, M)>::new(handler),
        )
    }

    /// Offers a sequence that takes a stream of items: both directions flow at once.
    ///
    /// # Panics
    ///
    /// As [`procedure`](Self::procedure).
    #[must_use]
    pub fn sequence_with_items<T: Decode + 'static, M: 'static>(
        self,
        index: impl Into<ProcedureIndex>,
        handler: impl ItemsSequenceHandler<T, M>,
    ) -> Self {
        let procedure = ItemsSequence::<_, (ItemsShim<T>, M)>::new(handler);
        self.register(index.into(), Kind::SequenceWithItems, false, procedure)
    }

    /// Takes a notification: nobody is answered. One that cannot be decoded is counted and dropped.
    ///
    /// # Panics
    ///
    /// As [`procedure`](Self::procedure).
    #[must_use]
    pub fn notification<M: 'static>(
        self,
        index: impl Into<ProcedureIndex>,
        handler: impl Handler<M, Value = ()>,
    ) -> Self {
        let spawned = handler.is_spawned();
        self.register(index.into(), Kind::Notification, spawned, Notification::new(handler))
    }

    /// Offers a procedure of bytes: see [`RawCall`](crate::call::RawCall).
    ///
    /// # Panics
    ///
    /// As [`procedure`](Self::procedure).
    #[must_use]
    pub fn raw(self, index: impl Into<ProcedureIndex>, handler: impl RawHandler) -> Self {
        self.register(index.into(), Kind::Raw, false, RawProcedure::new(handler))
    }

    /// Asks `hook` about every call and notification before its arguments are read. A refusal is the
    /// call's status (UNAUTHENTICATED, PERMISSION_DENIED); a refused notification is dropped. Must be
    /// quick: it runs where the connection is read. Hooks add up: each must agree.
    #[must_use]
    pub fn authorize(
        mut self,
        hook: impl Fn(&CallInfo<'_>) -> Result<(), Status> + Send + Sync + 'static,
    ) -> Self {
        self.authorize = Some(match self.authorize.take() {
            Some(earlier) => Arc::new(move |call| earlier(call).and_then(|()| hook(call))),
            None => Arc::new(hook),
        });
        self
    }

    /// The procedures offered, in the order of their indices.
    pub fn procedures(&self) -> impl Iterator<Item = (ProcedureIndex, Kind)> + '_ {
        self.entries.iter().map(|(index, entry)| (ProcedureIndex::new(*index), entry.kind))
    }

    fn register(
        mut self,
        index: ProcedureIndex,
        kind: Kind,
        spawned: bool,
        procedure: impl Procedure + 'static,
    ) -> Self {
        assert!(
            index.get() < FIRST_RESERVED_PROCEDURE,
            "procedure index {index} is reserved for ipfi: users' own are below {FIRST_RESERVED_PROCEDURE}"
        );
        let entry = Entry { kind, spawned, procedure: Arc::new(procedure) };
        let taken = Arc::make_mut(&mut self.entries).insert(index.get(), entry);
        assert!(taken.is_none(), "procedure index {index} is registered twice");
        self
    }

    pub(crate) fn entry(&self, index: ProcedureIndex) -> Option<&Entry> {
        self.entries.get(&index.get())
    }

    pub(crate) fn check(&self, call: &CallInfo<'_>) -> Result<(), Status> {
        let Some(hook) = &self.authorize else { return Ok(()) };
        // It runs where the connection is read: its panic must not end the wire.
        std::panic::catch_unwind(AssertUnwindSafe(|| hook(call)))
            .unwrap_or_else(|_| Err(Status::internal("the authorization hook panicked")))
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.procedures()).finish()
    }
}
