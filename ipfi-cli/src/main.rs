//! The command `ipfi`: what a running server offers, called from a shell. `docs/cli.md` is its manual.

mod bench;
mod call;
mod completions;
mod connection;
mod describe;
mod failure;
mod format;
mod generate;
mod interruption;
mod list;
mod man;
mod nearest;
mod show;
mod source;
mod texts;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Calls the procedures of a running server, over any carrier that its URL names.
#[derive(Debug, Parser)]
#[command(name = "ipfi", version, propagate_version = true, after_help = failure::EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists what a server offers, a method on a line.
    List(list::Arguments),
    /// Describes interfaces, methods and their types.
    Describe(describe::Arguments),
    /// Calls a method, with JSON in and out.
    Call(call::Arguments),
    /// Calls a method again and again, and measures it.
    Bench(bench::Arguments),
    /// Writes a typed client for each interface of a server, or of a file.
    Gen(generate::Arguments),
    /// Prints the completions of a shell.
    Completions(completions::Arguments),
    /// Prints the manual page, or that of a subcommand.
    Man(man::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Describe(arguments) => describe::run(arguments).await,
        Command::Call(arguments) => call::run(arguments).await,
        Command::Bench(arguments) => bench::run(arguments).await,
        Command::Gen(arguments) => generate::run(arguments).await,
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
