//! `cargo xtask fuzz [target] [seconds]`: coverage-guided fuzzing on the nightly compiler.

use crate::run::{Cmd, root};
use crate::tools;

mod seeds;

const SECONDS: u64 = 60;

/// One input may take a second and the whole process 256 MiB: a peer that can spend more found a fault.
const LIMITS: &str = "-timeout=1 -rss_limit_mb=256";

pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let targets = targets()?;
    let (chosen, seconds) = choose(args, &targets)?;
    tools::FUZZ.ensure()?;
    for target in chosen {
        seeds::write(&target)?;
        // Sanitizers and coverage are unstable, so cargo-fuzz needs nightly; asked for by name, so
        // that the default toolchain stays the one that everything else is tested on.
        Cmd::cargo(&format!("+nightly fuzz run {target} -- -max_total_time={seconds} {LIMITS}"))
            // Freed memory is kept back to catch its use; by default as much as the limit.
            .env("ASAN_OPTIONS", "quarantine_size_mb=16")
            .run()?;
    }
    Ok(())
}

/// The files of `fuzz/fuzz_targets`, by name.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let files = std::fs::read_dir(&folder).map_err(|e| format!("cannot read fuzz/fuzz_targets: {e}"))?;
    let mut names: Vec<String> = files
        .filter_map(|file| file.ok()?.file_name().to_string_lossy().strip_suffix(".rs").map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

/// Which targets, and for how long each. A lone number is the seconds, for all targets.
fn choose(args: &[&str], targets: &[String]) -> Result<(Vec<String>, u64), String> {
    let (target, seconds) = match args {
        [] => (None, None),
        [only] if only.parse::<u64>().is_ok() => (None, Some(*only)),
        [target] => (Some(*target), None),
        [target, seconds] => (Some(*target), Some(*seconds)),
        _ => return Err("usage: cargo xtask fuzz [target] [seconds]".to_owned()),
    };
    // libFuzzer reads 0 as "for ever".
    let seconds = match seconds.map(str::parse).transpose() {
        Ok(seconds) => seconds.unwrap_or(SECONDS).max(1),
        Err(e) => return Err(format!("the seconds are not a number: {e}")),
    };
    let chosen = match target {
        None => targets.to_vec(),
        Some(target) if targets.iter().any(|t| t == target) => vec![target.to_owned()],
        Some(target) => return Err(format!("no fuzz target `{target}`; there are: {}", targets.join(", "))),
    };
    Ok((chosen, seconds))
}

#[cfg(test)]
mod tests;
