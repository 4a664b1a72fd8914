//! A signal: set once, seen by all who wait, forgotten by those who no longer do.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use super::{Signal, Wait};

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    fn woken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn poll(wait: &mut Wait<u32>, counter: &Arc<Counter>) -> Poll<u32> {
    Pin::new(wait).poll(&mut Context::from_waker(&Waker::from(Arc::clone(counter))))
}

fn waiting(signal: &Signal<u32>) -> usize {
    signal.lock().waiters.len()
}

#[test]
fn setting_wakes_everybody_once_and_only_the_first_value_counts() {
    let signal = Signal::new();
    let counters: Vec<Arc<Counter>> = (0..5).map(|_| Arc::default()).collect();
    let mut waits: Vec<_> = counters.iter().map(|_| signal.wait()).collect();
    for (wait, counter) in waits.iter_mut().zip(&counters) {
        assert!(poll(wait, counter).is_pending());
    }
    assert!(signal.set(7));
    assert!(!signal.set(8));
    assert_eq!(signal.get(), Some(7));
    for (wait, counter) in waits.iter_mut().zip(&counters) {
        assert_eq!(counter.woken(), 1);
        assert_eq!(poll(wait, counter), Poll::Ready(7));
        assert_eq!(poll(wait, counter), Poll::Ready(7), "ready for as long as it is asked");
    }
    assert_eq!(waiting(&signal), 0);
}

#[test]
fn who_comes_late_is_ready_at_once() {
    let signal = Signal::new();
    let clone = signal.clone();
    let mut early = signal.wait();
    clone.set(1);
    let counter = Arc::default();
    assert_eq!(poll(&mut early, &counter), Poll::Ready(1), "never polled before");
    assert_eq!(poll(&mut signal.wait(), &counter), Poll::Ready(1));
    assert_eq!(counter.woken(), 0);
}

#[test]
fn a_waiter_that_is_dropped_is_forgotten_and_not_woken() {
    let signal = Signal::new();
    let (dropped, kept) = (Arc::default(), Arc::default());
    let (mut gone, mut stays) = (signal.wait(), signal.wait());
    assert!(poll(&mut gone, &dropped).is_pending());
    assert!(poll(&mut stays, &kept).is_pending());
    drop(gone);
    assert_eq!(waiting(&signal), 1);
    // Its place is used again, by somebody else.
    let next = Arc::default();
    let mut third = signal.wait();
    assert!(poll(&mut third, &next).is_pending());
    signal.set(1);
    assert_eq!((dropped.woken(), kept.woken(), next.woken()), (0, 1, 1));
    // Dropping after the value was set touches no place of anybody.
    drop((stays, third));
    assert_eq!(waiting(&signal), 0);
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let signal = Signal::new();
    let (first, second) = (Arc::default(), Arc::default());
    let mut wait = signal.wait();
    assert!(poll(&mut wait, &first).is_pending());
    assert!(poll(&mut wait, &second).is_pending());
    assert_eq!(waiting(&signal), 1);
    signal.set(1);
    assert_eq!((first.woken(), second.woken()), (0, 1));
}

/// A waker that asks the signal, and lets a waiter go, from inside `wake`.
struct Nosy(Signal<u32>);

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        assert_eq!(self.0.get(), Some(3));
        drop(self.0.wait());
    }
}

#[test]
fn a_waker_may_use_the_signal_that_wakes_it() {
    let signal = Signal::new();
    let mut wait = signal.wait();
    let waker = Waker::from(Arc::new(Nosy(signal.clone())));
    assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(signal.set(3));
}

#[test]
fn many_threads_that_wait_all_hear_of_it() {
    let signal = Signal::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let signal = signal.clone();
            scope.spawn(move || {
                for _ in 0..1000 {
                    let mut wait = signal.wait();
                    let counter = Arc::new(Counter::default());
                    if poll(&mut wait, &counter).is_pending() {
                        // Either it is forgotten, or it was woken.
                        drop(wait);
                    }
                }
                let (mut wait, counter) = (signal.wait(), Arc::new(Counter::default()));
                while poll(&mut wait, &counter).is_pending() {
                    std::thread::yield_now();
                }
            });
        }
        signal.set(9);
    });
    assert_eq!(waiting(&signal), 0);
}
