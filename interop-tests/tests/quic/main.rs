//! Wires over QUIC: what early data, paths that change, lossy networks and hostile peers do to them. All but
//! [`namespaces`] is on a simulated network in virtual time.

// Test code: a failed unwrap is a failed test. Figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod early;
mod early_hooks;
mod floods;
mod handshakes;
mod isolation;
mod kit;
mod lossy;
mod moving;
#[cfg(target_os = "linux")]
mod namespaces;
mod refused;
mod shared_stream;
mod silent;
mod slow;
mod slow_many;
mod unread;
