//! The whole stack through the facade, over real TCP and Unix sockets: peers that are killed, servers that
//! are full, strangers at the door, shutting down, hooks.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod full;
mod hooks;
mod killed;
mod shutdown;
mod strangers;
mod support;
