//! Benchmarks of ipfi beside what a user would take instead; README.md says how the figures are taken.

mod args;
mod measure;
mod peer;
mod peers;
mod report;

use std::process::ExitCode;

use args::Args;
use measure::{Sample, WORKLOADS, Workload};
use peer::Peer;

/// A peer and a workload, made one function so that peers of different types fit one list.
struct Entry {
    peer: &'static str,
    workload: Workload,
    sample: fn(Workload) -> std::io::Result<Sample>,
}

/// All that `P` can do.
fn entries<P: Peer>() -> impl Iterator<Item = Entry> {
    let fits = |workload: &Workload| P::PIPELINES || workload.outstanding == 1;
    WORKLOADS.into_iter().filter(fits).map(|workload| Entry {
        peer: P::NAME,
        workload,
        sample: measure::sample::<P>,
    })
}

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("error: {why}\n\n{}", args::HELP);
            return ExitCode::FAILURE;
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let mut entries: Vec<Entry> = entries::<peers::raw_tcp::RawTcp>()
        .chain(entries::<peers::bare_ids::BareIds>())
        .chain(entries::<peers::ipfi::Ipfi>())
        .filter(|entry| args.takes(&format!("{}/{}", entry.peer, entry.workload.name)))
        .collect();
    if entries.is_empty() {
        return Err(format!("nothing matches {}", args.filters.join(" ")));
    }
    // Rows of one workload stand together: they are what is compared.
    entries.sort_by_key(|entry| entry.workload.outstanding);

    let mut samples: Vec<Vec<Sample>> = entries.iter().map(|_| Vec::new()).collect();
    for round in 0..args.rounds {
        eprintln!("round {} of {}", round + 1, args.rounds);
        // Interleaved, and every other round backwards: a machine that slows down or warms up does so
        // for all of them.
        let mut order: Vec<usize> = (0..entries.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let entry = &entries[at];
            let sample = (entry.sample)(entry.workload)
                .map_err(|e| format!("{}/{}: {e}", entry.peer, entry.workload.name))?;
            samples[at].push(sample);
        }
    }

    let rows: Vec<report::Row> = entries
        .iter()
        .zip(&samples)
        .map(|(entry, samples)| report::Row::new(entry.peer, entry.workload, samples))
        .collect();
    report::print_table(&rows, args.rounds);
    if let Some(path) = &args.json {
        std::fs::write(path, report::json(&rows, args.rounds))
            .map_err(|e| format!("cannot write {path}: {e}"))?;
        println!("\nwritten to {path}");
    }
    Ok(())
}
