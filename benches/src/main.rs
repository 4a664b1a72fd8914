//! The benchmarks; README.md says how their figures are taken.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipfi_benches::main()
}
