//! One sample, in a process of its own: a runtime, a server, its clients, a warm-up and a window in which
//! what the workload asks for is counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::allocations::Allocations;
use crate::peer::{Needs, Peer, Result};
use crate::process::{ServerProcess, cpu_time};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// Calls, items or connections in a second.
    PerSecond,
    MibPerSecond,
    /// User and system time of both ends, by the call, item or MiB.
    CpuUs,
    P50Us,
    P99Us,
    P999Us,
    /// What a bulk rate is of the same without calls beside it.
    BulkKept,
    /// System calls that write, by the call and end.
    Writes,
    /// Allocations, by the call and end.
    Allocations,
    /// STREAM frames that carried the questions, by the call.
    FramesAsking,
    /// And those that carried the answers.
    FramesAnswering,
    /// The share of the connections that began with a ticket.
    Tickets,
    /// Bytes on the heap, by the stream or connection, and end.
    HeapBytes,
}

/// What one run of a workload showed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) figures: BTreeMap<Metric, f64>,
    /// All calls that the process made, those of the warm-up too: what system calls are divided by.
    pub(crate) calls: u64,
}

impl Sample {
    #[must_use]
    pub(crate) fn with(mut self, metric: Metric, value: f64) -> Self {
        self.figures.insert(metric, value);
        self
    }
}

/// How samples are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// How long is counted, where a workload has no reason for another time.
    pub(crate) window: Duration,
    /// By what numbers that are not times are divided: open streams, connections.
    pub(crate) scale: u32,
    pub(crate) two_processes: bool,
}

impl Setup {
    pub(crate) fn full(two_processes: bool) -> Self {
        Self { window: Duration::from_millis(400), scale: 1, two_processes }
    }

    /// For a smoke test: right answers, meaningless figures.
    pub(crate) fn quick(two_processes: bool) -> Self {
        Self { window: Duration::from_millis(20), scale: 50, two_processes }
    }

    pub(crate) fn warm_up(&self) -> Duration {
        self.window / 4
    }

    pub(crate) fn scaled(&self, number: usize) -> usize {
        number.div_ceil(self.scale as usize)
    }
}

/// A server and where it is.
pub(crate) struct Ends {
    pub(crate) address: String,
    pub(crate) needs: Needs,
    server: Option<ServerProcess>,
}

impl Ends {
    pub(crate) async fn start<P: Peer>(setup: &Setup, needs: Needs) -> Result<Self> {
        if setup.two_processes {
            let (server, address) = ServerProcess::start(P::NAME, needs)?;
            return Ok(Self { address, needs, server: Some(server) });
        }
        Ok(Self { address: P::serve(needs).await?, needs, server: None })
    }

    pub(crate) async fn connect<P: Peer>(&self) -> Result<P::Client> {
        P::connect(&self.address, self.needs).await
    }

    /// Starts counting.
    pub(crate) fn meter(&mut self) -> Result<Meter> {
        Ok(Meter { cpu: self.cpu()?, allocations: Allocations::now(), start: Instant::now() })
    }

    /// What was spent since `meter`.
    pub(crate) fn spent(&mut self, meter: &Meter) -> Result<Spent> {
        let wall = meter.start.elapsed();
        Ok(Spent {
            wall,
            cpu: self.cpu()?.saturating_sub(meter.cpu),
            allocations: Allocations::now() - meter.allocations,
        })
    }

    fn cpu(&mut self) -> Result<Duration> {
        let server = self.server.as_mut().map(ServerProcess::cpu_time).transpose()?;
        Ok(cpu_time() + server.unwrap_or_default())
    }
}

/// When counting began, and what had been spent by then.
pub(crate) struct Meter {
    start: Instant,
    cpu: Duration,
    allocations: Allocations,
}

/// What a window took, of both ends.
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) allocations: Allocations,
}

impl Spent {
    pub(crate) fn per_second(&self, count: f64) -> f64 {
        count / self.wall.as_secs_f64()
    }

    pub(crate) fn cpu_us(&self, count: f64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count
    }

    /// A rate of calls or items, and the CPU of each.
    pub(crate) fn rate(&self, count: u64) -> Sample {
        let count = count as f64;
        Sample::default()
            .with(Metric::PerSecond, self.per_second(count))
            .with(Metric::CpuUs, self.cpu_us(count))
    }

    /// A rate of bytes, and the CPU of each MiB.
    pub(crate) fn byte_rate(&self, bytes: u64) -> Sample {
        let mib = bytes as f64 / f64::from(1 << 20);
        Sample::default()
            .with(Metric::MibPerSecond, self.per_second(mib))
            .with(Metric::CpuUs, self.cpu_us(mib))
    }
}

/// The runtime of a sample, or of a server: two workers.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
