//! Threads and a clock, as the core asks for them: one set for the process, started when they are needed.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use ipfi_core::runtime::{Runtime, Sleep, Task};
use ipfi_core::time::Time;

use super::pool::{Pool, Size};
use crate::driver::timers::{Clock, SleepUntil, Timers};

/// What this thread is doing for ipfi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing, or a handler's own blocking work.
    Free,
    /// It waits for a call: it may as well write.
    Calling,
    /// It reads a connection or runs tasks, on which others wait: it must not wait for a call.
    Carrying,
}

thread_local! {
    static ROLE: Cell<Role> = const { Cell::new(Role::Free) };
}

/// What this thread is doing.
pub(super) fn role() -> Role {
    ROLE.get()
}

/// Gives this thread a role while `work` runs.
pub(super) fn in_role<T>(role: Role, work: impl FnOnce() -> T) -> T {
    struct Restore(Role);
    impl Drop for Restore {
        fn drop(&mut self) {
            ROLE.set(self.0);
        }
    }
    let _restore = Restore(ROLE.replace(role));
    work()
}

/// The threads and the clock of all blocking wires of this process.
pub(super) struct Threads {
    me: Weak<Self>,
    origin: Instant,
    /// Tasks: handlers that wait for something. They never block, so a few threads serve them all.
    tasks: Arc<Pool>,
    /// Work that may block, on other such work too.
    blocking: Arc<Pool>,
    clock: Mutex<ClockState>,
    /// An earlier timer was set.
    earlier: Condvar,
}

#[derive(Default)]
struct ClockState {
    timers: Timers,
    /// A thread waits for the timers.
    kept: bool,
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads")
            .field("tasks", &self.tasks)
            .field("blocking", &self.blocking)
            .finish_non_exhaustive()
    }
}

impl Threads {
    /// Those of this process.
    pub(super) fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Threads>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| {
            // Two at least: a handler that computes must not keep all others from being polled.
            let workers = thread::available_parallelism().map_or(2, |count| count.get().max(2));
            Arc::new_cyclic(|me| Self {
                me: me.clone(),
                origin: Instant::now(),
                tasks: Pool::new("ipfi-task", Size::Bounded(workers)),
                blocking: Pool::new("ipfi-blocking", Size::PerJob),
                clock: Mutex::default(),
                earlier: Condvar::new(),
            })
        }))
    }

    fn arc(&self) -> Arc<Self> {
        self.me.upgrade().expect("`self` is borrowed from the one reference that is never dropped")
    }

    /// Runs `work` on a thread that has nothing else to do. False when there is none to be had.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.blocking.submit(Box::new(work)).is_ok()
    }

    /// Nothing under the lock can panic.
    fn lock_clock(&self) -> MutexGuard<'_, ClockState> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes what is due, until no timer is left. One thread does this.
    fn keep_time(&self) {
        let mut clock = self.lock_clock();
        loop {
            let now = Clock::now(self);
            let due = clock.timers.take_due(now);
            if !due.is_empty() {
                drop(clock);
                for waker in due {
                    // A waker may be anybody's code: its panic must not stop the clock of all others.
                    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
                }
                clock = self.lock_clock();
                continue;
            }
            let Some(next) = clock.timers.next() else {
                clock.kept = false;
                return;
            };
            let wait = next.saturating_since(now);
            clock = self.earlier.wait_timeout(clock, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Clock for Threads {
    fn now(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    fn with_timers<T>(&self, work: impl FnOnce(&mut Timers) -> T) -> T {
        let mut clock = self.lock_clock();
        let before = clock.timers.next();
        let result = work(&mut clock.timers);
        let Some(next) = clock.timers.next() else { return result };
        if clock.kept {
            drop(clock);
            if before.is_none_or(|before| next < before) {
                self.earlier.notify_one();
            }
            return result;
        }
        clock.kept = true;
        drop(clock);
        let threads = self.arc();
        if !self.run(move || threads.keep_time()) {
            // The next timer tries again.
            self.lock_clock().kept = false;
        }
        result
    }
}

impl Runtime for Threads {
    fn spawn(&self, task: Task) {
        let pool = Arc::clone(&self.tasks);
        let schedule = move |runnable: async_task::Runnable| {
            // A task that finds no thread is dropped, which cancels its call. `submit` has reported it.
            let _ = pool.submit(Box::new(move || {
                in_role(Role::Carrying, || runnable.run());
            }));
        };
        let (runnable, task) = async_task::spawn(task, schedule);
        task.detach();
        runnable.schedule();
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        // Dropped, when there is no thread: the call fails, and `submit` has reported it.
        let _ = self.blocking.submit(work);
    }

    fn now(&self) -> Time {
        Clock::now(self)
    }

    fn sleep_until(&self, at: Time) -> Sleep {
        Box::pin(SleepUntil::new(self.arc(), at))
    }
}
