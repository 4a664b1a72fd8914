//! Sequences of items, streams of chunks, large messages, and streams that say nothing.

use std::time::{Duration, Instant};

use crate::load::{BulkLoad, Stop, check};
use crate::payload::{CHUNK_BYTES, MESSAGE_BYTES, TEXT, check_message, message};
use crate::peer::{Client, Needs, Peer, Result};
use crate::sample::{Ends, Metric, Sample, Setup};

use super::calls::measure;

/// Items a second, on `sequences` sequences of the same length.
pub(super) async fn items<P: Peer>(setup: &Setup, needs: Needs, sequences: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    let count = room(setup, |count| all_items(&client, sequences, count)).await?;
    let meter = ends.meter()?;
    all_items(&client, sequences, count).await?;
    let spent = ends.spent(&meter)?;
    Ok(spent.rate(count * sequences as u64))
}

/// How many of what `take` takes a window has room for; finding it is the warm-up.
async fn room<Taken>(setup: &Setup, take: impl Fn(u64) -> Taken) -> Result<u64>
where
    Taken: Future<Output = Result<()>> + Send,
{
    let mut count = 100;
    loop {
        let start = Instant::now();
        take(count).await?;
        let took = start.elapsed();
        if took >= setup.warm_up() {
            let room = count as f64 * setup.window.as_secs_f64() / took.as_secs_f64();
            return Ok((room as u64).max(1));
        }
        count *= 2;
    }
}

/// MiB a second that the server sends on one stream.
pub(super) async fn download<P: Peer>(setup: &Setup, needs: Needs) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    let count = room(setup, |count| all_chunks(&client, count)).await?;
    let meter = ends.meter()?;
    all_chunks(&client, count).await?;
    let spent = ends.spent(&meter)?;
    Ok(spent.byte_rate(count * CHUNK_BYTES as u64))
}

async fn all_items<C: Client>(client: &C, sequences: usize, count: u64) -> Result<()> {
    let tasks: Vec<_> = (0..sequences)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.items(count).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn all_chunks<C: Client>(client: &C, count: u64) -> Result<()> {
    let (arrived, sent) = (client.download(count).await?, count * CHUNK_BYTES as u64);
    if arrived == sent { Ok(()) } else { Err(format!("{sent} bytes asked, {arrived} came").into()) }
}

/// Streams of chunks that run until they are stopped.
pub(super) struct Bulk {
    load: BulkLoad,
    streams: Vec<tokio::task::JoinHandle<Result<u64>>>,
}

impl Bulk {
    pub(super) fn start<C: Client>(client: &C, streams: usize) -> Self {
        let load = BulkLoad::default();
        let streams = (0..streams)
            .map(|_| {
                let (client, load) = (client.clone(), load.clone());
                tokio::spawn(async move { client.bulk(load).await })
            })
            .collect();
        Self { load, streams }
    }

    /// The bytes that the streams have taken so far.
    pub(super) fn bytes(&self) -> u64 {
        self.load.chunks() * CHUNK_BYTES as u64
    }

    /// How many more they have taken. Chunks are taken in batches: if a short window fell between two, this
    /// waits for the next.
    pub(super) async fn bytes_since(&self, before: u64) -> u64 {
        while self.bytes() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.bytes() - before
    }

    /// Lets the streams end, and compares what was sent with what the server counted.
    pub(super) async fn stop(self) -> Result<()> {
        self.load.stop.stop();
        let mut arrived = 0;
        for stream in self.streams {
            arrived += stream.await??;
        }
        let sent = self.load.chunks() * CHUNK_BYTES as u64;
        if arrived == sent { Ok(()) } else { Err(format!("{sent} bytes sent, {arrived} arrived").into()) }
    }
}

/// MiB a second on `streams` streams.
pub(super) async fn bulk<P: Peer>(setup: &Setup, needs: Needs, streams: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    let bulk = Bulk::start(&client, streams);
    tokio::time::sleep(setup.warm_up()).await;
    let (meter, before) = (ends.meter()?, bulk.bytes());
    tokio::time::sleep(setup.window).await;
    let (bytes, spent) = (bulk.bytes_since(before).await, ends.spent(&meter)?);
    bulk.stop().await?;
    Ok(spent.byte_rate(bytes))
}

/// MiB a second, one way, of large messages that come back.
pub(super) async fn large<P: Peer>(setup: &Setup, needs: Needs, outstanding: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    all_large(&client, outstanding, setup.warm_up()).await?;
    let meter = ends.meter()?;
    let messages = all_large(&client, outstanding, setup.window).await?;
    let spent = ends.spent(&meter)?;
    Ok(spent.byte_rate(messages * MESSAGE_BYTES as u64))
}

async fn all_large<C: Client>(client: &C, outstanding: usize, time: Duration) -> Result<u64> {
    let stop = Stop::default();
    let tasks: Vec<_> = (0..outstanding)
        .map(|_| {
            let (client, stop) = (client.clone(), stop.clone());
            tokio::spawn(async move {
                let mut count = 0;
                while !stop.is_stopped() {
                    check_message(&client.echo_bytes(message()).await?)?;
                    count += 1;
                }
                Ok::<u64, Box<dyn std::error::Error + Send + Sync>>(count)
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.stop();
    let mut messages = 0;
    for task in tasks {
        messages += task.await??;
    }
    Ok(messages)
}

/// The heap of a stream, at each end, that has carried one message and says nothing.
pub(super) async fn idle<P: Peer>(setup: &Setup, needs: Needs, streams: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    check(&client.echo(TEXT).await?)?;
    let mut held = Vec::with_capacity(streams);
    let meter = ends.meter()?;
    for _ in 0..streams {
        held.push(client.idle().await?);
    }
    let spent = ends.spent(&meter)?;
    drop(held);
    let bytes = spent.allocations.live_bytes as f64 / streams as f64 / 2.0;
    Ok(Sample::default().with(Metric::HeapBytes, bytes))
}

/// What a call costs beside `streams` open streams that say nothing.
pub(super) async fn beside_idle<P: Peer>(setup: &Setup, needs: Needs, streams: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    let mut held = Vec::with_capacity(streams);
    for _ in 0..streams {
        held.push(client.idle().await?);
    }
    let (done, spent, _) = measure(&mut ends, &client, setup, 64).await?;
    drop(held);
    Ok(spent.rate(done.calls))
}
