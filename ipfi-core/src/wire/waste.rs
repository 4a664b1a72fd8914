//! What handlers have begun for the peer and were not let finish, by what it sent: the part of the abuse budget that no
//! carrier can see (clause 13.4).
//!
//! A caller that resets its call is charged by the carrier, which counts frames. The same is had without a reset: by a
//! request that breaks a rule once its handler runs, or by a timeout in which no handler can answer (CVE-2025-8671,
//! MadeYouReset). There it is the callee that ends the call, and only it knows that a handler had begun.

use core::time::Duration;
use std::sync::PoisonError;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Time;

/// What a call that was made to fail costs. Half of what the carrier takes for one that was given up, which gives half of
/// it back when the handler is gone; here it is gone.
const COST: u32 = 1;

/// What a call earns that ran to its end.
const EARNS: u32 = 8;

/// Time that earns one token.
const MICROS_PER_TOKEN: u64 = 100_000;

/// A call that was open for so long is none of a flood: there are only so many places.
pub(crate) const LONG_RUN: Duration = Duration::from_millis(100);

/// What is spent of the budget. Nearly always nothing, and nobody takes the lock.
#[derive(Debug, Default)]
pub(crate) struct Waste {
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    spent: u32,
    /// Up to when time was turned into tokens.
    refilled: Time,
}

impl Waste {
    /// One more handler ran in vain. Whether that was one too many for `budget`.
    pub(crate) fn charge(&self, now: Time, budget: u32) -> bool {
        let mut state = self.lock();
        let tokens = now.as_micros().saturating_sub(state.refilled.as_micros()) / MICROS_PER_TOKEN;
        let earned = u32::try_from(tokens).unwrap_or(u32::MAX);
        state.spent = state.spent.saturating_sub(earned).saturating_add(COST);
        state.refilled = Time::from_micros(state.refilled.as_micros() + tokens * MICROS_PER_TOKEN);
        self.any.store(true, Ordering::Relaxed);
        state.spent >= budget
    }

    /// A call ran to its end.
    #[inline]
    pub(crate) fn earn(&self) {
        if self.any.load(Ordering::Relaxed) {
            let mut state = self.lock();
            state.spent = state.spent.saturating_sub(EARNS);
            self.any.store(state.spent > 0, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
