//! A value that is set once and that any number of tasks wait for, on any runtime or none.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, PoisonError};

use slab::Slab;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// Set once, seen by all. Cheap to clone.
#[derive(Debug)]
pub(crate) struct Signal<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    /// The value is there: asked on every call, without the lock.
    set: AtomicBool,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    waiters: Slab<Waker>,
}

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Signal<T> {
    pub(crate) fn new() -> Self {
        let state = Mutex::new(State { value: None, waiters: Slab::new() });
        Self(Arc::new(Shared { set: AtomicBool::new(false), state }))
    }

    /// The lock is held for a few moves only and nothing in between can panic.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the value and wakes everybody; later values are ignored. Says whether this one was first.
    pub(crate) fn set(&self, value: T) -> bool {
        let waiters = {
            let mut state = self.lock();
            if state.value.is_some() {
                return false;
            }
            state.value = Some(value);
            self.0.set.store(true, Ordering::Release);
            core::mem::take(&mut state.waiters)
        };
        // Outside the lock: a waker may run arbitrary code.
        for (_, waker) in waiters {
            waker.wake();
        }
        true
    }

    /// Whether there is a value.
    pub(crate) fn is_set(&self) -> bool {
        self.0.set.load(Ordering::Acquire)
    }

    pub(crate) fn get(&self) -> Option<T> {
        if self.is_set() { self.lock().value.clone() } else { None }
    }

    /// A future of the value. Dropped, it is forgotten.
    pub(crate) fn wait(&self) -> Wait<T> {
        Wait { signal: self.clone(), key: None, waker: None }
    }
}

/// Waits for a [`Signal`].
#[derive(Debug)]
pub(crate) struct Wait<T> {
    signal: Signal<T>,
    /// The place among those who wait, and who is woken there.
    key: Option<usize>,
    waker: Option<Waker>,
}

impl<T: Clone> Future for Wait<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        // Asked again and again by a task that waits for much else: without the lock, if nothing is new.
        if this.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) && !this.signal.is_set() {
            return Poll::Pending;
        }
        let mut state = this.signal.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = &state.value {
            // All waiters were taken when the value was set.
            this.key = None;
            return Poll::Ready(value.clone());
        }
        match this.key {
            Some(key) => state.waiters[key].clone_from(cx.waker()),
            None => this.key = Some(state.waiters.insert(cx.waker().clone())),
        }
        this.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> Drop for Wait<T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut state = self.signal.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.value.is_none() {
                state.waiters.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
