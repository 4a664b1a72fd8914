//! UDP sockets on which QUIC is listened for.

use std::time::Duration;

use ipfi_quic::QuicServer;
use tokio::task::JoinSet;

use super::{Server, ServerError};
use crate::address::Address;

/// How long a server that has shut down waits for what it said last: a goodbye that is lost is said again when the
/// peer speaks.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The client chooses: its streams as they are, or within WebTransport, as browsers have them.
const PROTOCOLS: &[&str] = &[
    ipfi_quic::ALPN,
    #[cfg(feature = "webtransport")]
    ipfi_quic::webtransport::ALPN,
];

/// Binds to the first address of `authority` that can be bound to.
pub(super) async fn bind(
    address: &Address,
    authority: &str,
    server: &Server,
) -> Result<QuicServer, ServerError> {
    let options = &server.secure.quic;
    let tls = server.secure.tls(address, PROTOCOLS, options.early_data)?;
    let io = |source| ServerError::Io { address: address.clone(), source };
    let mut failure = io(std::io::Error::other("the host has no address"));
    for at in tokio::net::lookup_host(authority).await.map_err(io)? {
        match QuicServer::bind(at, &tls, server.options.limits_ref(), options) {
            Ok(socket) => {
                #[cfg(feature = "webtransport")]
                let socket = socket.with_webtransport(server.secure.web.clone());
                return Ok(socket);
            }
            Err(source) => failure = ServerError::Endpoint { address: address.clone(), source },
        }
    }
    Err(failure)
}

/// The sockets of a server that runs. Dropped, they take no more connections; those that are there keep them.
#[derive(Debug, Default)]
pub(super) struct Sockets(pub(super) Vec<QuicServer>);

impl Sockets {
    /// Refuses whoever comes, for as long as the result lives: a client that is refused can go elsewhere at once,
    /// and one that hears nothing waits for the timeout of its handshake.
    pub(super) fn refuse(&self) -> JoinSet<()> {
        let mut refusing = JoinSet::new();
        for socket in &self.0 {
            let socket = socket.clone();
            refusing.spawn(async move {
                while let Some(incoming) = socket.accept().await {
                    incoming.refuse();
                }
            });
        }
        refusing
    }

    /// Waits until what was said last has left.
    pub(super) async fn idle(&self) {
        let idle = async {
            for socket in &self.0 {
                socket.idle().await;
            }
        };
        // Whoever does not go by then has been told.
        let _ = tokio::time::timeout(LAST_WORDS, idle).await;
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for socket in &self.0 {
            socket.stop();
        }
    }
}
