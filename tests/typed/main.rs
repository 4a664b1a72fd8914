//! Typed interfaces: what `#[ipfi::interface]` makes of a trait, end to end in one process.
#![cfg(all(feature = "macros", feature = "tokio", feature = "messagepack"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails must say where")]

mod attributes;
mod bytes;
mod dynamic;
mod errors;
mod evolution;
mod greeter;
mod kinds;
mod reflection;
mod registration;
mod schema;
mod values;
