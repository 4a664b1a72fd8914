//! Connecting, and being connected to, over any byte stream: TCP, TLS, what a test has.
//!
//! Whoever listens and dials is the caller; the facade `ipfi` does both for `ws://` and `wss://`.

mod client;
mod server;
#[cfg(feature = "tls")]
mod tls;

use std::future::Future;
use std::time::Duration;

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;

pub use self::client::{ask, connect};
pub use self::server::{accept, answer};
#[cfg(feature = "tls")]
pub use self::tls::{accept_tls, connect_tls};

use crate::error::WsFault;

/// How long a peer that was refused has to hear why, and the text of a refusal to come.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// `step` of the handshake, within the limit for each.
async fn bounded<R>(
    limits: &Limits,
    step: impl Future<Output = Result<R, WsFault>>,
) -> Result<R, ConnectionError> {
    let after = limits.handshake_timeout;
    match tokio::time::timeout(after, step).await {
        Ok(done) => done.map_err(ConnectionError::from),
        Err(_) => Err(ConnectionError::HandshakeTimeout { after }),
    }
}
