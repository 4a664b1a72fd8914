//! Why a server could not be set up.

use std::fmt;
use std::io;

use crate::address::{Address, AddressError};

/// Why a server could not be set up.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A URL cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There is nothing to listen on.
    #[error("the server listens on nothing: call listen(url) first")]
    NoListener,
    /// This build or this system does not have the carrier.
    #[error("listen {address}: {what}")]
    Unsupported {
        /// Where.
        address: Address,
        /// What is missing.
        what: &'static str,
    },
    /// The limits contradict each other: no connection could ever be made.
    #[error("the server's limits cannot be used: {0}")]
    Limits(#[from] ipfi_mux::ConfigError),
    /// The carrier needs a certificate, and the server has none.
    #[error("listen {address}: a certificate and its key are needed: call Server::identity first")]
    NoIdentity {
        /// Where.
        address: Address,
    },
    /// The TLS settings cannot be used.
    #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
    #[error("listen {address}: {source}")]
    Tls {
        /// Where.
        address: Address,
        /// What is wrong with them.
        source: ipfi_quic::tls::TlsError,
    },
    /// There is no UDP socket to listen on.
    #[cfg(feature = "quic")]
    #[error("listen {address}: {source}")]
    Endpoint {
        /// Where.
        address: Address,
        /// Why not.
        source: ipfi_quic::endpoint::EndpointError,
    },
    /// The system refused.
    #[error("listen {address}: {source}")]
    Io {
        /// Where.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// Standard input and output cannot be listened on.
    #[error("listen on standard input and output: {source}")]
    Stdio {
        /// Why not.
        source: io::Error,
    },
}

/// As it reads, not as it is built: `main` prints the `Debug` of the error that it returns.
impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerError({self})")
    }
}
