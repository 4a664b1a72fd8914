//! QUIC, over UDP.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use ipfi_core::error::ConnectionError;
use ipfi_core::wire::Wire;
use ipfi_quic::QuicOptions;

use super::{ConnectError, Connector, dial};
use crate::address::Address;

impl Connector {
    /// What QUIC has and other carriers have not; see [`QuicOptions`].
    #[must_use]
    pub fn quic_options(mut self, options: QuicOptions) -> Self {
        self.secure.quic = options;
        self.secure.changed();
        self
    }

    /// Moves the QUIC connections of this connector and its clones to new ports: they go on from there with no
    /// call lost, as they do when the network changes under them (RFC 9000 section 9). Gives the new addresses: one
    /// for each family in use. Of a connector that is used in more than a few runtimes, the sockets used last.
    ///
    /// # Errors
    ///
    /// What the system says of a new socket; then that connection, and what follows, stays where it is.
    pub fn rebind(&self) -> io::Result<Vec<SocketAddr>> {
        self.secure.rebind()
    }

    /// Connects as [`connect`](Self::connect) and makes the first calls, `first`, at once: with the handshake (0-RTT)
    /// where [`QuicOptions::early_data`] is on at both sides and this connector, or a clone, was connected to that
    /// server before; else after it. Gives the wire and what `first` gave. Over other carriers there is no early data,
    /// and the calls come after the handshake.
    ///
    /// `first` runs again, with another wire, when the server has refused early data, of which it then processed
    /// nothing, or when one of several addresses of the host does not answer.
    ///
    /// *Danger*: what leaves early can be replayed by whoever has seen it, so a server takes only calls of procedures
    /// that it declares idempotent, and fails others with FAILED_PRECONDITION.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect). Cancel safe.
    pub async fn connect_early<F, Fut>(
        &self,
        url: &str,
        first: F,
    ) -> Result<(Wire, Fut::Output), ConnectError>
    where
        F: Fn(Wire) -> Fut,
        Fut: Future,
    {
        let address: Address = url.parse()?;
        let Address::Quic(authority) = &address else {
            let wire = self.connect(url).await?;
            let made = first(wire.clone()).await;
            return Ok((wire, made));
        };
        ipfi_mux::check_limits(self.options.limits_ref())?;
        // One after the other: calls are not made twice to find out which address answers first.
        let mut failure = None;
        for to in dial::resolve(&address, authority).await? {
            let socket = self.secure.socket(&address, to, self.options.limits_ref()).await?;
            let name = self.secure.name_of(authority);
            match socket.connect_early(to, name, self.options.clone(), &first).await {
                Ok(connected) => return Ok(connected),
                Err(error) if failure.as_ref().is_none_or(|before| says_more(&error, before)) => {
                    failure = Some(error);
                }
                Err(_) => {}
            }
        }
        // There is at least one address.
        let source = failure.unwrap_or_else(|| ConnectionError::lost("the host has no address"));
        Err(ConnectError::Handshake { address, source })
    }

    pub(super) async fn quic(&self, address: &Address, authority: &str) -> Result<Wire, ConnectError> {
        let addresses = dial::resolve(address, authority).await?;
        let limits = self.options.limits_ref();
        let name = self.secure.name_of(authority);
        let attempt = |to| async move {
            let socket = self.secure.socket(address, to, limits).await?;
            let connected = socket.connect(to, name, self.options.clone()).await;
            connected.map_err(|source| ConnectError::Handshake { address: address.clone(), source })
        };
        dial::first(addresses, attempt, is_better).await
    }
}

/// Of two failures, whether `new` is the one to report.
pub(super) fn is_better(new: &ConnectError, before: &ConnectError) -> bool {
    match (new, before) {
        (ConnectError::Handshake { source: new, .. }, ConnectError::Handshake { source: before, .. }) => {
            says_more(new, before)
        }
        // One with the other family of addresses, of which this machine may have none.
        (_, before) => !matches!(before, ConnectError::Handshake { .. }),
    }
}

/// Of several addresses of a host, the one that answered says more than those that did not.
fn says_more(new: &ConnectionError, before: &ConnectionError) -> bool {
    let silent = |error: &ConnectionError| matches!(error, ConnectionError::HandshakeTimeout { .. });
    silent(before) || !silent(new)
}
