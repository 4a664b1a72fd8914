//! Calls under random thread schedules: callers, handlers, reader and writer of both ends are threads of
//! shuttle's, which at every lock and every atomic operation decides by lot who goes on. The code is that of
//! the core, the machine and the tokio driver as they are (`ipfi-core/src/sync.rs`); time stands still, so
//! whatever waits for a wake-up that does not come is a deadlock, and shuttle says so. [P5, R4]
//!
//! A step of `cargo xtask test`; alone:
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test --target-dir target/shuttle -p ipfi-mux --features shuttle --test schedules
//! ```
//!
//! `IPFI_SCHEDULES` says how many schedules each test tries (1000), `IPFI_SCHEDULE` is one that a failed test
//! has printed, to be run again.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod cancel;
mod drops;
mod ends;
mod kit;
