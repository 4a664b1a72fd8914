//! What happened on a wire, for those who watch: counters, one report per finished call, `tracing` events.
//!
//! The counters are always kept (an atomic addition each). Reports and events cost a reading of the
//! clock per call and are made only when somebody listens.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use crate::ProcedureIndex;
use crate::status::Code;

/// Who was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// This side called the peer.
    Outbound,
    /// The peer called this side.
    Inbound,
}

/// One finished call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallReport {
    /// Who was called.
    pub direction: Direction,
    /// The procedure.
    pub procedure: ProcedureIndex,
    /// How it ended; `None` is success.
    pub code: Option<Code>,
    /// From its start at this side to its end.
    pub elapsed: Duration,
}

/// Is told of every finished call of a wire. Called where the call ends: must be quick and must not block.
pub trait Observer: Send + Sync + 'static {
    /// `report`'s call has just ended.
    fn call_finished(&self, report: &CallReport);
}

impl<F: Fn(&CallReport) + Send + Sync + 'static> Observer for F {
    fn call_finished(&self, report: &CallReport) {
        self(report);
    }
}

/// Counters of one wire since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls this side started.
    pub calls_out: u64,
    /// Of these, the ones that shared a stream with others.
    pub calls_out_shared: u64,
    /// Of these, the ones that ended otherwise than with success.
    pub calls_out_failed: u64,
    /// Calls the peer started and this side took on.
    pub calls_in: u64,
    /// Of these, the ones that shared a stream with others.
    pub calls_in_shared: u64,
    /// Of these, the ones that ended otherwise than with success.
    pub calls_in_failed: u64,
    /// Calls of the peer that were refused before they started: this side shut down, had no place, or
    /// waited for a header that did not come in time.
    pub calls_in_refused: u64,
    /// Notifications (datagrams among them) sent.
    pub notifications_out: u64,
    /// Notifications (datagrams among them) received and run.
    pub notifications_in: u64,
    /// Notifications received and dropped: no such procedure, not a notification, not decodable.
    pub notifications_in_dropped: u64,
    /// Handlers that panicked.
    pub panics: u64,
}

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// The same counters while they are counted.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: AtomicU64,)* }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters!(
    calls_out,
    calls_out_shared,
    calls_out_failed,
    calls_in,
    calls_in_shared,
    calls_in_failed,
    calls_in_refused,
    notifications_out,
    notifications_in,
    notifications_in_dropped,
    panics,
);

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
