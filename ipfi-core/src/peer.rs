//! Who is at the other end.

use core::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::metadata::Metadata;
use crate::session::Side;
use crate::wire::WireOptions;

mod request;

/// What is known of the peer: where it is, over what it came, who it has shown itself to be. Cheap to clone.
#[derive(Clone)]
pub struct Peer(Arc<Inner>);

struct Inner {
    side: Side,
    carrier: &'static str,
    address: Option<String>,
    target: Option<String>,
    headers: Metadata,
    certificates: Arc<[Bytes]>,
    identity: OnceLock<Arc<str>>,
}

impl Peer {
    /// A peer at the other end of `carrier` (`"tcp"`, `"unix"`, `"stdio"` …), which is the `side` of
    /// the connection.
    pub fn new(side: Side, carrier: &'static str) -> Self {
        Self(Arc::new(Inner {
            side,
            carrier,
            address: None,
            target: None,
            headers: Metadata::default(),
            certificates: Arc::default(),
            identity: OnceLock::new(),
        }))
    }

    /// The same at the given end of the connection.
    #[must_use]
    pub fn with_side(self, side: Side) -> Self {
        if self.0.side == side { self } else { self.rebuild(|inner| inner.side = side) }
    }

    /// The same with its address, as the carrier writes it.
    #[must_use]
    pub fn with_address(self, address: impl Into<String>) -> Self {
        self.rebuild(|inner| inner.address = Some(address.into()))
    }

    /// The same with what the connection's request asked for: a path, and a query if there is one.
    #[must_use]
    pub fn with_target(self, target: impl Into<String>) -> Self {
        self.rebuild(|inner| inner.target = Some(target.into()))
    }

    /// The same with what came with the connection's request (HTTP headers of a WebSocket upgrade).
    #[must_use]
    pub fn with_headers(self, headers: Metadata) -> Self {
        self.rebuild(|inner| inner.headers = headers)
    }

    /// The same with the certificates it has shown, as DER, its own first. Only for a carrier that has verified
    /// them, and that the peer has the key of the first.
    #[must_use]
    pub fn with_certificates(self, certificates: impl Into<Arc<[Bytes]>>) -> Self {
        let certificates = certificates.into();
        self.rebuild(|inner| inner.certificates = certificates)
    }

    fn rebuild(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Inner {
            side: self.0.side,
            carrier: self.0.carrier,
            address: self.0.address.clone(),
            target: self.0.target.clone(),
            headers: self.0.headers.clone(),
            certificates: Arc::clone(&self.0.certificates),
            identity: self.0.identity.clone(),
        };
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// Which end of the connection the peer is.
    pub fn side(&self) -> Side {
        self.0.side
    }

    /// What the connection runs over: `"tcp"`, `"unix"`, `"stdio"`, `"memory"` …
    pub fn carrier(&self) -> &'static str {
        self.0.carrier
    }

    /// The peer's address, where the carrier has such a thing.
    pub fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// What came with the connection's request: the headers of a WebSocket, say, their names in lower case. The
    /// peer can say anything there.
    pub fn headers(&self) -> &Metadata {
        &self.0.headers
    }

    /// The certificates the peer has shown, as DER, its own first. The carrier has verified them as its settings
    /// say: with pinned hashes, only the first counts. Empty where the carrier has none or the peer showed none,
    /// which is not the same as a peer that is known.
    pub fn certificates(&self) -> &[Bytes] {
        &self.0.certificates
    }

    /// Who the peer has shown itself to be: set by the carrier (a certificate), by the authentication
    /// hook, or by a procedure that checked a token.
    pub fn identity(&self) -> Option<&str> {
        self.0.identity.get().map(|identity| &**identity)
    }

    /// Says who the peer is, once: a later, different identity is refused, because calls that are
    /// running were admitted as the first.
    pub fn set_identity(&self, identity: impl Into<Arc<str>>) -> Result<(), IdentityTaken> {
        let identity = identity.into();
        let held = self.0.identity.get_or_init(|| identity.clone());
        if *held == identity { Ok(()) } else { Err(IdentityTaken) }
    }
}

impl WireOptions {
    /// The peer that was set: a carrier adds to it what its handshake shows.
    pub fn peer_ref(&self) -> &Peer {
        &self.peer
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("side", &self.0.side)
            .field("carrier", &self.0.carrier)
            .field("address", &self.0.address)
            .field("certificates", &self.0.certificates.len())
            .field("identity", &self.identity())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(identity) = self.identity() {
            write!(f, "{identity} at ")?;
        }
        match self.address() {
            Some(address) => write!(f, "{}://{address}", self.carrier()),
            None => f.write_str(self.carrier()),
        }
    }
}

/// The peer of this connection already has another identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer of this connection already has another identity")]
pub struct IdentityTaken;
