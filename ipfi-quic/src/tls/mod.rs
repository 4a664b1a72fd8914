//! TLS 1.3: who this side is, whom it trusts, and what went wrong.
//!
//! | what you want | where it is |
//! | --- | --- |
//! | a certificate and its key | [`Identity`], from files, memory, or [`Identity::development`] |
//! | to change them while the server runs | [`ReloadableIdentity`] |
//! | whom a client trusts | [`Trust`]: the system, roots of your own, or pinned hashes |
//! | which clients a server lets in | [`ClientAuth`], with [`ClientRoots`] |
//! | settings for a carrier | [`TlsClient`] and [`TlsServer`], made by their builders |
//! | calls over TLS over a byte pipe | [`pipe`] (feature `tls`) |
//! | who the peer is | [`Peer::certificates`](ipfi_core::Peer::certificates) |
//!
//! What is wrong with this side's own files and settings is a [`TlsError`], before anything is sent. What goes
//! wrong with a peer is a [`TlsFault`], in one sentence that says who refused what.
//!
//! Older versions of TLS are not spoken. The cryptography is aws-lc-rs or ring, as the features say, and never
//! what the process has as its default. Types of rustls appear in functions alone whose names say so.
#![cfg_attr(feature = "development", doc = "```")]
#![cfg_attr(not(feature = "development"), doc = "```ignore")]
//! use ipfi_quic::tls::{Identity, TlsClient, TlsServer, Trust};
//!
//! # fn main() -> Result<(), ipfi_quic::tls::TlsError> {
//! let identity = Identity::development(&["localhost"])?;
//! let hash = identity.certificate_hash();
//! let server = TlsServer::builder(identity).build(&["ipfi-1"])?;
//! let client = TlsClient::builder(Trust::pinned([hash])).build(&["ipfi-1"])?;
//! # let _ = (server, client);
//! # Ok(())
//! # }
//! ```

mod alert;
mod client;
mod client_auth;
#[cfg(feature = "development")]
mod development;
mod error;
mod fault;
mod hash;
mod identity;
mod pem;
#[cfg(feature = "tls")]
pub mod pipe;
mod protocols;
mod provider;
mod reload;
mod server;
mod spoken;
#[cfg(feature = "tls")]
mod stream;
mod trust;
mod utc;
mod validity;
mod verify;

pub use client::{TlsClient, TlsClientBuilder};
pub use client_auth::{ClientAuth, ClientRoots};
pub use error::{Found, Origin, TlsError};
pub use fault::{PinMismatch, TlsFault};
pub use hash::{CertificateHash, HashParseError};
pub use identity::Identity;
pub use reload::ReloadableIdentity;
pub use server::{TlsServer, TlsServerBuilder};
#[cfg(feature = "tls")]
pub use stream::TlsStream;
pub use trust::Trust;
