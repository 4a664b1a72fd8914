//! Benchmarks of ipfi beside what a user would take instead; README.md says how the figures are taken.
//!
//! | module | what |
//! |---|---|
//! | `peer` | what a peer has to do: two traits |
//! | `peers` | the peers, one small file each |
//! | `payload`, `load` | what is sent and checked, and by how many callers |
//! | `workloads` | what is measured |
//! | `sample` | one sample, in a process of its own |
//! | `rounds` | which samples are taken, and in which order |
//! | `report` | the table, the goals, JSON and plots |

mod allocations;
mod args;
mod load;
mod payload;
mod peer;
mod peers;
mod process;
mod report;
mod rounds;
mod sample;
mod workloads;

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::StatsAlloc;

use args::{Args, Command};

/// Tells that `allocator` is the program's and counts.
pub fn count_allocations(allocator: &'static StatsAlloc<System>) {
    allocations::count_by(allocator);
}

/// The whole program.
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match Command::parse(&words) {
        Ok(Command::Help) => {
            println!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Command::Run(args)) => run(args),
        Ok(Command::Sample(words)) => rounds::sample_here(words),
        Ok(Command::Serve(words)) => process::serve_here(words),
        Err(why) => Err(format!("{why}\n\n{}", args::HELP).into()),
    };
    peers::socket::remove_folder();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Args) -> peer::Result<()> {
    let runs = rounds::chosen(&args)?;
    args.settle(runs.iter().filter(|run| run.is_offered()).count());
    if args.list {
        runs.iter().filter(|run| run.is_offered()).for_each(|run| println!("{}", run.name()));
        return Ok(());
    }
    if args.check {
        return rounds::check(&runs, &args);
    }
    let rows = rounds::take(&runs, &args)?;
    report::write(&rows, &args)
}
