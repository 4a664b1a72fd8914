//! The deadlines of all calls of a wire behind one timer.
//!
//! A timer per call would cost more than many a call. Deadlines are rounded up to a coarse grain (a
//! 64th of the timeout, from 1 ms to 250 ms) and share a bucket with all that round to the same; one
//! task per wire sleeps until the earliest bucket. Setting and clearing a deadline touches one bucket.

use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::PoisonError;

use slab::Slab;

use crate::runtime::{Runtime, Sleep};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Time;

/// Empty buckets are kept up to this many, so that one call after the other does not allocate;
/// more are removed, so that a peer that varies its timeouts cannot fill the map.
const KEPT_BUCKETS: usize = 64;

const FINEST_MICROS: u64 = 1_000;
const COARSEST_MICROS: u64 = 250_000;

/// All deadlines of one wire.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    buckets: BTreeMap<Time, Bucket>,
    /// The serial of the next bucket.
    next_serial: u64,
    /// The time that the sleeping task will look again; `None` when it is not sleeping.
    armed: Option<Time>,
    /// The task that runs [`Deadlines::poll_expire`].
    sleeper: Option<Waker>,
}

#[derive(Debug)]
struct Bucket {
    /// Tells a bucket from an earlier one of the same time, so that a place in the earlier one
    /// cannot clear a place in this one.
    serial: u64,
    wakers: Slab<Waker>,
}

/// A place in a bucket: gives it back by [`Deadlines::clear`].
#[derive(Debug)]
pub(crate) struct DeadlineKey {
    bucket: Time,
    serial: u64,
    slot: usize,
}

/// When a call must be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    at: Time,
    /// How long it was given: for the grain, and for whoever is told that it was too short.
    timeout_micros: u64,
}

impl Deadline {
    /// `timeout` from `now`.
    pub(crate) fn after(now: Time, timeout: Duration) -> Self {
        let timeout_micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
        Self { at: now + timeout, timeout_micros }
    }

    /// The end of the bucket that wakes it.
    fn bucket(self) -> Time {
        let grain = (self.timeout_micros / 64).clamp(FINEST_MICROS, COARSEST_MICROS);
        Time::from_micros(self.at.as_micros().div_ceil(grain).saturating_mul(grain))
    }

    pub(crate) fn timeout(self) -> Duration {
        Duration::from_micros(self.timeout_micros)
    }

    pub(crate) fn at(self) -> Time {
        self.at
    }
}

impl Deadlines {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes `waker` when `deadline` has passed, unless cleared before. `key` is the place of an
    /// earlier call for the same deadline, which is reused.
    pub(crate) fn watch(&self, deadline: Deadline, key: &mut Option<DeadlineKey>, waker: &Waker) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(key) = key {
            let bucket = state.buckets.get_mut(&key.bucket).filter(|bucket| bucket.serial == key.serial);
            if let Some(slot) = bucket.and_then(|bucket| bucket.wakers.get_mut(key.slot)) {
                slot.clone_from(waker);
                return;
            }
        }
        let at = deadline.bucket();
        let bucket = state.buckets.entry(at).or_insert_with(|| {
            state.next_serial += 1;
            Bucket { serial: state.next_serial, wakers: Slab::new() }
        });
        let slot = bucket.wakers.insert(waker.clone());
        *key = Some(DeadlineKey { bucket: at, serial: bucket.serial, slot });
        let earlier = state.armed.is_none_or(|armed| at < armed);
        let sleeper = if earlier { state.sleeper.take() } else { None };
        drop(guard);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Gives a place back.
    pub(crate) fn clear(&self, key: DeadlineKey) {
        let mut state = self.lock();
        let buckets = state.buckets.len();
        let bucket = state.buckets.get_mut(&key.bucket).filter(|bucket| bucket.serial == key.serial);
        if let Some(bucket) = bucket {
            bucket.wakers.try_remove(key.slot);
            if bucket.wakers.is_empty() && buckets > KEPT_BUCKETS {
                state.buckets.remove(&key.bucket);
            }
        }
    }

    /// Wakes what is due and sleeps until the next; never ready. One task runs this.
    pub(crate) fn poll_expire(
        &self,
        cx: &mut Context<'_>,
        runtime: &dyn Runtime,
        sleep: &mut Option<Sleep>,
    ) -> Poll<()> {
        loop {
            let mut due = Vec::new();
            let next = {
                let mut state = self.lock();
                // Most polls have another reason: the clock is read only when a sleep has ended or
                // must begin.
                let asleep = sleep.is_some() && state.armed.is_some();
                let earliest = state.buckets.keys().next().copied();
                let rearm = match (earliest, state.armed) {
                    (Some(earliest), Some(armed)) => earliest < armed,
                    (Some(_), None) => true,
                    (None, _) => false,
                };
                if asleep && !rearm {
                    state.armed
                } else if earliest.is_some() {
                    let now = runtime.now();
                    while let Some(entry) = state.buckets.first_entry() {
                        if *entry.key() > now {
                            break;
                        }
                        due.extend(entry.remove().wakers.into_iter().map(|(_, waker)| waker));
                    }
                    let next = state.buckets.keys().next().copied();
                    state.armed = next;
                    *sleep = next.map(|at| runtime.sleep_until(at));
                    next
                } else {
                    state.armed = None;
                    *sleep = None;
                    None
                }
            };
            due.into_iter().for_each(Waker::wake);
            if let Some(timer) = sleep.as_mut().filter(|_| next.is_some())
                && timer.as_mut().poll(cx).is_ready()
            {
                *sleep = None;
                self.lock().armed = None;
                continue;
            }
            let mut state = self.lock();
            // A deadline set between the two locks found no sleeper to wake: look again.
            let missed = match (state.buckets.keys().next(), state.armed) {
                (Some(earliest), Some(armed)) => *earliest < armed,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if missed {
                continue;
            }
            match &mut state.sleeper {
                Some(sleeper) => sleeper.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
    }
}

#[cfg(test)]
mod tests;
