//! The net and the relays by themselves, and quinn over them.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed unwrap is a failed test

mod links;
mod over_net;
mod over_relays;
mod peers;
mod rebinding;
mod sockets;
