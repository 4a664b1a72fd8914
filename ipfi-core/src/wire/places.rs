//! Places for calls of this side: no more of them are open than both sides allow, the rest wait in line.

use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::core::Gauge;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// Who waits for a place. Calls that find one at once never touch the lock: the gauge of running calls
/// counts those that wait, too, so that nobody overtakes them.
#[derive(Debug, Default)]
pub(crate) struct Places {
    tickets: AtomicU64,
    /// By ticket: first come, first served.
    waiting: Mutex<BTreeMap<u64, Waker>>,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when a call that `gauge` already counts may open its stream. `ticket` keeps its place in
    /// line; whoever gives up hands it to [`leave`](Self::leave).
    pub(crate) fn poll_enter(
        &self,
        cx: &Context<'_>,
        gauge: &Gauge,
        limit: impl Fn() -> usize,
        ticket: &mut Option<u64>,
    ) -> Poll<()> {
        if ticket.is_none() && gauge.running() <= limit() {
            return Poll::Ready(());
        }
        let mut waiting = self.lock();
        let ticket_now = *ticket.get_or_insert_with(|| self.tickets.fetch_add(1, Ordering::Relaxed));
        waiting.insert(ticket_now, cx.waker().clone());
        // All that run and do not wait have a place, or are about to wait.
        let open = gauge.running().saturating_sub(waiting.len());
        let first = waiting.first_key_value().is_none_or(|(first, _)| *first == ticket_now);
        // It may have been raised before this one was in line.
        if open >= limit() {
            return Poll::Pending;
        }
        if !first {
            // Whoever is first may have counted this call among the open ones: it was on its way here.
            self.wake_first(waiting);
            return Poll::Pending;
        }
        waiting.remove(&ticket_now);
        *ticket = None;
        self.wake_first(waiting);
        Poll::Ready(())
    }

    /// Gives up a place in line.
    pub(crate) fn leave(&self, ticket: u64) {
        let mut waiting = self.lock();
        waiting.remove(&ticket);
        self.wake_first(waiting);
    }

    /// A call has ended, and there was more than one for each place.
    pub(crate) fn freed(&self) {
        self.wake_first(self.lock());
    }

    /// Lets the first in line look again.
    fn wake_first(&self, waiting: MutexGuard<'_, BTreeMap<u64, Waker>>) {
        let first = waiting.first_key_value().map(|(_, waker)| waker.clone());
        drop(waiting);
        if let Some(waker) = first {
            waker.wake();
        }
    }
}
