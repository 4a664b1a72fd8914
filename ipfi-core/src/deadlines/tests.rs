//! Deadlines against a clock that stands still until it is told: who is woken, when, and who is not.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::task::Wake;

use super::{Deadline, DeadlineKey, Deadlines, KEPT_BUCKETS};
use crate::runtime::{Runtime, Sleep, Task};
use crate::time::Time;

#[derive(Clone, Default)]
struct Clock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Time,
    sleepers: Vec<(Time, Waker)>,
    /// How often the clock was read.
    reads: usize,
}

impl Clock {
    fn advance(&self, to: Time) {
        let due: Vec<_> = {
            let mut state = self.0.lock().expect("no test panics with it");
            state.now = to;
            state.sleepers.extract_if(.., |(at, _)| *at <= to).collect()
        };
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn reads(&self) -> usize {
        self.0.lock().expect("no test panics with it").reads
    }
}

impl Runtime for Clock {
    fn spawn(&self, task: Task) {
        drop(task);
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        drop(work);
    }

    fn now(&self) -> Time {
        let mut state = self.0.lock().expect("no test panics with it");
        state.reads += 1;
        state.now
    }

    fn sleep_until(&self, at: Time) -> Sleep {
        Box::pin(Until { clock: self.clone(), at })
    }
}

struct Until {
    clock: Clock,
    at: Time,
}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.0.lock().expect("no test panics with it");
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.sleepers.push((self.at, cx.waker().clone()));
        Poll::Pending
    }
}

/// A task that only counts how often it was woken.
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

/// Deadlines, their clock, and the task that serves them: it runs when it was woken, as an executor
/// would have it.
#[derive(Default)]
struct Bench {
    deadlines: Deadlines,
    clock: Clock,
    server: Arc<Counter>,
    served: usize,
    sleep: Option<Sleep>,
}

/// One call that waits.
struct Watcher {
    deadline: Deadline,
    key: Option<DeadlineKey>,
    counter: Arc<Counter>,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self::default();
        bench.poll();
        bench
    }

    fn poll(&mut self) {
        let waker = Waker::from(Arc::clone(&self.server));
        let mut cx = Context::from_waker(&waker);
        assert!(self.deadlines.poll_expire(&mut cx, &self.clock, &mut self.sleep).is_pending());
    }

    /// Runs the serving task as often as it was woken.
    fn run(&mut self) {
        while self.served < self.server.woken() {
            self.served = self.server.woken();
            self.poll();
        }
    }

    fn watch(&mut self, micros: u64) -> Watcher {
        let now = self.clock.now();
        let deadline = Deadline::after(now, Duration::from_micros(micros));
        let mut watcher = Watcher { deadline, key: None, counter: Arc::default() };
        self.rewatch(&mut watcher);
        watcher
    }

    fn rewatch(&mut self, watcher: &mut Watcher) {
        let waker = Waker::from(Arc::clone(&watcher.counter));
        self.deadlines.watch(watcher.deadline, &mut watcher.key, &waker);
        self.run();
    }

    fn clear(&mut self, watcher: &mut Watcher) {
        self.deadlines.clear(watcher.key.take().expect("it watches"));
        self.run();
    }

    fn advance_to(&mut self, micros: u64) {
        self.clock.advance(Time::from_micros(micros));
        self.run();
    }

    fn buckets(&self) -> usize {
        self.deadlines.lock().buckets.len()
    }
}

#[test]
fn every_deadline_wakes_once_in_its_order_and_never_early() {
    let mut bench = Bench::new();
    let mut watchers: Vec<_> = [7_000, 3_000, 5_000, 3_000, 1_000].map(|micros| bench.watch(micros)).into();
    watchers.sort_by_key(|watcher| watcher.deadline.at());
    for millis in 0..10_u64 {
        bench.advance_to(millis * 1000);
        for watcher in &watchers {
            let due = watcher.deadline.at() <= Time::from_micros(millis * 1000);
            assert_eq!(watcher.counter.woken(), usize::from(due), "{:?} at {millis} ms", watcher.deadline);
        }
    }
    assert_eq!(bench.buckets(), 0);
}

#[test]
fn an_earlier_deadline_wakes_the_sleeper_and_a_later_one_does_not() {
    let mut bench = Bench::new();
    let before = bench.server.woken();
    let late = bench.watch(60_000_000);
    assert_eq!(bench.server.woken(), before + 1, "nothing was armed");
    let later = bench.watch(90_000_000);
    assert_eq!(bench.server.woken(), before + 1, "it sleeps until before that");
    let early = bench.watch(2_000);
    assert_eq!(bench.server.woken(), before + 2);
    bench.advance_to(2_000);
    assert_eq!([&early, &late, &later].map(|watcher| watcher.counter.woken()), [1, 0, 0]);
    bench.advance_to(60_000_000);
    assert_eq!([&early, &late, &later].map(|watcher| watcher.counter.woken()), [1, 1, 0]);
    bench.advance_to(90_000_000);
    assert_eq!(later.counter.woken(), 1);
}

#[test]
fn a_deadline_set_before_the_first_poll_or_between_two_is_not_missed() {
    let mut bench = Bench::default();
    let counter = Arc::new(Counter::default());
    let mut key = None;
    let deadline = Deadline::after(Time::ZERO, Duration::from_millis(5));
    bench.deadlines.watch(deadline, &mut key, &Waker::from(Arc::clone(&counter)));
    bench.poll();
    bench.advance_to(5_000);
    assert_eq!(counter.woken(), 1);
    // One that is set when it has passed already wakes with the next turn of the server.
    let mut past = Watcher { deadline, key: None, counter: Arc::default() };
    bench.rewatch(&mut past);
    assert_eq!(past.counter.woken(), 1);
}

#[test]
fn a_cleared_deadline_wakes_nobody() {
    let mut bench = Bench::new();
    let (mut cleared, kept) = (bench.watch(3_000), bench.watch(3_000));
    bench.clear(&mut cleared);
    bench.advance_to(10_000);
    assert_eq!((cleared.counter.woken(), kept.counter.woken()), (0, 1));
}

#[test]
fn watching_again_keeps_the_place_and_wakes_only_the_last_waker() {
    let mut bench = Bench::new();
    let mut watcher = bench.watch(3_000);
    let first = core::mem::take(&mut watcher.counter);
    bench.rewatch(&mut watcher);
    assert_eq!(bench.deadlines.lock().buckets.values().map(|bucket| bucket.wakers.len()).sum::<usize>(), 1);
    bench.advance_to(3_000);
    assert_eq!((first.woken(), watcher.counter.woken()), (0, 1));
}

#[test]
fn a_place_in_a_bucket_that_has_gone_neither_wakes_nor_clears_another() {
    let mut bench = Bench::new();
    let mut old = bench.watch(3_000);
    bench.advance_to(3_000);
    assert_eq!(old.counter.woken(), 1);
    // A bucket of the same time, made anew, with the same slot: set by hand, because time only goes on.
    let new = Watcher { deadline: old.deadline, key: None, counter: Arc::default() };
    let mut key = None;
    bench.deadlines.watch(new.deadline, &mut key, &Waker::from(Arc::clone(&new.counter)));
    let (stale, fresh) = (old.key.as_ref().expect("it watched"), key.as_ref().expect("it watches"));
    assert_eq!((stale.bucket, stale.slot), (fresh.bucket, fresh.slot), "or this tests nothing");
    bench.clear(&mut old);
    bench.run();
    assert_eq!(new.counter.woken(), 1, "the stale key has not cleared it");
    // And a stale key that watches again gets a place of its own.
    let mut again = Watcher { deadline: new.deadline, key, counter: Arc::default() };
    bench.rewatch(&mut again);
    assert_eq!(again.counter.woken(), 1);
}

#[test]
fn buckets_do_not_pile_up_whatever_timeouts_a_peer_sends() {
    let mut bench = Bench::new();
    for n in 0..10_000_u64 {
        let mut watcher = bench.watch(1_000_000 + n * 20_000);
        bench.clear(&mut watcher);
        assert!(bench.buckets() <= KEPT_BUCKETS + 1, "{} buckets after {n}", bench.buckets());
    }
    let mut held: Vec<_> = (0..1000_u64).map(|n| bench.watch(1_000_000 + n * 300_000)).collect();
    held.iter_mut().for_each(|watcher| bench.clear(watcher));
    assert!(bench.buckets() <= KEPT_BUCKETS + 1, "{} buckets", bench.buckets());
}

#[test]
fn a_bucket_is_never_before_its_deadline_and_little_after() {
    for micros in [0, 1, 999, 1_000, 1_001, 63_999, 64_000, 1_000_000, 16_000_000, 3_600_000_000, u64::MAX] {
        for now in [0, 1, 123_456_789, u64::MAX - 5] {
            let timeout = Duration::from_micros(micros);
            let deadline = Deadline::after(Time::from_micros(now), timeout);
            let grain = (timeout / 64).clamp(Duration::from_millis(1), Duration::from_millis(250));
            assert_eq!(deadline.at(), Time::from_micros(now) + timeout);
            let late = deadline.bucket().saturating_since(deadline.at());
            assert!(deadline.bucket() >= deadline.at() && late <= grain, "{deadline:?}");
        }
    }
}

#[test]
fn the_clock_is_not_read_while_the_server_is_polled_for_other_reasons() {
    let mut bench = Bench::new();
    let _watcher = bench.watch(60_000_000);
    let reads = bench.clock.reads();
    for _ in 0..1000 {
        bench.poll();
    }
    assert_eq!(bench.clock.reads(), reads);
}

#[test]
fn ten_thousand_random_steps_wake_exactly_whom_they_should() {
    let mut bench = Bench::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let (mut now, mut watchers) = (0_u64, Vec::<Watcher>::new());
    for step in 0..10_000 {
        match random(4) {
            0 | 1 => {
                let micros =
                    [1, 1_500, 40_000, 3_000_000][usize::try_from(random(4)).expect("small")] + random(1000);
                watchers.push(bench.watch(micros));
            }
            2 if !watchers.is_empty() => {
                let index = usize::try_from(random(watchers.len() as u64)).expect("it was a usize");
                let mut watcher = watchers.swap_remove(index);
                let woken = watcher.counter.woken();
                bench.clear(&mut watcher);
                assert_eq!(watcher.counter.woken(), woken, "step {step}");
            }
            _ => {
                now += random(50_000);
                bench.advance_to(now);
            }
        }
        for watcher in &watchers {
            let due = watcher.deadline.bucket() <= Time::from_micros(now);
            assert_eq!(
                watcher.counter.woken(),
                usize::from(due),
                "step {step}: {:?} at {now}",
                watcher.deadline
            );
        }
    }
}
