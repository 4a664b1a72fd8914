//! WebTransport beside native QUIC on one port, who is refused, and what a request says of a client: on a simulated
//! network, in virtual time.
// A carrier that cannot be made is a failed test.
#![allow(clippy::unwrap_used)]

mod kit;
mod peers;
mod refused;
