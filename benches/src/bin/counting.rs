//! The benchmarks with an allocator that counts. The other program starts this one for the samples that
//! need it.

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    ipfi_benches::count_allocations(ALLOCATOR);
    ipfi_benches::main()
}
