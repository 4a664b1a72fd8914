//! ipfi over QUIC.

// The features of a provider are asked for at every module: without one nothing could be compiled, and this is to
// be the one error.
#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!(
    "QUIC and TLS need cryptography: turn on the feature `aws-lc-rs` or `ring`, of ipfi or of ipfi-quic"
);

#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub mod config;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
mod congestion;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub mod endpoint;
#[cfg(feature = "quic")]
mod error;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub mod session;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
mod shared;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub mod tls;

#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub use config::QuicOptions;
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub use endpoint::{ALPN, QuicClient, QuicServer};
#[cfg(all(feature = "quic", any(feature = "aws-lc-rs", feature = "ring")))]
pub use session::QuicSession;
