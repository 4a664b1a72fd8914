//! `ipfi gen`: typed clients in other languages.

use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where a server listens, or a file that has its descriptions as JSON.
    source: String,
}

pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    eprintln!("{}", arguments.source);
    ExitCode::SUCCESS
}
