//! What `tracing` and the observers cost when nobody listens: instructions per call, counted by callgrind, with
//! tracing as a user has it and with its macros compiled away.
//!
//! Instructions and not time, because they are the same in every run: the difference is not an estimate, and a
//! change that makes silence expensive fails here rather than being lost in noise.

use crate::run::{Cmd, Outcome};

const PACKAGE: &str = "interop-tests/tracing-cost";

/// Instructions that a call (both of its ends) may cost more than without tracing: under one in a hundred. Its
/// ends ask whether anybody listens, and go on; a report that nobody reads would cost several times that.
const TOLERATED: u64 = 150;

/// Calls of the two runs whose difference is taken: what is done once per program is in both.
const RUNS: [u64; 2] = [1000, 3000];

pub(crate) fn check() -> Result<Outcome, String> {
    if !Cmd::new("valgrind", "--version").succeeds() {
        println!("valgrind is not installed: what tracing costs was NOT measured");
        return Ok(Outcome::Skipped("valgrind is not installed"));
    }
    let with = instructions_per_call("on", "")?;
    let without = instructions_per_call("off", "--features off")?;
    println!("a call over memory: {with} instructions, {without} with tracing compiled away");
    if with > without + TOLERATED {
        return Err(format!(
            "tracing costs {} instructions a call when nobody listens, {TOLERATED} are tolerated",
            with - without
        ));
    }
    Ok(Outcome::Passed)
}

/// Builds the program with `features` and counts.
fn instructions_per_call(name: &str, features: &str) -> Result<u64, String> {
    let target = format!("target/tracing-cost/{name}");
    let manifest = format!("--manifest-path {PACKAGE}/Cargo.toml");
    Cmd::cargo(&format!("build --release --locked {manifest} --target-dir {target} {features}")).run()?;
    let [few, many] = RUNS.map(|calls| {
        let tool = "--tool=callgrind --callgrind-out-file=/dev/null --log-fd=1";
        let cmd = Cmd::new("valgrind", &format!("{tool} {target}/release/tracing-cost {calls}"));
        cmd.output().as_deref().and_then(collected).ok_or(format!("no count of instructions by `{cmd}`"))
    });
    Ok((many? - few?) / (RUNS[1] - RUNS[0]))
}

/// The count in callgrind's log: `==123== Collected : 22778086`.
fn collected(log: &str) -> Option<u64> {
    log.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests;
