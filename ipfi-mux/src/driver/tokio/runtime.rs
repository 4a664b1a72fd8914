//! Tokio's tasks and clock, as the core asks for them.

use std::future::Future;
use std::time::Duration;

use ipfi_core::runtime::{Runtime, Sleep, Task};
use ipfi_core::time::Time;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// Tokio as a [`Runtime`]. Its time begins when it is made.
#[derive(Clone, Debug)]
pub struct TokioRuntime {
    handle: Handle,
    origin: Instant,
}

impl TokioRuntime {
    /// The runtime of this task.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn current() -> Self {
        Self { handle: Handle::current(), origin: Instant::now() }
    }

    /// Runs a task to its end, beside everything else.
    #[cfg(not(shuttle))]
    pub(super) fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(task));
    }

    /// A thread of its own on shuttle's schedule. Not detached, so that a task that never ends is a deadlock
    /// and fails the test.
    #[cfg(shuttle)]
    pub(super) fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        core::mem::forget(shuttle::future::spawn(task));
    }

    pub(super) fn time(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    pub(super) fn instant(&self, at: Time) -> Instant {
        let since = Duration::from_micros(at.as_micros());
        // A time past what the clock can say is never reached: a century will do.
        self.origin.checked_add(since).unwrap_or(self.origin + Duration::from_secs(3_000_000_000))
    }
}

impl Runtime for TokioRuntime {
    fn spawn(&self, task: Task) {
        self.start(task);
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        drop(self.handle.spawn_blocking(work));
    }

    fn now(&self) -> Time {
        self.time()
    }

    fn sleep_until(&self, at: Time) -> Sleep {
        // A sleep belongs to the runtime it is made in, and a call may be awaited on another.
        let _within = self.handle.enter();
        Box::pin(tokio::time::sleep_until(self.instant(at)))
    }
}
