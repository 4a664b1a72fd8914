//! Who moves the bytes: three thin drivers over the same machine. Only how they wait differs.
//!
//! | driver | over | waits by | for |
//! | --- | --- | --- | --- |
//! | [`tokio`](mod@tokio) | `AsyncRead` + `AsyncWrite` | tasks | programs with a runtime |
//! | [`blocking`] | `std::io::Read` + `Write` | threads | programs without one |
//! | [`bytewise`] | `push` and `pull` | not at all | wasm guests, serial lines |

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod bytewise;
mod timers;
#[cfg(feature = "tokio")]
pub mod tokio;
