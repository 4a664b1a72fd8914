//! The limits of a connection as quinn's transport configuration: nothing is left at a default that a peer
//! could abuse.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipfi_core::limits::Limits;
use quinn::congestion::{BbrConfig, CubicConfig};
use quinn::{MtuDiscoveryConfig, TransportConfig, VarInt};

use crate::congestion::Openable;

/// What QUIC has and other carriers have not. Everything else is in [`Limits`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuicOptions {
    /// The largest UDP payload that is looked for on the path, in bytes. Default `None`: [`LOOPBACK_MTU`] to this very
    /// host, where bulk becomes twice as fast, and [`JUMBO_MTU`] elsewhere. *Cost*: a search of some twenty packets of
    /// padding, once in ten minutes; one that is lost counts as under way until it is known to be, so that a bound far
    /// above what the path carries holds up the first round trips. And an endpoint's receive buffer has this size for each
    /// datagram that the system hands over at once, which memory is touched only by datagrams that come.
    pub max_mtu: Option<u16>,
    /// The UDP payload that every path is taken to carry, in bytes. Default 1200, the least that QUIC allows.
    /// *Danger*: on a path that carries less nothing arrives.
    pub initial_mtu: u16,
    /// How much is sent before it is acknowledged. Default [`Congestion::Cubic`].
    pub congestion: Congestion,
    /// Whether a client may send before the handshake is done, with a ticket of an earlier connection, and a server
    /// take it. Default false. *Danger*: what is sent early can be replayed by anybody who has seen it, so it carries
    /// only calls of procedures that are marked idempotent.
    pub early_data: bool,
    /// Handshakes of unproven addresses that a server has under way before it asks the next ones to prove theirs
    /// (RFC 9000 section 8.1.2, a round trip more for each). Default 32. *Danger*: a flood from
    /// forged addresses, and one from the address of somebody else, which must not take all the places of that address.
    pub unproven_handshakes: usize,
    /// Handshakes that a server has under way at all; more are refused. Default 1024. *Cost*: some 64 KiB each.
    pub max_handshakes: usize,
    /// Whether the client of this connection opens the stream that small calls share, and the server takes it:
    /// see [`Isolation`](ipfi_core::call::Isolation). Default true.
    pub shared_calls: bool,
}

/// Which algorithm decides how much may be under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Congestion {
    /// CUBIC (RFC 9438): what most of the Internet does.
    #[default]
    Cubic,
    /// BBR, as quinn has it, experimental: less hurt by random loss.
    Bbr,
}

/// The largest UDP payload to this very host, over IPv4 or IPv6.
pub const LOOPBACK_MTU: u16 = 65_487;

/// The largest UDP payload on Ethernet with jumbo frames of 9000 bytes, over IPv6.
pub const JUMBO_MTU: u16 = 8952;

/// What a datagram may have on every path, in bytes (`docs/protocol.md` 11).
const PORTABLE_DATAGRAM_BYTES: usize = 1000;

/// A path is searched for a larger MTU again after this.
const MTU_INTERVAL: Duration = Duration::from_secs(600);

impl Default for QuicOptions {
    fn default() -> Self {
        Self {
            max_mtu: None,
            initial_mtu: 1200,
            congestion: Congestion::default(),
            early_data: false,
            unproven_handshakes: 32,
            max_handshakes: 1024,
            shared_calls: true,
        }
    }
}

/// The streams for calls that the peer may have open, and the one that small calls share.
pub(crate) fn bidirectional(limits: &Limits, options: &QuicOptions) -> u32 {
    limits.max_inbound_calls.saturating_add(options.shared_calls.into())
}

impl QuicOptions {
    /// The largest UDP payload that is looked for on the way to `peer`.
    fn max_mtu_to(&self, peer: IpAddr) -> u16 {
        let automatic = if peer.to_canonical().is_loopback() { LOOPBACK_MTU } else { JUMBO_MTU };
        self.max_mtu.unwrap_or(automatic).max(self.initial_mtu)
    }

    /// The largest UDP payload that an endpoint takes.
    pub(crate) fn receive_mtu(&self) -> u16 {
        self.max_mtu.unwrap_or(LOOPBACK_MTU).max(self.initial_mtu)
    }
}

/// The transport configuration for `limits` and `options`, of connections to `peer`.
///
/// Both sides of a connection set their own; of the idle timeout the shorter holds.
pub fn transport(limits: &Limits, options: &QuicOptions, peer: IpAddr) -> TransportConfig {
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(options.max_mtu_to(peer)).interval(MTU_INTERVAL);
    // Quinn bounds what waits in bytes: so many datagrams of the size that is portable, and at least one of any.
    let datagrams = (limits.max_datagram_frame_bytes > 0).then(|| {
        let portable = PORTABLE_DATAGRAM_BYTES * limits.max_queued_datagrams as usize;
        portable.max(limits.max_datagram_frame_bytes as usize)
    });
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(bidirectional(limits, options).into())
        .max_concurrent_uni_streams(limits.max_inbound_notifications.into())
        .stream_receive_window(limits.quic_stream_window_bytes.into())
        .receive_window(limits.quic_connection_window_bytes.into())
        .send_window(limits.send_buffer_bytes.into())
        .keep_alive_interval(limits.ping_interval)
        // A timeout that QUIC cannot say is longer than any program runs.
        .max_idle_timeout(limits.idle_timeout.and_then(|timeout| timeout.try_into().ok()))
        .datagram_receive_buffer_size(datagrams)
        .datagram_send_buffer_size(datagrams.unwrap_or(0))
        .initial_mtu(options.initial_mtu)
        .mtu_discovery_config(Some(mtu));
    match options.congestion {
        Congestion::Cubic => {
            transport.congestion_controller_factory(Arc::new(Openable(Arc::new(CubicConfig::default()))));
        }
        Congestion::Bbr => {
            transport.congestion_controller_factory(Arc::new(Openable(Arc::new(BbrConfig::default()))));
        }
    }
    transport
}

/// Codes of ours are below 2^32 and those of a user below 2^62; another's largest will do.
pub(crate) fn varint(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}
