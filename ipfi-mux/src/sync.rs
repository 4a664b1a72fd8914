//! The locks and atomics that the tasks of one connection meet at: the standard library's, and under
//! `--cfg shuttle` those that let random schedules be tested. `ipfi-core/src/sync.rs` says more.

#[cfg(not(shuttle))]
pub(crate) use std::sync::Mutex;
#[cfg(all(not(shuttle), feature = "tokio"))]
pub(crate) use std::sync::atomic;

#[cfg(shuttle)]
pub(crate) use shuttle::sync::Mutex;
#[cfg(all(shuttle, feature = "tokio"))]
pub(crate) use shuttle::sync::atomic;
