//! Our QUIC against s2n-quic, which nobody here wrote, with either as the client. What it sends and what it must get
//! are bytes written by hand from `docs/protocol.md`: no code of ours makes or reads them.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../quic_lab/mod.rs"]
mod quic_lab;

mod our_client;
mod our_server;
mod support;
