//! What the core asks of a driver, when there is nothing but what the program tells.

use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Wake;

use ipfi_core::runtime::{Runtime, Sleep, Task};
use ipfi_core::time::Time;

use crate::driver::timers::{Clock, SleepUntil, Timers};

/// Some task is to be polled.
#[derive(Debug, Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Lowers it, and says whether it was raised.
    pub(super) fn lower(&self) -> bool {
        // Mostly it is not, and a load is cheaper than an exchange for every byte.
        self.0.load(Ordering::Acquire) && self.0.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}

/// The tasks of one peer that have not been polled, its timers, and the time it was told.
pub(super) struct Steps {
    me: Weak<Self>,
    state: Mutex<State>,
    /// Something was spawned. Apart from the lock, because it is asked for every byte.
    spawned: Flag,
}

#[derive(Default)]
struct State {
    spawned: Vec<Task>,
    timers: Timers,
    /// The first time told; what is before it is not known.
    origin: Option<Time>,
    /// How long ago that was.
    now: Time,
}

impl Steps {
    pub(super) fn new() -> Arc<Self> {
        Arc::new_cyclic(|me| Self { me: me.clone(), state: Mutex::default(), spawned: Flag::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the tasks that have been spawned.
    pub(super) fn take_spawned(&self) -> Vec<Task> {
        if self.spawned.lower() { core::mem::take(&mut self.lock().spawned) } else { Vec::new() }
    }

    /// Takes the time that was told, wakes what is due, and says how long the connection has existed.
    /// Time does not go back.
    pub(super) fn tell(&self, told: Time) -> Time {
        let mut state = self.lock();
        let origin = *state.origin.get_or_insert(told);
        let now = state.now.max(Time::ZERO + told.saturating_since(origin));
        state.now = now;
        let due = state.timers.take_due(now);
        drop(state);
        due.into_iter().for_each(Waker::wake);
        now
    }

    /// A time of this runtime in the count of whoever tells the time; `None` when nobody has.
    pub(super) fn told_as(&self, at: Time) -> Option<Time> {
        Some(self.lock().origin? + at.saturating_since(Time::ZERO))
    }
}

impl Clock for Steps {
    fn now(&self) -> Time {
        self.lock().now
    }

    fn with_timers<T>(&self, work: impl FnOnce(&mut Timers) -> T) -> T {
        work(&mut self.lock().timers)
    }
}

impl Runtime for Steps {
    fn spawn(&self, task: Task) {
        self.lock().spawned.push(task);
        self.spawned.raise();
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        // There is no other place.
        work();
    }

    fn now(&self) -> Time {
        Clock::now(self)
    }

    fn sleep_until(&self, at: Time) -> Sleep {
        let me = self.me.upgrade().expect("`self` is borrowed from an `Arc`, which is how it is made");
        Box::pin(SleepUntil::new(me, at))
    }
}
