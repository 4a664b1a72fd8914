//! The calls: who makes them, and when.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use ipfi::core::codec::{DecodeLimits, Encoded};
use ipfi::core::interface::Kind;
use ipfi::typed::{Description, Method};
use ipfi::{CallError, CodecId, Wire};
use tokio::task::JoinSet;

use super::measured::Measured;
use crate::call::Options;
use crate::connection::Link;
use crate::format::Format;
use crate::interruption::interrupted;

/// What every worker does.
pub(super) struct Work {
    pub(super) name: String,
    pub(super) index: u64,
    pub(super) kind: Kind,
    pub(super) described: Option<(Description, Method)>,
    pub(super) timeout: Option<u64>,
    pub(super) codec: CodecId,
    pub(super) decoding: DecodeLimits,
    pub(super) arguments: Bytes,
    pub(super) options: Options,
    pub(super) schedule: Schedule,
}

/// When calls are made.
pub(super) struct Schedule {
    count: Option<u64>,
    duration: Option<Duration>,
    rate: Option<f64>,
    made: AtomicU64,
    over: AtomicBool,
}

impl Schedule {
    pub(super) fn new(count: Option<u64>, duration: Option<Duration>, rate: Option<f64>) -> Self {
        Self { count, duration, rate, made: AtomicU64::new(0), over: AtomicBool::new(false) }
    }

    /// When the next call is due, if there is another one: with a rate at its time, without at once.
    fn next(&self, began: Instant) -> Option<Instant> {
        let n = self.made.fetch_add(1, Ordering::Relaxed);
        if self.over.load(Ordering::Relaxed) || self.count.is_some_and(|count| n >= count) {
            return None;
        }
        let due = match self.rate {
            // A call that is due later than an `Instant` can be is due after the end.
            #[allow(clippy::cast_precision_loss)]
            Some(rate) => began.checked_add(Duration::try_from_secs_f64(n as f64 / rate).ok()?)?,
            None => Instant::now(),
        };
        self.duration.is_none_or(|duration| due < began + duration).then_some(due)
    }
}

/// What came of one call.
struct Came {
    items: u64,
    bytes: u64,
    application_errors: u64,
}

/// Makes the calls with so many at once: what was measured, how long it took, and whether it was broken off.
pub(super) async fn run(work: &Arc<Work>, links: &[Link], workers: usize) -> (Measured, Duration, bool) {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    let mut parts = Vec::new();
    for link in links.iter().cycle().take(workers) {
        let part = Arc::new(Mutex::new(Measured::new()));
        parts.push(Arc::clone(&part));
        tasks.spawn(worker(Arc::clone(work), link.wire.clone(), began, part));
    }
    let mut interruption = std::pin::pin!(interrupted());
    let interrupted = loop {
        tokio::select! {
            ended = tasks.join_next() => if ended.is_none() { break false },
            () = &mut interruption => {
                work.schedule.over.store(true, Ordering::Relaxed);
                tasks.shutdown().await;
                break true;
            }
        }
    };
    let elapsed = began.elapsed();
    let mut measured = Measured::new();
    for part in parts {
        measured.add(&part.lock().unwrap_or_else(PoisonError::into_inner));
    }
    (measured, elapsed, interrupted)
}

async fn worker(work: Arc<Work>, wire: Wire, began: Instant, part: Arc<Mutex<Measured>>) {
    let format =
        work.described.as_ref().map(|(of, method)| Format::described(of, method, work.codec, work.decoding));
    while let Some(due) = work.schedule.next(began) {
        if work.schedule.rate.is_some() {
            tokio::time::sleep_until(due.into()).await;
        }
        let came = call(&work, &wire, format.as_ref()).await;
        let mut measured = part.lock().unwrap_or_else(PoisonError::into_inner);
        measured.sent(work.arguments.len());
        match came {
            Ok(Came { items, bytes, application_errors }) => {
                measured.succeeded(due.elapsed(), items, bytes, application_errors);
            }
            Err(error) => {
                measured.failed(&error);
                // The connection is gone for good: whoever goes on counts nothing but this.
                if error.connection_error().is_some() {
                    return;
                }
            }
        }
    }
}

async fn call(work: &Work, wire: &Wire, format: Option<&Format<'_>>) -> Result<Came, CallError> {
    let arguments = Encoded(work.arguments.clone());
    let mut came = Came { items: 0, bytes: 0, application_errors: 0 };
    let mut take = |Encoded(answer): Encoded| {
        came.items += 1;
        came.bytes += u64::try_from(answer.len()).unwrap_or(u64::MAX);
        if format.is_some_and(|format| matches!(format.answer(&answer), Ok(Err(_)))) {
            came.application_errors += 1;
        }
    };
    match work.kind {
        Kind::Sequence => {
            let call = wire.stream::<Encoded>(work.index, arguments);
            let mut answers = work.options.set(call, work.codec, work.timeout).await?;
            while let Some(answer) = answers.next().await {
                take(answer?);
            }
        }
        Kind::Notification => {
            work.options.set(wire.notify(work.index, arguments), work.codec, work.timeout).await?;
        }
        _ => {
            let call = wire.call::<Encoded>(work.index, arguments);
            take(work.options.set(call, work.codec, work.timeout).await?);
        }
    }
    Ok(came)
}
