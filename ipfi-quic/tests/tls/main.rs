//! TLS: identities, trust, client certificates, and calls over TLS over a pipe in memory.
#![cfg(all(feature = "tls", feature = "development", any(feature = "aws-lc-rs", feature = "ring")))]
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
#![allow(clippy::panic)] // so is a branch that must not be taken

mod client_auth;
mod development;
mod faults;
mod hashes;
mod identities;
mod kit;
mod options;
mod pipe;
mod protocols;
mod reload;
mod resumption;
mod trust;
