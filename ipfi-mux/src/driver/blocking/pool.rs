//! Threads that come when there is work and go when there has been none for a while.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Work for a thread of a pool.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// How long a thread waits for more work before it goes.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A queue and the threads that work on it.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
    work: Condvar,
    name: &'static str,
    size: Size,
    keep_alive: Duration,
}

/// How many threads there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// At most this many: work waits for a thread. For work that never blocks.
    Bounded(usize),
    /// A thread for each piece of work, so that no work ever waits for other work to end. For work that
    /// may block on other such work. The number is bounded by whoever hands the work in: by the calls
    /// that a connection admits (`max_inbound_calls`, `max_inbound_notifications`).
    PerJob,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Threads that wait for work, those included that have been woken and have not looked yet.
    idle: usize,
    threads: usize,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("queued", &self.queue.len())
            .field("idle", &self.idle)
            .field("threads", &self.threads)
            .finish()
    }
}

impl Pool {
    pub(super) fn new(name: &'static str, size: Size) -> Arc<Self> {
        Self::keeping(name, size, KEEP_ALIVE)
    }

    fn keeping(name: &'static str, size: Size, keep_alive: Duration) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), work: Condvar::new(), name, size, keep_alive })
    }

    /// Jobs run outside the lock, and nothing under it can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `job` run by a thread of the pool.
    ///
    /// Fails, dropping the job, when there is no thread for it: the system refuses one and, unless work may
    /// wait for other work, none is idle.
    pub(super) fn submit(self: &Arc<Self>, job: Job) -> io::Result<()> {
        let mut state = self.lock();
        state.queue.push_back(job);
        if state.queue.len() <= state.idle {
            drop(state);
            self.work.notify_one();
            return Ok(());
        }
        if let Size::Bounded(bound) = self.size
            && state.threads >= bound
        {
            return Ok(());
        }
        // Under the lock, so that the job taken back below is this one.
        let pool = Arc::clone(self);
        let started = thread::Builder::new().name(self.name.to_owned()).spawn(move || pool.run());
        let Err(error) = started else {
            state.threads += 1;
            return Ok(());
        };
        if self.size != Size::PerJob && state.threads > 0 {
            return Ok(());
        }
        let refused = state.queue.pop_back();
        drop(state);
        drop(refused);
        tracing::error!(target: "ipfi::threads", pool = self.name, %error, "no thread for a call's work");
        Err(error)
    }

    /// A thread of the pool.
    fn run(&self) {
        let mut state = self.lock();
        loop {
            while let Some(job) = state.queue.pop_front() {
                drop(state);
                // What panics has been reported by the panic hook; the thread has other work to do.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
            }
            state.idle += 1;
            let (held, waited) =
                self.work.wait_timeout(state, self.keep_alive).unwrap_or_else(PoisonError::into_inner);
            state = held;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    #[cfg(test)]
    fn threads(&self) -> usize {
        self.lock().threads
    }
}
