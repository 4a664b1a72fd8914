//! The limits of a connection as quinn's transport configuration: nothing is left at a default that a peer
//! could abuse.

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
    /// The largest UDP payload that is looked for on the path, in bytes. Default [`MAX_MTU`]: where the path has it, as
    /// over loopback, bulk costs half as much as with the 1452 of Ethernet. *Danger* of more: quinn hands ten packets at
    /// a time to the system, which drops what is more than 65 507 bytes together without a word, and socket buffers
    /// must have room for them (`net.core.rmem_default`). *Cost*: the search takes some ten packets of padding, once in
    /// ten minutes, and an endpoint's receive buffer has this size for each datagram that the system hands over at once.
    pub max_mtu: u16,
    /// The UDP payload that every path is taken to carry, in bytes. Default 1200, the least that QUIC allows.
    /// *Danger*: on a path that carries less nothing arrives.
    pub initial_mtu: u16,
    /// How much is sent before it is acknowledged. Default [`Congestion::Cubic`].
    pub congestion: Congestion,
    /// Whether a client may send before the handshake is done, with a ticket of an earlier connection, and a server
    /// take it. Default false. *Danger*: what is sent early can be replayed by anybody who has seen it, so it carries
    /// only calls of procedures that are marked idempotent. The wire, too, is there before the handshake is done: hooks
    /// that decide who may connect run for a replay as they ran for the client.
    pub early_data: bool,
    /// Handshakes of unproven addresses that a server has under way before it asks the next ones to prove theirs
    /// (RFC 9000 section 8.1.2, a round trip more for each). Default 32. *Danger*: a flood from
    /// forged addresses, and one from the address of somebody else, which must not take all the places of that address.
    pub unproven_handshakes: usize,
    /// Clients that may wait for a server to accept them; more are refused. Default 1024. *Cost*: 64 KiB each, and
    /// 16 MiB for all together. What was accepted counts no more: `handshake_timeout` ends it.
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

/// The largest UDP payload of which ten are one call of the system (UDP_SEGMENT), rounded down.
pub const MAX_MTU: u16 = 6500;

/// What a datagram may have on every path, in bytes (`docs/protocol.md` 11).
const PORTABLE_DATAGRAM_BYTES: usize = 1000;

/// What a round trip is taken for until one is known. RFC 9002 section 6.2.2 says 333 ms, so that the first word is said
/// again after a second; but a client's takes two datagrams, for its key exchange is post-quantum, and where three in
/// ten are lost too few handshakes would be done in ten seconds. On a path that is longer than three of these, two
/// datagrams more are sent.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// The search for the largest packet ends this near to it: each probe is as large as what it tries, and quinn reads its
/// padding byte by byte, which for a short connection is half of what it costs. Where packets of 1452 bytes go through,
/// 1448 are found.
const MTU_STEP: u16 = 40;

/// A path is searched for a larger MTU again after this.
const MTU_INTERVAL: Duration = Duration::from_secs(600);

impl Default for QuicOptions {
    fn default() -> Self {
        Self {
            max_mtu: MAX_MTU,
            initial_mtu: 1200,
            congestion: Congestion::default(),
            early_data: false,
            unproven_handshakes: 32,
            max_handshakes: 1024,
            shared_calls: true,
        }
    }
}

/// How many bidirectional streams a peer has at first: quinn makes an entry for each when the connection begins, and
/// most connections never have so many.
const FIRST_STREAMS: u32 = 96;

/// The bidirectional streams that the peer may have open until it has used half of them.
pub(crate) fn first_bidirectional(limits: &Limits, options: &QuicOptions) -> u32 {
    bidirectional(limits, options).min(FIRST_STREAMS)
}

/// The streams for calls that the peer may have open, and the one that small calls share.
pub(crate) fn bidirectional(limits: &Limits, options: &QuicOptions) -> u32 {
    places(limits.max_inbound_calls).saturating_add(options.shared_calls.into())
}

/// Twice as many streams as calls. A stream is free again when its last byte is acknowledged, and quinn tells the peer
/// only when more than an eighth of all are: callers would wait for places that are free. The limit itself is the
/// wires': the caller's opens no more than it was told (`docs/protocol.md` 2.5), the callee's runs no more.
fn places(places: u32) -> u32 {
    if places < 8 { places } else { places.saturating_mul(2) }
}

/// When a silent connection is pinged. The first ping into a silence begins the idle timeout anew (RFC 9000 section
/// 10.1): so it comes after half of that at the latest, and a peer that is gone is noticed after one and a half.
fn keep_alive(limits: &Limits) -> Option<Duration> {
    let ping = limits.ping_interval?;
    Some(limits.idle_timeout.map_or(ping, |timeout| ping.min(timeout / 2)))
}

/// The transport configuration for `limits` and `options`.
///
/// Both sides of a connection set their own; of the idle timeout the shorter holds.
pub fn transport(limits: &Limits, options: &QuicOptions) -> TransportConfig {
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(options.max_mtu.max(options.initial_mtu)).interval(MTU_INTERVAL).minimum_change(MTU_STEP);
    // Quinn bounds what waits in bytes: so many datagrams of the size that is portable, and at least one of any.
    let datagrams = (limits.max_datagram_frame_bytes > 0).then(|| {
        let portable = PORTABLE_DATAGRAM_BYTES * limits.max_queued_datagrams as usize;
        portable.max(limits.max_datagram_frame_bytes as usize)
    });
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(first_bidirectional(limits, options).into())
        .max_concurrent_uni_streams(limits.max_inbound_notifications.into())
        .stream_receive_window(limits.quic_stream_window_bytes.into())
        .receive_window(limits.quic_connection_window_bytes.into())
        // What the peer's streams may hold, so that bulk that fills its streams' windows leaves room for small calls.
        .send_window(limits.quic_connection_window_bytes.into())
        .keep_alive_interval(keep_alive(limits))
        // A timeout that QUIC cannot say is longer than any program runs.
        .max_idle_timeout(limits.idle_timeout.and_then(|timeout| timeout.try_into().ok()))
        .datagram_receive_buffer_size(datagrams)
        .datagram_send_buffer_size(datagrams.unwrap_or(0))
        .initial_rtt(INITIAL_RTT)
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
