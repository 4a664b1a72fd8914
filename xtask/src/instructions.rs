//! `cargo xtask instructions`: what one operation of the library costs, counted by callgrind and compared with the
//! counts that are committed, so that a change that makes one dearer is seen in the change.
//!
//! Instructions and not time, because they are the same in every run: a difference is not an estimate. An operation
//! is repeated N times and 2 N times, and the difference is divided by N: what a program does once is in both.
//!
//! Only **the program's own instructions** are counted: the library, the crates it is made of and Rust's standard
//! library, but nothing of the C library. That one has a `memcpy` for each family of processors and another
//! allocator in each release, so that its counts are those of a machine. What is asked of it is counted instead:
//! **allocations** and **copies**, by the calls of it. (A small copy whose size the compiler knows is
//! instructions of ours, and calls nothing.)

mod callgrind;
mod expected;

use std::fs;

use crate::run::{Cmd, Outcome, root};
use crate::tools;
use callgrind::{Kind, Profile};
use expected::{Count, Expected, Toolchain};

const PACKAGE: &str = "interop-tests/instructions";

/// What it is built as, in the folder of the build.
const PROGRAM: &str = "/release/instructions";

/// In the package, what `--bless` writes.
const EXPECTED: &str = "interop-tests/instructions/expected.txt";

/// The call in which tracing is compared with no tracing: the core alone, which says the most.
const TRACED: &str = "call_memory";

/// Instructions that a call (both of its ends) may cost more than without tracing: under one in a hundred. Its
/// ends ask whether anybody listens, and go on; a report that nobody reads would cost several times that.
const TRACING: f64 = 150.0;

const USAGE: &str = "\
usage: cargo xtask instructions              compare with what is expected
       cargo xtask instructions --bless      expect what is measured now
       cargo xtask instructions OPERATION    where the instructions of one operation are";

pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    match args {
        [] => check().map(drop),
        ["--bless"] => bless(),
        [operation] if !operation.starts_with('-') => breakdown(operation),
        _ => Err(USAGE.to_owned()),
    }
}

/// Fails when an operation costs more than expected, or less: a gain that is not written down is spent unseen.
pub(crate) fn check() -> Result<Outcome, String> {
    let text =
        fs::read_to_string(root().join(EXPECTED)).map_err(|e| format!("cannot read {EXPECTED}: {e}"))?;
    let expected = Expected::parse(&text).map_err(|why| format!("{EXPECTED}: {why}"))?;
    let here = toolchain()?;
    if here.host != expected.toolchain.host {
        let theirs = &expected.toolchain.host;
        println!("the counts are of {theirs}, this is {}: NOTHING was counted", here.host);
        return Ok(Outcome::Skipped("the expected counts are of another system or processor"));
    }
    let program = Program::build("")?;
    println!("{}", expected::heading());
    let measured = program.measure(|count| println!("{}", expected.row(count)))?;
    expected.compare(&measured, &here)?;
    let calls = measured.iter().find(|count| count.is(TRACED, Kind::Instructions));
    tracing(calls.ok_or("the operation in which tracing is looked at was not measured")?.value)?;
    Ok(Outcome::Passed)
}

fn bless() -> Result<(), String> {
    let program = Program::build("")?;
    let counts = program.measure(|count| println!("{count}"))?;
    let text = Expected { toolchain: toolchain()?, counts }.to_string();
    fs::write(root().join(EXPECTED), text).map_err(|e| format!("cannot write {EXPECTED}: {e}"))?;
    println!("written to {EXPECTED}; the commit says why the counts changed");
    Ok(())
}

/// Compares the instructions `with` tracing with those of a program whose spans and events were compiled away.
fn tracing(with: f64) -> Result<(), String> {
    let program = Program::build("--features silent")?;
    let (profile, times) = program.profile(TRACED, program.times(TRACED)?)?;
    let without = profile.count(Kind::Instructions) as f64 / times;
    let costs = with - without;
    println!("{TRACED} with tracing compiled away: {without:.1}, so that tracing costs {costs:.1}");
    if costs <= TRACING {
        return Ok(());
    }
    Err(format!(
        "tracing costs {costs:.0} instructions a call when nobody listens, {TRACING} are tolerated: something is \
         made before it is asked whether anybody listens"
    ))
}

fn breakdown(operation: &str) -> Result<(), String> {
    let program = Program::build("")?;
    let (profile, times) = program.profile(operation, program.times(operation)?)?;
    print!("{}", profile.breakdown(times));
    Ok(())
}

fn toolchain() -> Result<Toolchain, String> {
    let printed = Cmd::new("rustc", "--version --verbose").output();
    printed.as_deref().and_then(Toolchain::of_rustc).ok_or("rustc does not tell its version".to_owned())
}

/// Where it is built. One folder for both builds: they share what tracing is not part of.
const TARGET: &str = "target/instructions";

/// The program that repeats operations, until it is built with other features.
struct Program {
    /// From the top of the repository.
    path: String,
}

impl Program {
    fn build(features: &str) -> Result<Self, String> {
        tools::ensure_valgrind()?;
        let manifest = format!("--manifest-path {PACKAGE}/Cargo.toml");
        Cmd::cargo(&format!("build --release --locked {manifest} --target-dir {TARGET} {features}"))
            // What somebody builds for this processor would be other instructions.
            .env("RUSTFLAGS", "")
            .run()?;
        Ok(Self { path: format!("{TARGET}{PROGRAM}") })
    }

    /// The operations, and how often each is repeated for a count.
    fn operations(&self) -> Result<Vec<(String, u64)>, String> {
        let list = Cmd::new(&self.path, "").output().unwrap_or_default();
        let operations: Option<Vec<_>> = list
            .lines()
            .map(|line| {
                line.split_once(' ').and_then(|(name, times)| Some((name.to_owned(), times.parse().ok()?)))
            })
            .collect();
        operations
            .filter(|list| !list.is_empty())
            .ok_or(format!("`{}` does not list its operations", self.path))
    }

    fn times(&self, operation: &str) -> Result<u64, String> {
        let operations = self.operations()?;
        let found = operations.iter().find(|(name, _)| name == operation).map(|(_, times)| *times);
        found.ok_or_else(|| {
            let names: Vec<&str> = operations.iter().map(|(name, _)| name.as_str()).collect();
            format!("there is no operation {operation:?}, only {}", names.join(", "))
        })
    }

    /// All counts of all operations; each is told as soon as it is known.
    fn measure(&self, told: impl Fn(&Count)) -> Result<Vec<Count>, String> {
        let mut counts = Vec::new();
        for (operation, times) in self.operations()? {
            let (profile, times) = self.profile(&operation, times)?;
            for kind in Kind::ALL {
                let count = Count::new(&operation, kind, profile.count(kind) as f64 / times);
                told(&count);
                counts.push(count);
            }
        }
        Ok(counts)
    }

    /// What `times` repetitions of `operation` do; and that number again, to divide by.
    fn profile(&self, operation: &str, times: u64) -> Result<(Profile, f64), String> {
        let few = self.run(operation, times)?;
        let many = self.run(operation, 2 * times)?;
        Ok((many.without(&few), times as f64))
    }

    fn run(&self, operation: &str, times: u64) -> Result<Profile, String> {
        let out = format!("{TARGET}/callgrind.out");
        let options = "--tool=callgrind --compress-strings=no --compress-pos=no --callgrind-out-file";
        let cmd = Cmd::new("valgrind", &format!("{options}={out} {} {operation} {times}", self.path));
        if !cmd.succeeds() {
            return Err(format!("it fails under valgrind; to repeat it:\n\n    {cmd}\n"));
        }
        let written = fs::read_to_string(root().join(&out)).map_err(|e| format!("cannot read {out}: {e}"))?;
        Profile::parse(&written, PROGRAM).ok_or(format!("{out} is not a profile of `{cmd}`"))
    }
}
