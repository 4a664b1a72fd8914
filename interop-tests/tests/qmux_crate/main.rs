//! Our QMux against the `qmux` crate, which nobody here wrote: over TCP, Unix sockets and WebSocket, with either as
//! the client, so that a misreading of the draft that both our ends share would show.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod calls;
mod credit;
mod ends;
mod keep_alive;
mod streams;
mod support;
