//! WebSocket: what a peer may do wrong, in the handshake, in frames, in records, and by doing nothing; each time one clear
//! error on either side. In virtual time, against bytes written by hand.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod ends;
mod floods;
mod frames;
mod handshakes;
mod kit;
mod silent;
