//! Why no wire could be made.

use std::fmt;
use std::io;

use ipfi_core::error::ConnectionError;

use crate::address::{Address, AddressError};

/// Why no wire could be made: each variant is a step, in this order.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// This build or this system does not have the carrier.
    #[error("connect {address}: {what}")]
    Unsupported {
        /// Where to.
        address: Address,
        /// What is missing.
        what: &'static str,
    },
    /// The limits contradict each other: no connection could ever be made.
    #[error("the connector's limits cannot be used: {0}")]
    Limits(#[from] ipfi_mux::ConfigError),
    /// The TLS settings cannot be used: a mistake of this program or of its files.
    #[cfg(any(feature = "quic", feature = "tls", feature = "wss"))]
    #[error("connect {address}: {source}")]
    Tls {
        /// Where to.
        address: Address,
        /// What is wrong with them.
        source: ipfi_quic::tls::TlsError,
    },
    /// The host's address could not be found.
    #[error("connect {address}: the host was not found: {source}")]
    Resolve {
        /// Where to.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// There is no UDP socket to connect with.
    #[cfg(feature = "quic")]
    #[error("connect {address}: {source}")]
    Endpoint {
        /// Where to.
        address: Address,
        /// Why not.
        source: ipfi_quic::endpoint::EndpointError,
    },
    /// The system could not connect.
    #[error("connect {address}: {source}")]
    Io {
        /// Where to.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// The peer was reached but no wire came of it; or, over QUIC, nobody answered.
    #[error("connect {address}: {source}")]
    Handshake {
        /// Where to.
        address: Address,
        /// Why not.
        source: ConnectionError,
    },
}

/// As it reads, not as it is built: `main` prints the `Debug` of the error that it returns.
impl fmt::Debug for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectError({self})")
    }
}
