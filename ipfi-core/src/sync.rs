//! The locks and atomics that tasks of one wire meet at: the standard library's, and under `--cfg shuttle`
//! those of the crate `shuttle`, whose scheduler then decides at every lock and every atomic
//! operation which thread goes on. The schedules it chooses are random, so it finds races that tests on one
//! thread cannot, and each can be repeated.
//!
//! Shuttle and not loom: loom tries *every* schedule and all reorderings that the memory model allows, which
//! ends only for a few dozen operations, and it has an `Arc` of its own, which does not hold `dyn Trait` or
//! `str`. A call over a wire is thousands of operations, and its `Arc`s are shared with code that knows of no
//! loom. What shuttle does not see is weak memory: it runs every atomic as if it were `SeqCst`. No unsafe code
//! stands on our atomics, and those whose order matters beside another are under a lock or `SeqCst`.
//!
//! Counters that only statistics read are left out: a choice of thread there multiplies schedules and shows
//! nothing.

#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
