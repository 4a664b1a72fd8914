//! Repeats one operation of the library as often as it is told, on one thread, and asks for nothing that could
//! differ between two runs: a count of its instructions is the same every time.
//!
//! `instructions NAME TIMES` repeats the operation NAME; without arguments it names the operations, each with
//! what one is. `cargo xtask instructions` counts.

mod calls;
mod memory;
mod mux;

use std::process::ExitCode;

/// What is repeated.
struct Operation {
    name: &'static str,
    /// As often as this for a count: a multiple of what the operation does at once, and enough for everything
    /// that grows with use to have grown in the first half.
    times: u64,
    run: fn(u64),
}

const OPERATIONS: [Operation; 10] = [
    Operation { name: "call_memory", times: 1000, run: memory::calls },
    Operation { name: "call", times: 1000, run: calls::one_after_another },
    Operation { name: "call_typed", times: 1000, run: calls::typed },
    Operation { name: "call_of_64", times: 64 * 50, run: calls::outstanding },
    Operation { name: "item", times: 20_000, run: calls::items },
    Operation { name: "item_typed", times: 20_000, run: calls::typed_items },
    Operation { name: "bulk_kib", times: calls::CHUNK_KIB * 64, run: calls::bulk },
    Operation { name: "connect", times: 200, run: calls::connections },
    Operation { name: "mux_frame", times: 10_000, run: mux::frames },
    Operation { name: "mux_stream", times: 4000, run: mux::streams },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            OPERATIONS.iter().for_each(|Operation { name, times, .. }| println!("{name} {times}"));
            ExitCode::SUCCESS
        }
        [name, times] => {
            let operation = OPERATIONS.iter().find(|operation| operation.name == name);
            let (Some(operation), Ok(times)) = (operation, times.parse()) else {
                eprintln!("no operation {name:?}, or {times:?} is not a number");
                return ExitCode::FAILURE;
            };
            (operation.run)(times);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: instructions [NAME TIMES]");
            ExitCode::FAILURE
        }
    }
}
