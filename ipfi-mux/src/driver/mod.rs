//! Who moves the bytes: three thin drivers over the same machine. Only how they wait differs.
//!
//! | driver | over | waits by | for |
//! | --- | --- | --- | --- |
//! | [`bytewise`] | `push` and `pull` | not at all | wasm guests, serial lines |
#![cfg_attr(
    feature = "tokio",
    doc = "| [`tokio`](mod@tokio) | `AsyncRead` + `AsyncWrite` | tasks | programs with a runtime |"
)]
#![cfg_attr(
    feature = "blocking",
    doc = "| [`blocking`] | `std::io::Read` + `Write` | threads | programs without one |"
)]

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod bytewise;
mod timers;
#[cfg(feature = "tokio")]
pub mod tokio;
