//! Who is to be woken when: the timers of the drivers that have no runtime of somebody else's.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::sync::Arc;

use ipfi_core::time::Time;

#[cfg(test)]
mod tests;

/// Wakers in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Timers {
    wakers: BTreeMap<TimerKey, Waker>,
    serial: u64,
}

/// A place among the timers. The serial number tells apart what is due at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimerKey(Time, u64);

impl Timers {
    /// Wakes `waker` at `at`.
    pub(super) fn insert(&mut self, at: Time, waker: Waker) -> TimerKey {
        self.serial += 1;
        let key = TimerKey(at, self.serial);
        self.wakers.insert(key, waker);
        key
    }

    /// Wakes another waker instead; false when the timer has gone off.
    pub(super) fn replace(&mut self, key: TimerKey, waker: &Waker) -> bool {
        match self.wakers.get_mut(&key) {
            Some(held) => {
                held.clone_from(waker);
                true
            }
            None => false,
        }
    }

    /// Wakes nobody for `key` any more.
    pub(super) fn remove(&mut self, key: TimerKey) {
        self.wakers.remove(&key);
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.wakers.first_key_value().map(|(TimerKey(at, _), _)| *at)
    }

    /// Takes those that are due, to be woken once no lock is held.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(first) = self.wakers.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }
}

/// A clock with timers on it.
pub(super) trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Time;

    /// Does something with the timers. One that is added may be the first: the clock notices.
    fn with_timers<T>(&self, work: impl FnOnce(&mut Timers) -> T) -> T;
}

/// Ready at a time of its clock.
pub(super) struct SleepUntil<C: Clock> {
    clock: Arc<C>,
    at: Time,
    key: Option<TimerKey>,
}

impl<C: Clock> SleepUntil<C> {
    pub(super) fn new(clock: Arc<C>, at: Time) -> Self {
        Self { clock, at, key: None }
    }
}

impl<C: Clock> Future for SleepUntil<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.at {
            return Poll::Ready(());
        }
        let (at, held) = (self.at, self.key);
        let key = self.clock.with_timers(|timers| match held {
            Some(key) if timers.replace(key, cx.waker()) => key,
            _ => timers.insert(at, cx.waker().clone()),
        });
        self.key = Some(key);
        Poll::Pending
    }
}

impl<C: Clock> Drop for SleepUntil<C> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.with_timers(|timers| timers.remove(key));
        }
    }
}
