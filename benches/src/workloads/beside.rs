//! Small calls at a fixed rate beside bulk streams on the same connection.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::load::{check, histogram};
use crate::payload::TEXT;
use crate::peer::{Client, Needs, Peer, Result};
use crate::sample::{Ends, Metric, Sample, Setup};

use super::calls::percentiles;
use super::streams::Bulk;

/// Calls are made at this distance, whether those before them are answered or not: 4000 a second, which
/// the slowest peer can do, and none is left out because one before it was slow.
const EVERY: Duration = Duration::from_micros(250);

/// Windows that calls are made for: 12 000 calls, so that 9 rounds have 108 000.
const WINDOWS: u32 = 8;

/// How many calls a sample makes.
pub(super) fn calls(setup: &Setup) -> usize {
    usize::try_from((setup.window * WINDOWS).as_micros() / EVERY.as_micros()).unwrap_or(usize::MAX)
}

/// How long a call takes, and what of the bulk rate is kept.
pub(super) async fn bulk<P: Peer>(setup: &Setup, needs: Needs, streams: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    check(&client.echo(TEXT).await?)?;
    let bulk = Bulk::start(&client, streams);
    tokio::time::sleep(setup.warm_up()).await;

    // Alone before and after, because rates drift.
    let before = alone(&bulk, setup).await;
    let (meter, bytes) = (ends.meter()?, bulk.bytes());
    let started = at_fixed_rate(client, calls(setup)).await?;
    let (bytes, spent) = (bulk.bytes() - bytes, ends.spent(&meter)?);
    let mut latencies = histogram();
    for call in started {
        latencies.record(u64::try_from(call.await??.as_nanos())?)?;
    }
    let after = alone(&bulk, setup).await;
    bulk.stop().await?;

    let sample = percentiles(spent.byte_rate(bytes), &latencies);
    Ok(sample.with(Metric::BulkKept, spent.per_second(bytes as f64) / f64::midpoint(before, after)))
}

/// Bytes a second of the bulk streams in two windows.
async fn alone(bulk: &Bulk, setup: &Setup) -> f64 {
    let (start, bytes) = (Instant::now(), bulk.bytes());
    tokio::time::sleep(setup.window * 2).await;
    (bulk.bytes() - bytes) as f64 / start.elapsed().as_secs_f64()
}

/// Starts the calls, from a thread of its own: the runtime's timer has a grain of a millisecond, and its
/// workers are busy. Each call is timed from when it is handed to the runtime.
async fn at_fixed_rate<C: Client>(client: C, calls: usize) -> Result<Vec<JoinHandle<Result<Duration>>>> {
    let runtime = Handle::current();
    let pace = move || {
        let mut started = Vec::with_capacity(calls);
        let mut due = Instant::now();
        for _ in 0..calls {
            due += EVERY;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let client = client.clone();
            let start = Instant::now();
            started.push(runtime.spawn(async move {
                check(&client.echo(TEXT).await?)?;
                Ok(start.elapsed())
            }));
        }
        started
    };
    Ok(tokio::task::spawn_blocking(pace).await?)
}
