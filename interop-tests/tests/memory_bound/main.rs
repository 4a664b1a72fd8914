//! `Limits::memory_bound_bytes` holds against a client that does its worst, and all of it goes when the
//! connection ends. Heap is counted by the allocator, not by the code under test.

// Test code: a failed unwrap is a failed test. The figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod floods;
#[path = "../heap/mod.rs"]
mod heap;
mod kit;
mod messages;
mod windows;
