//! What the heap holds and how often it is asked, for the whole process: one test at a time.

// Each test binary uses its part of this.
#![allow(dead_code)]

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Held by a test while it counts, so that no other test of the binary is counted with it.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that the heap holds now.
pub(crate) fn live() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Bytes asked for since the process began, given back or not; growth counts by what it added.
pub(crate) fn allocated() -> usize {
    ALLOCATOR.stats().bytes_allocated
}

/// How often the heap was asked for a block, or to change one.
pub(crate) fn requests() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}
