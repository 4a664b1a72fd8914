//! WebTransport beside native QUIC on one port, who is refused, what a request says of a client, hostile clients, and an
//! implementation that nobody here wrote at either end: on a simulated network, in virtual time.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../quic_lab/mod.rs"]
mod quic_lab;

mod hostile;
mod kit;
mod peers;
mod refused;
mod strangers;
mod their_client;
mod their_server;
