//! The mux as its users and its enemies see it: two connections on a virtual clock, and scripted peers.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed unwrap is a failed test
#![allow(clippy::field_reassign_with_default)] // `Limits` is non-exhaustive: there is no other way

mod honest;
mod hostile;
mod lifecycle;
mod model;
mod progress;
mod receiving;
mod rules;
mod sending;
mod session;
mod support;
mod timers;
mod windows;
