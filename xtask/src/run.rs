//! Running one command after another: a heading and a time for each, and how to repeat the one that failed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The top of the repository. Cargo tells where the package lies when it runs us; the path known at build
/// time may be that of another checkout, when two share a target folder.
pub(crate) fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().expect("xtask lies inside the repository").to_path_buf()
}

/// A program with its arguments and environment, printable as a line for a shell.
#[derive(Debug)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
}

impl Cmd {
    /// `program` with `args`, split at white space: no argument of ours contains any.
    pub(crate) fn new(program: impl Into<OsString>, args: &str) -> Self {
        Self {
            program: program.into(),
            args: args.split_whitespace().map(str::to_owned).collect(),
            env: Vec::new(),
        }
    }

    /// The cargo that the user calls, so that `cargo +nightly xtask …` means what it says.
    pub(crate) fn cargo(args: &str) -> Self {
        Self::new("cargo", args)
    }

    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn env(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.env.push((key, value.into()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // Whoever waits for an answer would wait for ever in CI.
        command.args(&self.args).current_dir(root()).stdin(Stdio::null());
        // `cargo xtask` is `cargo run`, which tells us about its own package and build; a test or a build
        // script must not see that, or it is built differently than by hand. Other programs run cargo, too.
        for (key, _) in std::env::vars_os() {
            let name = key.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&key);
            }
        }
        for (key, value) in &self.env {
            command.env(key, value);
        }
        command
    }

    /// Runs it with its output on the terminal.
    pub(crate) fn run(&self) -> Result<(), String> {
        println!("$ {self}");
        let status = self.command().status().map_err(|e| format!("cannot start `{self}`: {e}"))?;
        if status.success() { Ok(()) } else { Err(format!("{status}; to repeat it:\n\n    {self}\n")) }
    }

    /// Whether it runs and succeeds; what it prints is thrown away.
    pub(crate) fn succeeds(&self) -> bool {
        self.command().stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    }

    /// What it prints on stdout, if it succeeds.
    pub(crate) fn output(&self) -> Option<String> {
        let output = self.command().stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl core::fmt::Display for Cmd {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let quoted = |word: &str| match word.contains(char::is_whitespace) {
            true => format!("'{word}'"),
            false => word.to_owned(),
        };
        for (key, value) in &self.env {
            write!(f, "{key}={} ", quoted(value))?;
        }
        f.write_str(&quoted(&self.program.to_string_lossy()))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// How a step ended, if it did not fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Passed,
    /// It could not run here; why was printed. The closing lines repeat it, so that nobody takes it
    /// for a pass.
    Skipped(&'static str),
}

/// Steps run in order; the first failure ends them.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration, Outcome)>,
}

impl Steps {
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<Outcome, String>,
    ) -> Result<(), String> {
        println!("\n==== {}. {name}", self.done.len() + 1);
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(why) => {
                println!("---- {name}: failed after {:.1} s", took.as_secs_f64());
                self.summary(1);
                return Err(format!("{name}: {why}"));
            }
        };
        println!("---- {name}: {:.1} s", took.as_secs_f64());
        self.done.push((name, took, outcome));
        Ok(())
    }

    /// Commands as one step.
    pub(crate) fn commands(
        &mut self,
        name: &'static str,
        commands: impl IntoIterator<Item = Cmd>,
    ) -> Result<(), String> {
        self.step(name, || commands.into_iter().try_for_each(|c| c.run()).map(|()| Outcome::Passed))
    }

    pub(crate) fn finish(&self) {
        self.summary(0);
    }

    fn summary(&self, failed: usize) {
        println!("\n==== Summary");
        for (name, took, outcome) in &self.done {
            let note = match outcome {
                Outcome::Passed => String::new(),
                Outcome::Skipped(why) => format!("  SKIPPED: {why}"),
            };
            println!("{:>7.1} s  {name}{note}", took.as_secs_f64());
        }
        let skipped = self.done.iter().filter(|(_, _, outcome)| *outcome != Outcome::Passed).count();
        let total: Duration = self.done.iter().map(|(_, took, _)| *took).sum();
        println!("{:>7.1} s  in all", total.as_secs_f64());
        println!("steps: {} passed, {failed} failed, {skipped} skipped", self.done.len() - skipped);
    }
}

#[cfg(test)]
mod tests;
