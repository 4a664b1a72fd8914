//! What the core asks of whoever drives it: run a task, run a blocking closure, tell the time, wait.

use core::future::Future;
use core::pin::Pin;

use crate::time::Time;

/// A task to be run to its end.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A future that is ready at a given time.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The services of a driver. The core itself has no clock and spawns nothing.
pub trait Runtime: Send + Sync + 'static {
    /// Runs `task` concurrently with everything else. A runtime that is shutting down drops it.
    fn spawn(&self, task: Task);

    /// Runs `work` where it may block or compute without stalling any wire.
    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>);

    /// The time now.
    fn now(&self) -> Time;

    /// Is ready at `at` or soon after. A driver that is never told the time (byte at a time, without
    /// timestamps) returns a future that is never ready: there are no deadlines on such a wire.
    fn sleep_until(&self, at: Time) -> Sleep;
}
