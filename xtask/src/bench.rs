//! `cargo xtask bench`: the package in `benches/`, built with optimisation and run.

use crate::run::Cmd;

pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    // A workspace of its own: the peers it compares with are built by nobody who does not ask.
    let run = Cmd::cargo("run --release --quiet --manifest-path benches/Cargo.toml --");
    args.iter().fold(run, |cmd, arg| cmd.arg(*arg)).run()
}
