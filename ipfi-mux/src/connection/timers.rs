//! What happens when nothing happens: handshake, pings, idleness, a peer that takes no bytes.

use core::time::Duration;

use ipfi_core::limits::Limits;
use ipfi_core::time::Time;

/// The deadline that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// The peer did not send its transport parameters in time.
    Handshake(Duration),
    /// Nothing was heard for too long.
    Idle(Duration),
    /// A batch made no progress.
    WriteStall(Duration),
    /// It is time for a ping.
    Ping,
}

/// The clocks of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    started: Time,
    /// When the last record came.
    received: Time,
    /// When the last batch was written whole.
    sent: Time,
    /// Since when the pipe has taken nothing of the batch in flight.
    stalled: Option<Time>,
    /// A ping was sent (or is due) since the last record came; when that was looked at last.
    pinged: Option<Time>,
    /// The peer's transport parameters came.
    handshaken: bool,
    handshake_timeout: Duration,
    ping_interval: Option<Duration>,
    idle_timeout: Option<Duration>,
    /// The smaller of both sides' max_idle_timeout.
    negotiated: Option<Duration>,
    write_stall_timeout: Duration,
}

impl Timers {
    /// The clocks at the beginning.
    pub(crate) fn new(limits: &Limits, now: Time) -> Self {
        Self {
            started: now,
            received: now,
            sent: now,
            stalled: None,
            pinged: None,
            handshaken: false,
            handshake_timeout: limits.handshake_timeout,
            ping_interval: limits.ping_interval,
            idle_timeout: limits.idle_timeout,
            negotiated: limits.idle_timeout,
            write_stall_timeout: limits.write_stall_timeout,
        }
    }

    /// The peer's transport parameters came, with this max_idle_timeout. The idle timeout is the
    /// smaller of both, where 0 is none (RFC 9000 section 10.1).
    pub(crate) fn handshaken(&mut self, peer_idle_ms: u64) {
        self.handshaken = true;
        let theirs = (peer_idle_ms > 0).then(|| Duration::from_millis(peer_idle_ms));
        self.negotiated = match (self.idle_timeout, theirs) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        // A peer that gives up sooner than we ping is to be kept awake (RFC 9000 section 10.1.2).
        self.ping_interval = match (self.ping_interval, self.negotiated) {
            (Some(ping), Some(idle)) => Some(ping.min(idle / 2)),
            (ping, _) => ping,
        };
    }

    /// A record came whole (qmux-02 "Idle Timeout").
    pub(crate) fn record_received(&mut self, now: Time) {
        self.received = now;
        self.pinged = None;
    }

    /// Bytes were handed to the driver.
    pub(crate) fn batch_began(&mut self, now: Time) {
        self.stalled.get_or_insert(now);
    }

    /// The pipe took some of them.
    pub(crate) fn write_progress(&mut self, now: Time) {
        if self.stalled.is_some() {
            self.stalled = Some(now);
        }
    }

    /// The pipe took all of them (qmux-02 "Idle Timeout": sent records reset the idle timer too).
    pub(crate) fn transmitted(&mut self, now: Time) {
        if self.stalled.take().is_some() {
            self.sent = now;
        }
    }

    /// Whether a batch is being written.
    pub(crate) fn in_flight(&self) -> bool {
        self.stalled.is_some()
    }

    /// The next deadline.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadlines().into_iter().flatten().map(|(at, _)| at).min()
    }

    /// What has expired by `now`, if anything: a reason to end before a reason to ping.
    pub(crate) fn expired(&mut self, now: Time) -> Option<Expired> {
        let (_, expired) = self.deadlines().into_iter().flatten().find(|(at, _)| *at <= now)?;
        // One ping is enough.
        if expired == Expired::Ping && self.pinged.replace(now).is_some() {
            return None;
        }
        Some(expired)
    }

    fn deadlines(&self) -> [Option<(Time, Expired)>; 4] {
        let stall = self.write_stall_timeout;
        let stall = self.stalled.map(|since| (since + stall, Expired::WriteStall(stall)));
        if !self.handshaken {
            let after = self.handshake_timeout;
            return [Some((self.started + after, Expired::Handshake(after))), stall, None, None];
        }
        // Two idle timers. The draft's restarts with each record that was received or sent whole, and
        // uses the negotiated time; when it expires the peer's has too. Ours counts received records
        // only, since a peer that is gone can still swallow megabytes of what is sent to it.
        let active = self.received.max(self.sent);
        [
            self.idle_timeout.map(|after| (self.received + after, Expired::Idle(after))),
            self.negotiated.map(|after| (active + after, Expired::Idle(after))),
            stall,
            // There is one after a ping too, although none is sent then: the answer may come before it, and the next ping
            // is due an interval after that. A driver sleeps until the deadline that it knows, and reading must not bring one nearer.
            self.ping_interval.map(|after| (self.pinged.unwrap_or(self.received) + after, Expired::Ping)),
        ]
    }
}
