//! Endpoints: a UDP socket that connects, or that is connected to.
//!
//! A program that uses quinn already keeps its endpoint: it adds [`ALPN`] to its TLS settings and hands the
//! connections that agreed on it to [`wire`], and the others wherever they belong.

mod client;
mod ids;
mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ipfi_core::Peer;
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::runtime::Runtime;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use rustls::pki_types::CertificateDer;

use self::ids::Ids;

pub use self::client::QuicClient;
pub use self::server::{Incoming, QuicServer};

use crate::config::{QuicOptions, transport, varint};
use crate::error::{self, Ours};
use crate::session::QuicSession;
use crate::shared;
use crate::tls::TlsServer;

/// The application protocol of native streams (`docs/protocol.md` 12.5). Build the [`TlsClient`](crate::tls::TlsClient) and the
/// [`TlsServer`] for it.
pub const ALPN: &str = "ipfi-1";

/// What every path of QUIC has room for (RFC 9000 section 14), in bytes.
const LEAST_MTU: u16 = 1200;

/// What one handshake may buffer before it is looked at, and all of them.
const INCOMING_BYTES: u64 = 64 << 10;
const ALL_INCOMING_BYTES: u64 = 16 << 20;

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The system refused the socket.
    #[error("UDP socket on {address}: {source}")]
    Socket {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS settings are not for QUIC.
    #[error("the TLS settings cannot be used for QUIC: {what}")]
    Tls {
        /// Why not.
        what: String,
    },
    /// An option or a limit has a value that it cannot have.
    #[error("the QUIC options cannot be used: {what}")]
    Options {
        /// Which, its value and why not.
        what: String,
    },
}

/// The settings of a server's endpoint: for programs that make their own.
///
/// # Errors
///
/// [`EndpointError::Tls`] when `tls` is not for QUIC, [`EndpointError::Options`] when the windows of `limits` cannot be.
pub fn server_config(
    tls: &TlsServer,
    limits: &Limits,
    options: &QuicOptions,
) -> Result<quinn::ServerConfig, EndpointError> {
    check_limits(limits)?;
    let crypto = QuicServerConfig::try_from(Arc::clone(tls.as_rustls()))
        .map_err(|error| EndpointError::Tls { what: error.to_string() })?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport(limits, options)))
        .max_incoming(options.max_handshakes)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(ALL_INCOMING_BYTES);
    Ok(config)
}

/// The settings of any endpoint of ours: for programs that make their own.
///
/// # Errors
///
/// [`EndpointError::Options`] when a packet size is not between 1200 and 65 527 bytes, or `max_mtu` is below
/// `initial_mtu`.
pub fn endpoint_config(options: &QuicOptions) -> Result<quinn::EndpointConfig, EndpointError> {
    let QuicOptions { max_mtu, initial_mtu, .. } = *options;
    let refused = |what| Err(EndpointError::Options { what });
    if initial_mtu < LEAST_MTU {
        return refused(format!("initial_mtu is {initial_mtu}, and QUIC needs at least {LEAST_MTU} bytes"));
    }
    if max_mtu < initial_mtu {
        return refused(format!("max_mtu is {max_mtu}, less than initial_mtu, which is {initial_mtu}"));
    }
    let mut config = quinn::EndpointConfig::default();
    config.cid_generator(|| Box::new(Ids::new()));
    match config.max_udp_payload_size(max_mtu) {
        Ok(_) => Ok(config),
        Err(_) => refused(format!("max_mtu is {max_mtu}, more than UDP has room for")),
    }
}

/// Whether streams over QUIC can carry anything under `limits`, and one of them cannot take all.
fn check_limits(limits: &Limits) -> Result<(), EndpointError> {
    let (stream, connection) = (limits.quic_stream_window_bytes, limits.quic_connection_window_bytes);
    if stream == 0 || stream > connection {
        let what = format!(
            "quic_stream_window_bytes is {stream}, which must be at least 1 and at most \
             quic_connection_window_bytes, which is {connection}"
        );
        return Err(EndpointError::Options { what });
    }
    Ok(())
}

fn endpoint(
    address: SocketAddr,
    server: Option<quinn::ServerConfig>,
    options: &QuicOptions,
) -> Result<quinn::Endpoint, EndpointError> {
    let config = endpoint_config(options)?;
    std::net::UdpSocket::bind(address)
        .and_then(|socket| quinn::Endpoint::new(config, server, socket, Arc::new(quinn::TokioRuntime)))
        .map_err(|source| EndpointError::Socket { address, source })
}

/// Makes a wire of a connection whose peer has agreed on [`ALPN`]. Must be called within a tokio runtime, whose tasks
/// carry the wire. The connection's transport should have [`transport`]'s settings for the limits of `options`.
pub fn wire(connection: quinn::Connection, options: impl Into<WireOptions>, quic: &QuicOptions) -> Wire {
    let options = options.into();
    let session = QuicSession::new(connection, options.limits_ref(), quic);
    wire_over(&session, options, quic)
}

/// The peer, as far as the connection tells.
pub(crate) fn peer(connection: &quinn::Connection, carrier: &'static str) -> Peer {
    let side = match connection.side() {
        quinn::Side::Client => Side::Server,
        quinn::Side::Server => Side::Client,
    };
    Peer::new(side, carrier)
        .with_address(connection.remote_address().to_string())
        .with_certificates(certificates(connection))
}

fn wire_over(session: &QuicSession, options: WireOptions, quic: &QuicOptions) -> Wire {
    let peer = peer(session.quinn(), "quic");
    wire_with(session, options.peer(peer), quic)
}

/// The same where `options` say who the peer is.
pub(crate) fn wire_with(session: &QuicSession, options: WireOptions, quic: &QuicOptions) -> Wire {
    let options = if quic.shared_calls { options.share_small_calls(shared::over) } else { options };
    let runtime = Arc::clone(session.runtime());
    let (wire, serving) = Wire::new(session.clone(), runtime.clone(), options);
    runtime.spawn(Box::pin(async move {
        serving.await;
    }));
    wire
}

/// The certificates that the peer has shown, its own first.
fn certificates(connection: &quinn::Connection) -> Arc<[Bytes]> {
    let chain =
        connection.peer_identity().and_then(|identity| identity.downcast::<Vec<CertificateDer<'_>>>().ok());
    chain.map_or_else(Arc::default, |chain| chain.iter().map(|der| Bytes::copy_from_slice(der)).collect())
}

/// The protocol that both sides have agreed on.
pub fn protocol(connection: &quinn::Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<HandshakeData>().ok()?.protocol
}

/// Why a handshake failed, in the words of TLS where it was TLS.
pub(crate) fn handshake_error(
    error: quinn::ConnectionError,
    limits: &Limits,
    protocols: &[Vec<u8>],
) -> ConnectionError {
    match error::tls_fault(&error) {
        Some(fault) => error::tls(&fault.with_protocols(protocols.iter().map(Vec::as_slice))),
        None => {
            let ours = Ours { idle_timeout: limits.idle_timeout.unwrap_or(Duration::MAX), ..Ours::default() };
            error::connection(error, &ours)
        }
    }
}

/// Whether the two sides have agreed on `wanted`, where TLS settings name more than that.
fn agreed(connection: &quinn::Connection, wanted: &str) -> Result<(), ConnectionError> {
    match protocol(connection) {
        Some(agreed) if agreed != wanted.as_bytes() => {
            let agreed = String::from_utf8_lossy(&agreed).into_owned();
            let text = format!("the two sides agreed on the protocol {agreed:?}, and ipfi's is {wanted:?}");
            refuse(connection, &text);
            Err(ConnectionError::lost(format!("TLS: {text}")))
        }
        _ => Ok(()),
    }
}

/// Closes a connection that agreed on another protocol.
pub fn refuse(connection: &quinn::Connection, reason: &str) {
    connection.close(varint(CloseCode::PROTOCOL.0), reason.as_bytes());
}
