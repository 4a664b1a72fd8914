//! One sample: a fresh runtime and connection, a warm-up, then a fixed number of calls.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::peer::{Client, Peer};

/// 32 bytes.
const TEXT: &str = "thirty-two bytes of ordinary txt";

/// How many calls are outstanding at once, and how many are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) outstanding: usize,
    pub(crate) calls: usize,
}

/// Calls are many enough for a sample of about half a second, and for the latency's tail to be seen:
/// the 99th percentile of the sequential workload is the 500th slowest call.
pub(crate) const WORKLOADS: [Workload; 3] = [
    Workload { name: "sequential", outstanding: 1, calls: 50_000 },
    Workload { name: "outstanding_64", outstanding: 64, calls: 256_000 },
    Workload { name: "outstanding_1024", outstanding: 1024, calls: 512_000 },
];

/// What one run of a workload showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) calls_per_s: f64,
    /// User and system time of the whole process, both ends, by the call.
    pub(crate) cpu_us_per_call: f64,
    /// Latency, where calls are made one after another; with many outstanding it only restates the rate.
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
}

/// Runs `workload` once against `P`. The runtime is made anew, so that no peer inherits the tasks or the
/// thread placement of the one before it.
pub(crate) fn sample<P: Peer>(workload: Workload) -> io::Result<Sample> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Spawned, because the thread that blocks on it would be a third one.
    let run = runtime.spawn(measure::<P>(workload));
    runtime.block_on(run).map_err(io::Error::other)?
}

async fn measure<P: Peer>(workload: Workload) -> io::Result<Sample> {
    let client = P::connect().await?;
    callers(&client, workload.outstanding, workload.calls / 10).await?;

    let cpu = cpu_time();
    let start = Instant::now();
    let mut done = callers(&client, workload.outstanding, workload.calls).await?;
    let wall = start.elapsed();
    let cpu = cpu_time().saturating_sub(cpu);

    done.latencies.sort_unstable();
    let percentile = |p: usize| {
        let latency = done.latencies.get(done.latencies.len() * p / 100)?;
        Some(latency.as_secs_f64() * 1e6)
    };
    let calls = done.calls as f64;
    Ok(Sample {
        calls_per_s: calls / wall.as_secs_f64(),
        cpu_us_per_call: cpu.as_secs_f64() * 1e6 / calls,
        p50_us: percentile(50),
        p99_us: percentile(99),
    })
}

#[derive(Default)]
struct Done {
    calls: usize,
    latencies: Vec<Duration>,
}

/// Makes at least `calls` calls by `outstanding` independent tasks, each waiting for its own answer.
/// Latencies are taken of a lone caller only: at a million calls a second, reading the clock twice a
/// call would be a tenth of what is measured.
async fn callers<C: Client>(client: &C, outstanding: usize, calls: usize) -> io::Result<Done> {
    let each = calls.div_ceil(outstanding);
    let timed = outstanding == 1;
    let text: Arc<str> = Arc::from(TEXT);
    let tasks: Vec<_> = (0..outstanding)
        .map(|_| {
            let (client, text) = (client.clone(), text.clone());
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(if timed { each } else { 0 });
                for _ in 0..each {
                    let start = timed.then(Instant::now);
                    let answer = client.echo(&text).await?;
                    latencies.extend(start.map(|start| start.elapsed()));
                    if answer != *text {
                        return Err(io::Error::other(format!("asked {text:?}, answered {answer:?}")));
                    }
                }
                Ok(latencies)
            })
        })
        .collect();
    let mut done = Done::default();
    for task in tasks {
        done.latencies.extend(task.await.map_err(io::Error::other)??);
        done.calls += each;
    }
    Ok(done)
}

/// The CPU time that this process has used so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Neither part of a CPU time is negative, and the nanoseconds are below 10^9.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
