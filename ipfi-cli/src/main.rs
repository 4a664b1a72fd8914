//! The command `ipfi`.

mod generate;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "ipfi", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a typed client for each interface of a server, or of a file.
    Gen(generate::Arguments),
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match Arguments::parse().command {
        Command::Gen(arguments) => generate::run(arguments).await,
    }
}
