//! The whole stack through the facade, over real sockets: QUIC, TLS, certificates, peers that are killed, servers that
//! are full, strangers at the door, shutting down, hooks.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod certificates;
mod full;
mod hooks;
mod killed;
mod resuming;
mod secure;
mod shutdown;
mod strangers;
mod support;
mod typed;
mod web;
mod webtransport;
