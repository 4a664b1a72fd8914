//! A runtime for wires under test: tokio's tasks and its clock, which a test may pause.

use std::pin::Pin;
use std::sync::Arc;

use ipfi_core::runtime::{Runtime, Sleep, Task};
use ipfi_core::time::Time;
use tokio::time::Instant;

/// Tokio's tasks and clock. With a paused clock nothing takes time but what waits for it.
#[derive(Debug)]
pub struct TestRuntime {
    origin: Instant,
}

impl TestRuntime {
    /// A runtime whose time begins now.
    pub fn shared() -> Arc<Self> {
        Arc::new(Self { origin: Instant::now() })
    }
}

impl Runtime for TestRuntime {
    fn spawn(&self, task: Task) {
        drop(tokio::spawn(task));
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        drop(tokio::task::spawn_blocking(work));
    }

    fn now(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    fn sleep_until(&self, at: Time) -> Sleep {
        let until = self.origin + at.saturating_since(Time::ZERO);
        Box::pin(tokio::time::sleep_until(until)) as Pin<Box<_>>
    }
}
