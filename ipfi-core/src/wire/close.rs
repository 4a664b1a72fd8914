//! Ending a wire (clause 5.13), in steps that have names, and what callers see in each:
//!
//! 1. *Drain*: the peer is told GOAWAY; its new calls are refused with REFUSED ("never started, try
//!    elsewhere"); what runs goes on.
//! 2. *Wait*: until nothing runs, or the grace period is over.
//! 3. *Cut*: handlers are dropped with cause `Shutdown`, their callers see SHUTDOWN.
//! 4. *Flush*: every answer that was finished is handed to the carrier.
//! 5. *Close*: the connection ends with SHUTDOWN, or NO_ERROR if nothing was cut or abandoned.

use ::core::future::{Future, poll_fn};
use ::core::pin::Pin;
use ::core::task::Poll;
use ::core::time::Duration;
use std::sync::atomic::Ordering;

use super::core::Gauge;
use super::{Wire, WireCore};
use crate::close_code::CloseCode;

/// What a shutdown did to the calls that were running when it began; those that had ended before are not
/// in it ([`Wire::stats`](super::Wire::stats) counts all).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Calls of the peer that were running and finished within the grace period.
    pub finished: usize,
    /// Calls of the peer that were cut when it was over, or lost to an end of the connection before.
    pub cut: usize,
    /// Calls of the peer that never started: they were refused and may be tried elsewhere.
    pub never_started: usize,
    /// Calls of this side that were still running at the peer when the connection closed.
    pub abandoned: usize,
}

impl ShutdownReport {
    /// Adds up the reports of several wires.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            finished: self.finished + other.finished,
            cut: self.cut + other.cut,
            never_started: self.never_started + other.never_started,
            abandoned: self.abandoned + other.abandoned,
        }
    }
}

impl Wire {
    /// Ends the wire in order: no new calls, `grace` for the running ones, then they are cut and the
    /// connection closes: with SHUTDOWN if something was cut or abandoned, else with NO_ERROR. Bounded by
    /// `grace` plus twice the limit `status_grace` (for what is cut to let go, and for the last bytes).
    /// Dropped, it leaves the wire draining; a second call takes it up again.
    pub async fn shutdown(&self, grace: Duration) -> ShutdownReport {
        let core = self.core();
        let refused_before = core.counters().calls_in_refused.load(Ordering::Relaxed);
        let running = core.inbound().running();
        let lost_before = core.lost();
        core.draining.set(());
        let ours = Some(core.outbound());
        until_idle(core, grace, ours).await;
        // Some may have ended with the connection, others be about to.
        let cut = core.inbound().running() + core.lost().saturating_sub(lost_before);
        let abandoned = core.outbound().running();
        if cut > 0 || core.notifications().running() > 0 {
            core.cut.set(());
            // The cut handlers must be polled once more to let go. Our own calls will not end by it.
            until_idle(core, core.limits().status_grace, None).await;
        }
        let code = if cut == 0 && abandoned == 0 { CloseCode::NO_ERROR } else { CloseCode::SHUTDOWN };
        core.closing.set((code, "".into()));
        core.closed().wait().await;
        let refused = core.counters().calls_in_refused.load(Ordering::Relaxed) - refused_before;
        ShutdownReport {
            finished: running.saturating_sub(cut),
            cut,
            never_started: usize::try_from(refused).unwrap_or(usize::MAX),
            abandoned,
        }
    }
}

/// Until no call or notification of the peer runs, and none of `ours`, the connection ends, or `limit`
/// is over.
async fn until_idle(core: &WireCore, limit: Duration, ours: Option<&Gauge>) {
    let mut sleep = core.runtime().sleep_until(core.runtime().now() + limit);
    let mut closed = core.closed().wait();
    poll_fn(|cx| {
        // All are asked, so that each knows whom to wake.
        let gauges = [Some(core.inbound()), Some(core.notifications()), ours];
        let busy = gauges.into_iter().flatten().filter(|gauge| gauge.poll_idle(cx).is_pending()).count();
        let over = Pin::new(&mut closed).poll(cx).is_ready() || sleep.as_mut().poll(cx).is_ready();
        if over || busy == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
