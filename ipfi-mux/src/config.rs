//! What a connection is started with, checked once and as a whole.

use core::time::Duration;

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::varint;

use crate::abuse::GIVEN_UP;
use crate::params::{MIN_MAX_RECORD_SIZE, TransportParameters};
use crate::record::RecordFraming;

/// How a [`Connection`](crate::connection::Connection) is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The limits of the connection.
    pub limits: Limits,
    /// Which end this is.
    pub side: Side,
    /// How records are told apart on the carrier.
    pub framing: RecordFraming,
    /// How long to wait, after saying goodbye, for the peer to end its side. Default 3 s.
    pub drain_timeout: Duration,
}

impl Config {
    /// A connection over a byte pipe with default limits.
    pub fn new(side: Side) -> Self {
        Self {
            limits: Limits::default(),
            side,
            framing: RecordFraming::Sized,
            drain_timeout: Duration::from_secs(3),
        }
    }
}

/// A configuration that cannot work: a fault of this side, found before any byte is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A limit is below what the protocol or forward progress needs.
    #[error("{name} = {value} is too small: at least {least} ({why})")]
    TooSmall {
        /// The field of [`Limits`].
        name: &'static str,
        /// Its value.
        value: u64,
        /// The least that works.
        least: u64,
        /// Why.
        why: &'static str,
    },
    /// A limit is below another that it must not be below.
    #[error("{name} = {value} is below {floor} = {floor_value} ({why})")]
    Contradiction {
        /// The field of [`Limits`].
        name: &'static str,
        /// Its value.
        value: u64,
        /// The field that it is below.
        floor: &'static str,
        /// The value of that.
        floor_value: u64,
        /// Why it must not be.
        why: &'static str,
    },
    /// The windows of notifications do not fit the pool they come out of, so that unread streams
    /// could freeze the connection.
    #[error(
        "the window sum is broken: max_inbound_notifications = {notifications} x notification_window_bytes \
         = {window} exceeds window_pool_bytes = {pool} (0 keeps windows fixed and is allowed)"
    )]
    WindowSum {
        /// `max_inbound_notifications`.
        notifications: u32,
        /// `notification_window_bytes`.
        window: u32,
        /// `window_pool_bytes`.
        pool: u32,
    },
    /// The windows together are more than a connection's 62-bit counters can grant.
    #[error(
        "the window sum is too large: (max_inbound_calls = {inbound} + max_outbound_calls = {outbound}) x \
         stream_window_bytes = {window} exceeds 2^61, with window_pool_bytes = {pool} added"
    )]
    WindowSumTooLarge {
        /// `max_inbound_calls`.
        inbound: u32,
        /// `max_outbound_calls`.
        outbound: u32,
        /// `stream_window_bytes`.
        window: u32,
        /// `window_pool_bytes`.
        pool: u32,
    },
    /// Honest callers who cancel all their calls at once would use up the abuse budget and lose the
    /// connection.
    #[error(
        "abuse_budget = {budget} is too small: at least {least}, since max_inbound_calls = {calls} + \
         max_inbound_notifications = {notifications} of them, cancelled at once, hold 2 tokens each"
    )]
    AbuseBudget {
        /// `abuse_budget`.
        budget: u32,
        /// The least that works.
        least: u64,
        /// `max_inbound_calls`.
        calls: u32,
        /// `max_inbound_notifications`.
        notifications: u32,
    },
}

impl From<ConfigError> for ConnectionError {
    fn from(error: ConfigError) -> Self {
        Self::Limits { what: error.to_string().into() }
    }
}

/// Checks `limits` as every connection does that is given them: for whoever resolves a configuration once
/// and makes connections by it later.
///
/// # Errors
///
/// [`ConfigError`] names the limits that cannot work together, with their values.
pub fn check_limits(limits: &Limits) -> Result<(), ConfigError> {
    check(limits).map(|_| ())
}

/// The sums of a checked configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// Connection window with no local call open.
    pub(crate) base: u64,
    /// Bytes by which stream windows may grow, all together.
    pub(crate) pool: u64,
}

/// Checks `limits` and adds up the windows.
///
/// The connection window must cover every stream window that could be used, or streams that nobody
/// reads would take the credit of those that are read (hyper#2899):
/// `max_inbound_calls x stream_window + pool`, of which the pool covers the notifications and all
/// growth. Calls of our own add their window while they live.
pub(crate) fn check(limits: &Limits) -> Result<Windows, ConfigError> {
    let at_least = |name, value: u32, least: u64, why| {
        if u64::from(value) < least {
            return Err(ConfigError::TooSmall { name, value: u64::from(value), least, why });
        }
        Ok(())
    };
    let byte = "a stream that may carry nothing never ends";
    at_least("stream_window_bytes", limits.stream_window_bytes, 1, byte)?;
    at_least("notification_window_bytes", limits.notification_window_bytes, 1, byte)?;
    at_least("stream_send_buffer_bytes", limits.stream_send_buffer_bytes, 1, byte)?;
    at_least("send_buffer_bytes", limits.send_buffer_bytes, 1, byte)?;
    at_least("max_outbound_calls", limits.max_outbound_calls, 1, "no call could ever be opened")?;
    if limits.max_stream_window_bytes < limits.stream_window_bytes {
        return Err(ConfigError::Contradiction {
            name: "max_stream_window_bytes",
            value: u64::from(limits.max_stream_window_bytes),
            floor: "stream_window_bytes",
            floor_value: u64::from(limits.stream_window_bytes),
            why: "no window may grow to less than it starts with",
        });
    }
    at_least(
        "max_record_bytes",
        limits.max_record_bytes,
        MIN_MAX_RECORD_SIZE,
        "draft-ietf-quic-qmux-02, max_record_size",
    )?;

    let wide = |a: u32, b: u32| u128::from(a) * u128::from(b);
    let notifications = wide(limits.max_inbound_notifications, limits.notification_window_bytes);
    let pool = u128::from(limits.window_pool_bytes);
    if pool != 0 && notifications > pool {
        return Err(ConfigError::WindowSum {
            notifications: limits.max_inbound_notifications,
            window: limits.notification_window_bytes,
            pool: limits.window_pool_bytes,
        });
    }
    let base = wide(limits.max_inbound_calls, limits.stream_window_bytes) + pool.max(notifications);
    let local = wide(limits.max_outbound_calls, limits.stream_window_bytes);
    let too_large = || ConfigError::WindowSumTooLarge {
        inbound: limits.max_inbound_calls,
        outbound: limits.max_outbound_calls,
        window: limits.stream_window_bytes,
        pool: limits.window_pool_bytes,
    };
    if base + local > u128::from(varint::MAX / 2) {
        return Err(too_large());
    }
    check_abuse_budget(limits)?;
    let fits = |sum: u128| u64::try_from(sum).map_err(|_| too_large());
    Ok(Windows { base: fits(base)?, pool: fits(pool.saturating_sub(notifications))? })
}

/// A burst that takes every place and is cancelled must leave a token: at 0 the connection is closed.
fn check_abuse_budget(limits: &Limits) -> Result<(), ConfigError> {
    let (calls, notifications) = (limits.max_inbound_calls, limits.max_inbound_notifications);
    let least = u64::from(GIVEN_UP) * (u64::from(calls) + u64::from(notifications)) + 1;
    if u64::from(limits.abuse_budget) < least {
        return Err(ConfigError::AbuseBudget { budget: limits.abuse_budget, least, calls, notifications });
    }
    Ok(())
}

/// The transport parameters that tell the peer about `limits` (RFC 9000 section 18.2, qmux-02
/// "Transport Parameters").
pub(crate) fn parameters(limits: &Limits, windows: Windows) -> TransportParameters {
    TransportParameters {
        max_idle_timeout_ms: limits
            .idle_timeout
            .map_or(0, |after| u64::try_from(after.as_millis()).unwrap_or(varint::MAX).min(varint::MAX)),
        initial_max_data: windows.base,
        initial_max_stream_data_bidi_local: u64::from(limits.stream_window_bytes),
        initial_max_stream_data_bidi_remote: u64::from(limits.stream_window_bytes),
        initial_max_stream_data_uni: u64::from(limits.notification_window_bytes),
        initial_max_streams_bidi: u64::from(limits.max_inbound_calls),
        initial_max_streams_uni: u64::from(limits.max_inbound_notifications),
        max_datagram_frame_size: u64::from(limits.max_datagram_frame_bytes),
        max_record_size: u64::from(limits.max_record_bytes),
    }
}
