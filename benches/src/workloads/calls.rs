//! Small calls on one connection.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::load::{Done, Load, Stop, check};
use crate::payload::TEXT;
use crate::peer::{Client, Needs, Peer, Result};
use crate::sample::{Ends, Metric, Sample, Setup, Spent};

/// How many calls a second, and what each costs. Latency of a lone caller only: with many outstanding it
/// restates the rate.
pub(super) async fn rate<P: Peer>(setup: &Setup, needs: Needs, outstanding: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    let (done, spent, all) = measure(&mut ends, &client, setup, outstanding).await?;
    let sample = Sample { calls: all, ..spent.rate(done.calls) };
    Ok(done.latencies.iter().fold(sample, percentiles))
}

/// What a call costs in allocations, at each end; whoever started this process counts its system calls.
pub(super) async fn counts<P: Peer>(setup: &Setup, needs: Needs, outstanding: usize) -> Result<Sample> {
    let mut ends = Ends::start::<P>(setup, needs).await?;
    let client = ends.connect::<P>().await?;
    let (done, spent, all) = measure(&mut ends, &client, setup, outstanding).await?;
    let calls = done.calls as f64;
    let sample = Sample { calls: all, ..Sample::default() };
    Ok(sample
        .with(Metric::Allocations, spent.allocations.count as f64 / calls / 2.0)
        .with(Metric::CpuUs, spent.cpu_us(calls)))
}

/// A warm-up and a window; what was done in the window, and how many calls in both.
pub(super) async fn measure<C: Client>(
    ends: &mut Ends,
    client: &C,
    setup: &Setup,
    outstanding: usize,
) -> Result<(Done, Spent, u64)> {
    check(&client.echo(TEXT).await?)?;
    let warm = during(client, outstanding, false, setup.warm_up()).await?;
    let meter = ends.meter()?;
    let done = during(client, outstanding, outstanding == 1, setup.window).await?;
    let spent = ends.spent(&meter)?;
    let all = 1 + warm.calls + done.calls;
    Ok((done, spent, all))
}

async fn during<C: Client>(client: &C, outstanding: usize, timed: bool, time: Duration) -> Result<Done> {
    let stop = Stop::default();
    let calls = tokio::spawn(client.clone().run(Load { outstanding, timed, stop: stop.clone() }));
    tokio::time::sleep(time).await;
    stop.stop();
    calls.await?
}

/// The method by value, so that it can be a task of its own.
trait Run: Client {
    fn run(self, load: Load) -> impl Future<Output = Result<Done>> + Send {
        async move { self.echoes(load).await }
    }
}

impl<C: Client> Run for C {}

/// The percentiles that are shown.
pub(super) fn percentiles(sample: Sample, latencies: &Histogram<u64>) -> Sample {
    let us = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1e3;
    sample.with(Metric::P50Us, us(0.5)).with(Metric::P99Us, us(0.99)).with(Metric::P999Us, us(0.999))
}
