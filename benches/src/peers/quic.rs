//! What the peers over QUIC have in common, so that they differ in what they do with it alone: a certificate made on
//! the spot (ECDSA P-256) that the client pins by its hash, rustls with aws-lc-rs, one socket for all connections
//! of a process, and tickets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ipfi_quic::ALPN;
use ipfi_quic::tls::{CertificateHash, Identity, TlsClient, TlsServer, Trust};
use rustls::NamedGroup;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::client::{Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

use crate::peer::{Handshake, Needs, Result};

/// The name in the certificate.
pub(crate) const NAME: &str = "localhost";

/// Where servers listen: a port of the system's choice.
pub(crate) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Where a server is, and what its certificate is known by.
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    hash: CertificateHash,
}

impl Address {
    pub(crate) fn parse(address: &str) -> Result<Self> {
        let (socket, hash) = address.split_once(' ').ok_or("an address and a hash")?;
        Ok(Self { socket: socket.parse()?, hash: hash.parse()? })
    }
}

/// As many streams as the workload has, and a quarter more: quinn gives places back by eighths of all there are, so
/// that the last eighth may be free and of no use to who waits.
pub(crate) fn roomy(needs: Needs) -> Needs {
    Needs { streams: needs.streams + needs.streams / 4, ..needs }
}

/// The TLS of a server, and how it tells its address.
pub(crate) fn server(needs: Needs) -> Result<(TlsServer, impl Fn(SocketAddr) -> String)> {
    let identity = Identity::development(&[NAME])?;
    let hash = identity.certificate_hash();
    let tls = TlsServer::builder(identity).early_data(needs.handshake == Handshake::Early).build(&[ALPN])?;
    Ok((tls, move |socket| format!("{socket} {hash}")))
}

/// The TLS of a client, with the memory of sessions that its connections need.
pub(crate) fn client(address: &Address, needs: Needs) -> Result<TlsClient> {
    let early = needs.handshake == Handshake::Early;
    let tls = TlsClient::builder(Trust::pinned([address.hash])).early_data(early).build(&[ALPN])?;
    let mut config = rustls::ClientConfig::clone(tls.as_rustls());
    config.resumption = match needs.handshake {
        Handshake::Full => Resumption::disabled(),
        Handshake::Resumed | Handshake::Early => Resumption::store(Arc::new(Tickets::new())),
    };
    Ok(TlsClient::from_rustls(Arc::new(config)))
}

/// Made by the first connection of this process, for all.
pub(crate) struct Once<T>(OnceLock<T>);

impl<T: Clone> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        if let Some(made) = self.0.get() {
            return Ok(made.clone());
        }
        // Of two that were made at once, the first is everybody's.
        let made = make()?;
        Ok(self.0.get_or_init(|| made).clone())
    }
}

/// How many connections of this process have begun with a ticket.
pub(crate) fn tickets_used() -> u64 {
    USED.load(Ordering::Relaxed)
}

static USED: AtomicU64 = AtomicU64::new(0);

/// A memory of sessions that counts.
#[derive(Debug)]
struct Tickets(ClientSessionMemoryCache);

impl Tickets {
    fn new() -> Self {
        Self(ClientSessionMemoryCache::new(16))
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(server, group);
    }

    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(server)
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, server: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(server, ticket);
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let ticket = self.0.take_tls13_ticket(server)?;
        USED.fetch_add(1, Ordering::Relaxed);
        Some(ticket)
    }
}
