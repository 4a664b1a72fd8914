//! How a peer is loaded: callers that know nothing of one another, until they are told to stop.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use hdrhistogram::Histogram;

use crate::payload::{TEXT, chunk};
use crate::peer::{Client, Result};

/// Told once, seen by all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Calls to be made.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// How many callers, each waiting for its own answer.
    pub(crate) outstanding: usize,
    /// Whether each call is timed. At a million calls a second, reading the clock twice a call would be a
    /// tenth of what is measured.
    pub(crate) timed: bool,
    pub(crate) stop: Stop,
}

/// Calls that were made.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) calls: u64,
    /// Only where calls were timed: a histogram is large.
    pub(crate) latencies: Option<Histogram<u64>>,
}

impl Done {
    pub(crate) fn add(&mut self, other: Self) -> Result<()> {
        self.calls += other.calls;
        match (&mut self.latencies, other.latencies) {
            (Some(all), Some(more)) => all.add(more)?,
            (all, more) => *all = all.take().or(more),
        }
        Ok(())
    }
}

/// Of nanoseconds, to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are within 0 to 5")
}

/// Calls by `load.outstanding` tasks.
pub(crate) async fn echoes<C: Client>(client: C, load: Load) -> Result<Done> {
    let callers: Vec<_> = (0..load.outstanding)
        .map(|_| {
            let (client, load) = (client.clone(), load.clone());
            tokio::spawn(async move { caller(|| client.echo(TEXT), &load).await })
        })
        .collect();
    let mut done = Done::default();
    for caller in callers {
        done.add(caller.await??)?;
    }
    Ok(done)
}

/// One caller: a call, its answer compared with the question, the next call.
pub(crate) async fn caller<F, Answer>(echo: F, load: &Load) -> Result<Done>
where
    F: Fn() -> Answer,
    Answer: Future<Output = Result<String>>,
{
    let mut latencies = load.timed.then(histogram);
    let mut calls = 0;
    while !load.stop.is_stopped() {
        let start = load.timed.then(Instant::now);
        let answer = echo().await?;
        if let (Some(start), Some(latencies)) = (start, &mut latencies) {
            latencies.record(u64::try_from(start.elapsed().as_nanos())?)?;
        }
        check(&answer)?;
        calls += 1;
    }
    Ok(Done { calls, latencies })
}

/// Whether `answer` is what was asked.
pub(crate) fn check(answer: &str) -> Result<()> {
    if answer == TEXT { Ok(()) } else { Err(format!("asked {TEXT:?}, answered {answer:?}").into()) }
}

/// Chunks to be sent on one or more streams.
#[derive(Clone, Debug, Default)]
pub(crate) struct BulkLoad {
    pub(crate) stop: Stop,
    chunks: Arc<AtomicU64>,
}

impl BulkLoad {
    /// The next chunk, until the load ends.
    pub(crate) fn next(&self) -> Option<Bytes> {
        (!self.stop.is_stopped()).then(|| {
            self.chunks.fetch_add(1, Ordering::Relaxed);
            chunk()
        })
    }

    /// How many chunks were taken, by all streams.
    pub(crate) fn chunks(&self) -> u64 {
        self.chunks.load(Ordering::Relaxed)
    }
}
