//! What a wire is made with.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use super::sharing::{Share, SharedStream, Sharing};
use crate::codec::CodecId;
use crate::interface::Interface;
use crate::limits::Limits;
use crate::observe::Observer;
use crate::peer::Peer;
use crate::session::Side;
use crate::status::Status;

/// Which way calls may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Both sides may call.
    #[default]
    Both,
    /// This side only calls: calls of the peer are refused with UNIMPLEMENTED.
    CallerOnly,
    /// This side only serves (a module): its own calls fail with FAILED_PRECONDITION.
    Module,
}

pub(crate) type Verdict = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// Decides whether a peer may use the wire at all.
pub(crate) type Authenticate = Arc<dyn Fn(Peer) -> Verdict + Send + Sync>;

/// What a wire is made with: what it offers, to whom, within which limits.
#[derive(Clone)]
pub struct WireOptions {
    pub(crate) interface: Interface,
    pub(crate) limits: Limits,
    pub(crate) role: Role,
    pub(crate) peer: Peer,
    pub(crate) codec: CodecId,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) authenticate: Option<Authenticate>,
    pub(crate) sharing: Option<Share>,
}

impl WireOptions {
    /// Offers `interface` to `peer`, with the default limits, both ways, nobody watching.
    pub fn new<S>(interface: Interface<S>, peer: Peer) -> Self {
        Self {
            interface: interface.with_state(()),
            limits: Limits::default(),
            role: Role::default(),
            peer,
            codec: CodecId::default(),
            observer: None,
            authenticate: None,
            sharing: None,
        }
    }

    /// Offers `interface` instead.
    #[must_use]
    pub fn interface<S>(mut self, interface: Interface<S>) -> Self {
        self.interface = interface.with_state(());
        self
    }

    /// Limits of the calls on this wire. The carrier is given the same by whoever makes both.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which way calls may go; both by default.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The limits that were set: a carrier made beside the wire is given the same.
    pub fn limits_ref(&self) -> &Limits {
        &self.limits
    }

    /// The codec of calls that name none; bincode by default.
    #[must_use]
    pub fn codec(mut self, codec: CodecId) -> Self {
        self.codec = codec;
        self
    }

    /// Is told of every finished call. Costs two readings of the clock per call.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Asks `hook` about the peer before anything of it is served; a refusal closes the connection
    /// with UNAUTHENTICATED and the status' text, and so does a hook that takes longer than
    /// `handshake_timeout`. What a certificate or a header cannot show, a first
    /// call can: let it use [`Peer::set_identity`] and guard the others with
    /// [`Interface::authorize`](crate::interface::Interface::authorize).
    #[must_use]
    pub fn authenticate<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.authenticate = Some(Arc::new(move |peer| Box::pin(hook(peer))));
        self
    }

    /// Lets small calls share one stream, of which `share` makes a session; for carriers whose streams cost a call
    /// more than the call itself. `None` is for limits that forbid it.
    #[must_use]
    pub fn share_small_calls(
        mut self,
        share: impl Fn(SharedStream) -> Option<Sharing> + Send + Sync + 'static,
    ) -> Self {
        self.sharing = Some(Arc::new(share));
        self
    }

    /// The same for another peer: a server makes one per connection.
    #[must_use]
    pub fn peer(mut self, peer: Peer) -> Self {
        self.peer = peer;
        self
    }
}

/// Offers the interface to whoever is at the other end, with the default options.
impl<S> From<Interface<S>> for WireOptions {
    fn from(interface: Interface<S>) -> Self {
        // The side is corrected by the wire, which knows its session's.
        Self::new(interface, Peer::new(Side::Server, "pipe"))
    }
}

impl fmt::Debug for WireOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireOptions")
            .field("interface", &self.interface)
            .field("role", &self.role)
            .field("peer", &self.peer)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}
