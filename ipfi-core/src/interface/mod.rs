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
//! [`Raw`](crate::codec::Raw)), optionally with a [`Context`](crate::context::Context) and a [`State`]
//! before it. It answers with a value, or with a `Result` of a value or [`Status`]
//! (or [`CallError`](crate::CallError), where a call of its own failed). A closure that uses `?` names the
//! error at its end: `Ok::<_, Status>(value)`.
//!
//! The methods of a trait are procedures too, without numbers of one's own: [`Interface::serve`], and
//! [`typed`](crate::typed).
//!
//! **State.** A handler outlives the function that registers it and runs many times at once, so what it
//! works on is shared. [`Interface::with_state`] gives it to every handler that asks:
//!
//! ```
//! # use std::collections::HashMap;
//! # use std::sync::{Arc, Mutex};
//! # use ipfi_core::{Interface, State, Status};
//! type Store = Arc<Mutex<HashMap<String, u64>>>;
//!
//! async fn put(State(store): State<Store>, (key, value): (String, u64)) {
//!     store.lock().expect("no holder panics").insert(key, value);
//! }
//!
//! let interface = Interface::new().with_state(Store::default()).procedure(0, put).procedure(
//!     1,
//!     |State(store): State<Store>, (key,): (String,)| async move {
//!         let value = store.lock().expect("no holder panics").get(&key).copied();
//!         value.ok_or_else(|| Status::not_found(key))
//!     },
//! );
//! ```
//!
//! **Where handlers run.** A handler's future is polled once in the task that reads the connection,
//! and becomes a task of its own if it is not ready: a quick answer costs no task. A handler that
//! computes for long before its first `await` therefore delays the other calls of its connection:
//! wrap it in [`spawned`], and one that blocks in [`blocking`].

mod function;
mod handler;
mod procedures;
mod reply;
mod scope;
mod service;

use core::fmt;
use core::panic::AssertUnwindSafe;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use function::{Function, ItemsFunction};
pub use handler::{
    Blocking, Handler, ItemsHandler, ItemsSequenceHandler, RawHandler, SequenceHandler, Spawned, blocking,
    spawned,
};
pub use procedures::Answer;
pub(crate) use procedures::Procedure;
use procedures::{Items, ItemsSequence, ItemsShim, Notification, RawProcedure, Sequence, Unary};
pub use reply::{ByStatus, ByValue, IntoReply};
pub use scope::{FromScope, Scope, State};
use serde::{Deserialize, Serialize};

use crate::ProcedureIndex;
use crate::codec::Decode;
use crate::metadata::Metadata;
use crate::peer::Peer;
use crate::proto::FIRST_RESERVED_PROCEDURE;
use crate::status::Status;
use crate::typed::Description;

/// The way a procedure is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl Kind {
    /// Whether it answers with a sequence.
    pub const fn is_sequence(self) -> bool {
        matches!(self, Self::Sequence | Self::SequenceWithItems)
    }
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
    /// Calls can be begun where the connection is read, without a task.
    pub(crate) begins_here: bool,
    /// A repetition does no harm: it may come in early data.
    pub(crate) idempotent: bool,
    /// A notification that may come as a datagram.
    pub(crate) by_datagram: bool,
    /// Its calls want streams of their own.
    pub(crate) isolated: bool,
    pub(crate) procedure: Arc<dyn Procedure>,
}

impl Entry {
    fn new(kind: Kind, spawned: bool, procedure: Arc<dyn Procedure>) -> Self {
        Self {
            kind,
            spawned,
            begins_here: procedure.begins_here(),
            idempotent: false,
            by_datagram: false,
            isolated: false,
            procedure,
        }
    }
}

/// The procedures that a program offers. Cheap to clone and shared by any number of wires; registering
/// on a clone leaves the others as they are.
///
/// `S` is the state of the handlers that are registered next ([`with_state`](Self::with_state)); it makes
/// no difference to whoever serves the interface.
#[derive(Clone, Default)]
pub struct Interface<S = ()> {
    entries: Arc<BTreeMap<u64, Entry>>,
    authorize: Option<Authorize>,
    state: S,
    /// What typed interfaces are among the entries.
    described: Arc<Vec<Description>>,
    /// Whether it keeps them to itself.
    hides: bool,
}

impl Interface {
    /// An interface that offers nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S> Interface<S> {
    /// Gives `state` to the handlers that are registered from here on, each of which may take a clone of
    /// it, a [`State`] before its arguments: something cheap to clone, an `Arc` mostly. Handlers registered
    /// before keep theirs, so that several parts of a program bring their own:
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ipfi_core::{Context, Interface, State};
    /// # struct Users; struct Clock;
    /// # impl Users { fn name(&self, _: u64) -> String { String::new() } }
    /// # impl Clock { fn now(&self) -> u64 { 0 } }
    /// # let (users, clock) = (Arc::new(Users), Arc::new(Clock));
    /// let interface: Interface = Interface::new()
    ///     .with_state(users)
    ///     .procedure(0, |State(users): State<Arc<Users>>, (id,): (u64,)| async move { users.name(id) })
    ///     .with_state(clock)
    ///     .procedure(1, |_: Context, clock: State<Arc<Clock>>, (): ()| async move { clock.now() })
    ///     .with_state(());
    /// ```
    ///
    /// The last line gives no state any more: it is needed only where the type is to be plain `Interface`.
    #[must_use]
    pub fn with_state<T>(self, state: T) -> Interface<T> {
        Interface {
            entries: self.entries,
            authorize: self.authorize,
            state,
            described: self.described,
            hides: self.hides,
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Interface<S> {
    /// Offers a procedure of one value.
    ///
    /// # Panics
    ///
    /// Like all that register: when the index is taken or reserved (2^30 and above). That is a
    /// mistake of the program, met when it starts.
    #[must_use]
    pub fn procedure<M: 'static>(
        self,
        index: impl Into<ProcedureIndex>,
        handler: impl Handler<M, S>,
    ) -> Self {
        let (spawned, state) = (handler.is_spawned(), self.state.clone());
        self.register(index.into(), Kind::Procedure, spawned, Arc::new(Unary::new(handler, state)))
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
        handler: impl SequenceHandler<M, S>,
    ) -> Self {
        let state = self.state.clone();
        self.register(index.into(), Kind::Sequence, false, Arc::new(Sequence::new(handler, state)))
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
        handler: impl ItemsHandler<T, M, S>,
    ) -> Self {
        let state = self.state.clone();
        self.register(
            index.into(),
            Kind::ProcedureWithItems,
            false,
            Arc::new(Items::<_, (ItemsShim<T>, M), _>::new(handler, state)),
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
        handler: impl ItemsSequenceHandler<T, M, S>,
    ) -> Self {
        let state = self.state.clone();
        let procedure = ItemsSequence::<_, (ItemsShim<T>, M), _>::new(handler, state);
        self.register(index.into(), Kind::SequenceWithItems, false, Arc::new(procedure))
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
        handler: impl Handler<M, S, Value = ()>,
    ) -> Self {
        let (spawned, state) = (handler.is_spawned(), self.state.clone());
        self.register(index.into(), Kind::Notification, spawned, Arc::new(Notification::new(handler, state)))
    }

    /// Offers a procedure of bytes: see [`RawCall`](crate::call::RawCall).
    ///
    /// # Panics
    ///
    /// As [`procedure`](Self::procedure).
    #[must_use]
    pub fn raw<G: FromScope<S>>(
        self,
        index: impl Into<ProcedureIndex>,
        handler: impl RawHandler<G, S>,
    ) -> Self {
        let procedure = RawProcedure::new(handler, self.state.clone());
        self.register(index.into(), Kind::Raw, false, Arc::new(procedure))
    }
}

impl<S> Interface<S> {
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

    /// Declares that calling a procedure twice does no more than calling it once. Only such a one may be called in
    /// early data (QUIC's 0-RTT), which whoever has seen it can send again.
    ///
    /// # Panics
    ///
    /// Like all that declare: when the index is not registered. That is a mistake of the program, met when it
    /// starts.
    #[must_use]
    pub fn idempotent(self, index: impl Into<ProcedureIndex>) -> Self {
        self.declare(index.into(), |entry| entry.idempotent = true)
    }

    /// Takes a notification by datagram too: it may be lost, come twice or out of order, and waits for nothing.
    /// Others that come so are counted and dropped.
    ///
    /// # Panics
    ///
    /// As [`idempotent`](Self::idempotent), and when it is no notification.
    #[must_use]
    pub fn by_datagram(self, index: impl Into<ProcedureIndex>) -> Self {
        let index = index.into();
        self.declare(index, |entry| {
            assert!(
                entry.kind == Kind::Notification,
                "procedure {index} is no notification, but {}",
                entry.kind
            );
            entry.by_datagram = true;
        })
    }

    /// Declares that calls of a procedure want streams of their own, however small their requests are: its answers
    /// are large, or must not wait behind a lost packet of another call. Callers are told of the 64 with the lowest indices; the
    /// calls of further ones share.
    ///
    /// # Panics
    ///
    /// As [`idempotent`](Self::idempotent).
    #[must_use]
    pub fn isolated(self, index: impl Into<ProcedureIndex>) -> Self {
        self.declare(index.into(), |entry| entry.isolated = true)
    }

    fn declare(mut self, index: ProcedureIndex, change: impl FnOnce(&mut Entry)) -> Self {
        let entry = Arc::make_mut(&mut self.entries).get_mut(&index.get());
        change(entry.unwrap_or_else(|| unregistered(index)));
        self
    }

    pub(crate) fn isolated_procedures(&self) -> Vec<u64> {
        self.entries.iter().filter(|(_, entry)| entry.isolated).map(|(index, _)| *index).collect()
    }

    /// The procedures offered, in the order of their indices.
    pub fn procedures(&self) -> impl Iterator<Item = (ProcedureIndex, Kind)> + '_ {
        let own = self.entries.range(..FIRST_RESERVED_PROCEDURE);
        own.map(|(index, entry)| (ProcedureIndex::new(*index), entry.kind))
    }

    /// The typed interfaces that are served ([`serve`](Self::serve)), in the order in which they were registered.
    pub fn descriptions(&self) -> &[Description] {
        &self.described
    }

    /// Compiled once for an interface, and not for each of its procedures.
    fn register(
        mut self,
        index: ProcedureIndex,
        kind: Kind,
        spawned: bool,
        procedure: Arc<dyn Procedure>,
    ) -> Self {
        assert!(
            index.get() < FIRST_RESERVED_PROCEDURE,
            "procedure index {index} is reserved for ipfi: users' own are below {FIRST_RESERVED_PROCEDURE}"
        );
        let taken =
            Arc::make_mut(&mut self.entries).insert(index.get(), Entry::new(kind, spawned, procedure));
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

/// A mistake of the program, met when it starts.
#[cold]
#[allow(clippy::panic)] // documented of all that declare
fn unregistered(index: ProcedureIndex) -> ! {
    panic!("procedure index {index} is not registered: register it first")
}

impl<S> fmt::Debug for Interface<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.procedures()).finish()
    }
}
