//! `cargo xtask compile-times`: how long an interface of fifty methods takes to compile, beside the same one in tarpc, and
//! beside its trait and implementor with neither.
//!
//! Three packages are written under `target/compile-times`, which differ in what calls and serves: all have the same types
//! and methods, and call each method once over TCP. Whoever changes the interface compiles such a package again and again;
//! so what is timed is that package alone, with everything it depends on built before. Without incremental
//! compilation: with it, a source that is only touched is not compiled.

mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::run::{Cmd, root};

const PEERS: [&str; 3] = ["plain", "ipfi", "tarpc"];
const COMMANDS: [&str; 2] = ["check", "build"];
const ROUNDS: usize = 5;

pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let methods = match args {
        [] => 50,
        [count] => count.parse().map_err(|_| format!("{count} is no number of methods"))?,
        _ => return Err("compile-times takes one number, of methods".to_owned()),
    };
    let folder = root().join("target/compile-times");
    write_workspace(&folder, methods)?;
    // What they depend on, for both commands; and whether they do what they are to do.
    for peer in PEERS {
        command(&folder, "check", peer).run()?;
        command(&folder, "run", peer).run()?;
    }
    let mut times = vec![Vec::new(); PEERS.len() * COMMANDS.len()];
    for round in 0..ROUNDS {
        println!("round {} of {ROUNDS}", round + 1);
        for (n, times) in times.iter_mut().enumerate() {
            let (peer, verb) = (PEERS[n / COMMANDS.len()], COMMANDS[n % COMMANDS.len()]);
            write(&source_of(&folder, peer), &sources::main(peer, methods))?;
            let started = Instant::now();
            if !command(&folder, verb, peer).succeeds() {
                return Err(format!("to repeat what failed:\n\n    {}\n", command(&folder, verb, peer)));
            }
            times.push(started.elapsed());
        }
    }
    print(methods, &mut times);
    Ok(())
}

fn command(folder: &Path, verb: &str, peer: &str) -> Cmd {
    let manifest = folder.join("Cargo.toml");
    Cmd::cargo(&format!("{verb} --quiet --package compile-times-{peer} --manifest-path"))
        .arg(manifest.display().to_string())
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", folder.join("target").display().to_string())
}

fn source_of(folder: &Path, peer: &str) -> PathBuf {
    folder.join(peer).join("src/main.rs")
}

fn write_workspace(folder: &Path, methods: usize) -> Result<(), String> {
    let members = PEERS.map(|peer| format!("{peer:?}")).join(", ");
    write(&folder.join("Cargo.toml"), &format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n"))?;
    for peer in PEERS {
        write(&folder.join(peer).join("Cargo.toml"), &sources::manifest(peer, &root()))?;
        write(&source_of(folder, peer), &sources::main(peer, methods))?;
    }
    // The versions that the other benchmarks have.
    let lock = folder.join("Cargo.lock");
    if lock.exists() {
        return Ok(());
    }
    fs::copy(root().join("benches/Cargo.lock"), &lock)
        .map(drop)
        .map_err(|e| format!("{}: {e}", lock.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|e| format!("{}: {e}", path.display()))
}

/// Medians, and what is left of them without that of `plain`.
fn print(methods: usize, times: &mut [Vec<Duration>]) {
    println!("\nan interface of {methods} methods, medians of {ROUNDS}, in seconds (least to greatest)\n");
    println!("{:<8}{:>28}{:>28}", "", "cargo check", "cargo build");
    for (peer, times) in PEERS.iter().zip(times.chunks_mut(COMMANDS.len())) {
        let cells = times.iter_mut().map(|times| {
            times.sort_unstable();
            let [least, median, greatest] = [times.first(), times.get(times.len() / 2), times.last()]
                .map(|time| time.map_or(0.0, Duration::as_secs_f64));
            format!("{:>28}", format!("{median:.2} ({least:.2} to {greatest:.2})"))
        });
        println!("{peer:<8}{}", cells.collect::<String>());
    }
}

#[cfg(test)]
mod tests;
