//! The project's own commands. `cargo xtask test` runs everything there is; see `HELP` for the rest.
//!
//! No dependencies on purpose: this is built before anything else, on every machine and in CI.

// Printing is what a command does; nothing here is a wire.
#![allow(clippy::print_stdout)]

mod bench;
mod compile_times;
mod features;
mod fuzz;
mod instructions;
mod run;
mod sources;
mod test;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask <command>

  test                       everything: format, source rules, lints, tests, doctests, JavaScript, features, wasm, docs, licences
  test --net                 the same with the ignored tests (root, network namespaces) and long random scripts
  instructions               only what one operation costs in instructions, beside what is expected; needs valgrind
  instructions --bless       expects what is measured now
  instructions OPERATION     where the instructions of one operation are, by function
  javascript                 only the JavaScript client, in Node and in Chromium
  sources                    only the source rules, which need no build
  fuzz [target] [seconds]    a target of fuzz/, or all of them; 60 seconds each unless told
  compile-times [methods]    how long an interface takes to compile, beside the same in tarpc
  bench [filter…] [options]  the benchmarks against peers; `cargo xtask bench --help` lists the options
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test::run(false),
        ["test", "--net"] => test::run(true),
        ["instructions", rest @ ..] => instructions::run(rest),
        ["javascript"] => test::javascript().map(drop),
        ["sources"] => sources::report(),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["compile-times", rest @ ..] => compile_times::run(rest),
        ["bench", rest @ ..] => bench::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => Err(format!("unknown command: {}\n\n{HELP}", words.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nerror: {why}");
            ExitCode::FAILURE
        }
    }
}
