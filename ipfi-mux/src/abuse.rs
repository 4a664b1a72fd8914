//! The abuse budget: tokens that costly or useless frames spend and useful work earns back.
//!
//! Each flood that has a CVE (rapid reset CVE-2023-44487, ping CVE-2019-9512, empty frames
//! RUSTSEC-2026-0258, reset queues CVE-2019-9514) consists of frames that are legal one by one. Counting
//! each kind apart needs a limit for each and hurts honest traffic (h2 needed three releases to get its
//! refunds right), so there is one budget for all (clause 13.4):
//!
//! | event | tokens |
//! |---|--:|
//! | a ping; a run of PADDING; an empty STREAM frame without FIN; an empty datagram that is dropped | -1 |
//! | a MAX_* that raises nothing; a BLOCKED that is untrue or repeated; a frame without effect | -1 |
//! | a frame for a stream that is closed | -1 |
//! | RESET_STREAM or STOP_SENDING of the peer's stream before a byte was sent on it | -2, and 1 back when it is let go |
//! | the same once it was open for 100 ms, where the driver tells the time | 0 |
//! | 1024 bytes of useful payload, either way | +1 |
//! | a stream that ends otherwise, whoever opened it | +8 |
//! | a second, where the driver tells the time | +10 |
//!
//! Free are: bytes within credit on a stream that this side has stopped, a RESET_STREAM that answers our
//! STOP_SENDING, a call that its caller detaches (it runs on), a BLOCKED that is true (it has been paid for in
//! bytes), small frames that carry something (those are copied together, bounded by credit, and what an honest
//! producer of small items sends), and datagrams that are lost because they come faster than they are taken,
//! as they may.
//! The budget never rises above `abuse_budget`; at 0 the connection is closed.
//!
//! **Calls that are given up** (`docs/protocol.md` 13.5). Whether a handler had started is not asked: a flood of
//! calls that are cancelled while they run (rapid reset, CVE-2023-44487) costs more work than one of calls that
//! nobody saw. What tells it from honest traffic is that nothing comes of it.
//!
//! Half of the cost is a deposit, given back once the stream was let go. The peer can have no more such calls
//! than it has places, which come back no sooner; so the cost, times the places of the default limits, is
//! less than the budget, and not even a burst that takes every place ends the connection. The other half makes
//! a flood of nothing but such calls end it after a thousand. At 8 each, the 125th cancelled call ended all
//! others on its connection.
//!
//! Who cancels often is honest too: a search at each key, a request hedged to several servers. So each call
//! that runs to its end pays for eight that do not; more would not be worth counting, since an attacker who
//! completes a ninth of its calls does most of that work itself. And a call that was waited for is not part
//! of a *rapid* reset: after 100 ms giving it up is free, because the places bound such calls to ten a second
//! each. Otherwise a callee that stands still for a moment would, once it goes on, end the connections of all
//! callers whose deadlines have passed meanwhile.
//!
//! What a caller makes this side give up, by a breach or a timeout, looks like any status here: the layer that runs the
//! handlers charges it (clause 13.4).
//!
//! What we send earns as much as what we receive, because both provoke honest frames without effect: a
//! MAX_STREAM_DATA (at most four for each window) or a STOP_SENDING may cross the end of the stream.

use core::time::Duration;

use ipfi_core::close_code::TransportCode;
use ipfi_core::time::Time;

use crate::violation::Violation;

/// Useful payload that earns one token.
const BYTES_PER_TOKEN: u64 = 1024;

/// Time that earns one token.
const MICROS_PER_TOKEN: u64 = 100_000;

/// What the peer pays for giving a stream up before it got anything; half of it comes back when the stream
/// is let go.
pub const GIVEN_UP: u8 = 2;

/// What a stream earns that was not given up.
pub const COMPLETED: u8 = 8;

/// Giving a stream up is free once it was open for so long.
pub const LONG_RUN: Duration = Duration::from_millis(100);

/// The budget of one connection.
#[derive(Clone, Copy, Debug)]
pub struct AbuseBudget {
    limit: u32,
    tokens: u32,
    /// Useful bytes that have not made a token yet.
    bytes: u64,
    /// Up to when time has been turned into tokens.
    refilled: Time,
}

impl AbuseBudget {
    /// A full budget of `limit` tokens.
    pub fn new(limit: u32, now: Time) -> Self {
        Self { limit, tokens: limit, bytes: 0, refilled: now }
    }

    /// Tokens left.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    /// Whether nothing can be earned.
    pub fn is_full(&self) -> bool {
        self.tokens == self.limit
    }

    /// Spends `tokens` because of `what`.
    ///
    /// # Errors
    ///
    /// The violation with which the connection is to be closed, when none are left.
    pub fn spend(&mut self, tokens: u32, what: &'static str) -> Result<(), Violation> {
        self.tokens = self.tokens.saturating_sub(tokens);
        if self.tokens > 0 {
            return Ok(());
        }
        // RFC 9000 section 21.9 and qmux-02 "Denial of Service" permit treating such patterns as a
        // connection error and name no code.
        Err(Violation::new(
            TransportCode::PROTOCOL_VIOLATION,
            format!(
                "enhance your calm: too many frames that cost work and bring nothing, the last {what} \
                 (abuse_budget = {})",
                self.limit
            ),
        ))
    }

    /// Useful payload came or left.
    #[inline]
    pub fn payload(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if self.bytes >= BYTES_PER_TOKEN {
            self.earn(self.bytes / BYTES_PER_TOKEN);
            self.bytes %= BYTES_PER_TOKEN;
        }
    }

    /// A stream is over and has earned so much.
    pub fn stream_ended(&mut self, earns: u8) {
        self.earn(u64::from(earns));
    }

    /// Time passed, if the driver tells it.
    pub fn time(&mut self, now: Time) {
        let tokens = now.as_micros().saturating_sub(self.refilled.as_micros()) / MICROS_PER_TOKEN;
        self.earn(tokens);
        self.refilled = Time::from_micros(self.refilled.as_micros() + tokens * MICROS_PER_TOKEN);
    }

    fn earn(&mut self, tokens: u64) {
        let room = self.limit - self.tokens;
        self.tokens += u32::try_from(tokens).unwrap_or(u32::MAX).min(room);
    }
}

#[cfg(test)]
mod tests;
