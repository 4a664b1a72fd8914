//! Which samples are taken, in which order, each in a process of its own: no peer inherits the tasks, the heap
//! or the thread placement of the one before it, and one that hangs is given up.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::args::Args;
use crate::peer::Result;
use crate::peers::{self, Entry};
use crate::report::Row;
use crate::sample::{Metric, Sample, Setup};
use crate::workloads::{WORKLOADS, Workload};

/// The first word of the command line of a sample's process; peer, workload and setup follow.
pub(crate) const SAMPLE: &str = "sample";

/// A sample takes a few seconds; one that is not over by then hangs.
const GIVE_UP: Duration = Duration::from_secs(60);

/// A peer and a workload.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) peer: Entry,
    pub(crate) workload: Workload,
}

impl Run {
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.peer.name, self.workload.name)
    }

    /// Whether the peer can do it. If not, it is a row without figures.
    pub(crate) fn is_offered(&self) -> bool {
        self.workload.fits(self.peer.offers)
    }
}

/// What the filters let through, rows of one workload together: they are what is compared.
pub(crate) fn chosen(args: &Args) -> Result<Vec<Run>> {
    let peers = peers::all();
    let runs: Vec<Run> = WORKLOADS
        .iter()
        // The allocator counts what is in one process.
        .filter(|workload| !(args.two_processes && workload.counts_allocations()))
        .flat_map(|workload| peers.iter().map(|peer| Run { peer: *peer, workload: *workload }))
        .filter(|run| args.takes(run.peer.name, run.workload.name))
        .collect();
    if runs.iter().any(Run::is_offered) {
        return Ok(runs);
    }
    Err(format!("nothing matches {}; --list shows what there is", args.filters.join(" ")).into())
}

/// Takes all samples.
pub(crate) fn take(runs: &[Run], args: &Args) -> Result<Vec<Row>> {
    let setup = setup(args);
    let mut samples: Vec<Vec<Sample>> = runs.iter().map(|_| Vec::new()).collect();
    let mut offered: Vec<usize> = (0..runs.len()).filter(|at| runs[*at].is_offered()).collect();
    let mut failed: Vec<usize> = Vec::new();
    let start = Instant::now();
    for round in 0..args.rounds() {
        for (done, at) in offered.iter().enumerate() {
            let taken = round * offered.len() + done;
            progress(start.elapsed(), taken, args.rounds() * offered.len(), round + 1, &runs[*at].name());
            match sample(&runs[*at], &setup) {
                Ok(sample) => samples[*at].push(sample),
                // The others are still worth having; the table says which one is missing.
                Err(why) => {
                    eprintln!("\n{} failed: {why}", runs[*at].name());
                    failed.push(*at);
                }
            }
        }
        offered.retain(|at| !failed.contains(at));
        // Every other round backwards: a machine that slows down or warms up does so for all of them.
        offered.reverse();
    }
    eprintln!();
    let row = |(at, (run, samples)): (usize, (&Run, &Vec<Sample>))| {
        let samples = if failed.contains(&at) { &[] } else { samples.as_slice() };
        Row::new(run.peer.name, run.peer.kind, run.workload, samples, failed.contains(&at))
    };
    Ok(runs.iter().zip(&samples).enumerate().map(row).collect())
}

/// One line on standard error, on a terminal written over and over.
fn progress(elapsed: Duration, taken: usize, all: usize, round: usize, name: &str) {
    let left = match taken {
        0 => String::new(),
        taken => {
            let left = elapsed.mul_f64((all - taken) as f64 / taken as f64).as_secs();
            format!(", {} min {:02} s left", left / 60, left % 60)
        }
    };
    let line = format!("round {round}: {} of {all}{left}: {name}", taken + 1);
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{line}");
    } else {
        eprintln!("{line}");
    }
}

/// Takes every sample once, shortly: whether all answers are right.
pub(crate) fn check(runs: &[Run], args: &Args) -> Result<()> {
    let setup = Setup::quick(args.two_processes);
    let mut failed = 0;
    for run in runs.iter().filter(|run| run.is_offered()) {
        match sample(run, &setup) {
            Ok(_) => println!("{}: right", run.name()),
            Err(why) => {
                println!("{}: FAILED: {why}", run.name());
                failed += 1;
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} failed").into()) }
}

fn setup(args: &Args) -> Setup {
    match args.quick {
        true => Setup::quick(args.two_processes),
        false => Setup::full(args.two_processes),
    }
}

/// One sample, by a child.
fn sample(run: &Run, setup: &Setup) -> Result<Sample> {
    let mut program = std::env::current_exe()?;
    if run.workload.counts_allocations() {
        program.set_file_name("counting");
    }
    let counter = if run.workload.counts_writes() { WriteCounter::new()? } else { None };
    let mut command = match &counter {
        Some(counter) => counter.command(program),
        None => Command::new(program),
    };
    let setup = serde_json::to_string(setup)?;
    let child = command.args([SAMPLE, run.peer.name, run.workload.name, &setup]);
    let output = child.stdin(Stdio::null()).stderr(Stdio::piped()).output()?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} ({})", why.trim(), output.status).into());
    }
    let sample: Sample = serde_json::from_slice(&output.stdout)?;
    match counter {
        // Both ends are in the one process.
        Some(counter) => {
            let writes = counter.count()? as f64 / sample.calls as f64 / 2.0;
            Ok(sample.with(Metric::Writes, writes))
        }
        None => Ok(sample),
    }
}

/// What the process of a sample does.
pub(crate) fn sample_here(words: &[String]) -> Result<()> {
    let [peer, workload, setup] = words else { return Err("sample: peer, workload, setup".into()) };
    let workload = WORKLOADS.iter().find(|known| known.name == workload);
    let workload = workload.ok_or("no such workload")?;
    std::thread::spawn(|| {
        std::thread::sleep(GIVE_UP);
        eprintln!("not over after {} s: given up", GIVE_UP.as_secs());
        std::process::exit(1);
    });
    let sample = (peers::find(peer)?.sample)(*workload, serde_json::from_str(setup)?)?;
    println!("{}", serde_json::to_string(&sample)?);
    Ok(())
}

/// Counts the system calls that write to a socket, by `perf stat`, which the process hardly notices; being
/// traced would slow its writes down and so batch them.
struct WriteCounter {
    counts: tempfile::NamedTempFile,
}

/// Those that the peers' sockets are written by. Not `write`, by which tokio wakes a sleeping worker.
const WRITES: &str = "syscalls:sys_enter_sendto,syscalls:sys_enter_sendmsg,syscalls:sys_enter_sendmmsg,syscalls:sys_enter_writev";

impl WriteCounter {
    /// `None` where perf is missing, or may not count system calls: a column less.
    fn new() -> Result<Option<Self>> {
        let counter = Self { counts: tempfile::NamedTempFile::new()? };
        let works = counter.command("true".into()).output().is_ok_and(|output| output.status.success());
        Ok(works.then_some(counter))
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new("perf");
        command.args(["stat", "-x,", "-e", WRITES, "-o"]).arg(self.counts.path()).arg("--").arg(program);
        command
    }

    fn count(&self) -> Result<u64> {
        let counts = std::fs::read_to_string(self.counts.path())?;
        let lines = counts.lines().filter(|line| line.contains("syscalls:"));
        let numbers = lines.map(|line| line.split(',').next().unwrap_or_default().parse::<u64>());
        numbers.sum::<std::result::Result<u64, _>>().map_err(|_| format!("perf says {counts}").into())
    }
}
