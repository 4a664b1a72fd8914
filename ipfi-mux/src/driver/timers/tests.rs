use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counting() -> (Arc<Count>, Waker) {
    let count = Arc::<Count>::default();
    (Arc::clone(&count), Waker::from(count))
}

fn at(micros: u64) -> Time {
    Time::from_micros(micros)
}

#[test]
fn what_is_due_is_taken_once_and_in_order_and_the_rest_stays() {
    let mut timers = Timers::default();
    let (early, early_waker) = counting();
    let (late, late_waker) = counting();
    timers.insert(at(20), late_waker);
    timers.insert(at(10), early_waker.clone());
    timers.insert(at(10), early_waker);
    assert_eq!(timers.next(), Some(at(10)));
    assert!(timers.take_due(at(9)).is_empty());
    timers.take_due(at(10)).into_iter().for_each(Waker::wake);
    assert_eq!((early.0.load(Ordering::Relaxed), late.0.load(Ordering::Relaxed)), (2, 0));
    assert_eq!(timers.next(), Some(at(20)));
    assert!(timers.take_due(at(19)).is_empty());
    assert_eq!(timers.take_due(at(30)).len(), 1);
    assert_eq!(timers.next(), None);
}

#[test]
fn a_timer_wakes_the_last_waker_it_was_given_and_nobody_once_removed() {
    let mut timers = Timers::default();
    let (first, first_waker) = counting();
    let (second, second_waker) = counting();
    let key = timers.insert(at(5), first_waker.clone());
    assert!(timers.replace(key, &second_waker));
    let removed = timers.insert(at(5), first_waker.clone());
    timers.remove(removed);
    timers.take_due(at(5)).into_iter().for_each(Waker::wake);
    assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (0, 1));
    assert!(!timers.replace(key, &first_waker), "it has gone off");
}
