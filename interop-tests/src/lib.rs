//! What must hold over every carrier, run unchanged over each of them: [`session_suite`] for streams,
//! [`conformance`] for calls.
//!
//! [`session_suite`] holds the claims about a pair of [`Session`](ipfi_core::session::Session)s. A new
//! carrier implements [`session_suite::Carrier`], calls [`session_suite::run_all`] in a test and prints
//! the report where it fails:
//!
//! ```
//! use interop_tests::session_suite::{Carrier, run_all};
//! use ipfi_core::limits::Limits;
//! use ipfi_core::memory::{MemoryOptions, MemorySession, pair};
//!
//! struct Memory;
//!
//! impl Carrier for Memory {
//!     type Session = MemorySession;
//!
//!     async fn pair(&self, limits: Limits) -> (MemorySession, MemorySession) {
//!         pair(MemoryOptions::new(limits))
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
//! # runtime.block_on(async {
//! let report = run_all(&Memory).await;
//! assert!(report.passed(), "{report}");
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod cable;
pub mod conformance;
pub mod held_clock;
pub mod hostile_mux;
pub mod hostile_peer;
pub mod lines;
pub mod pieces;
pub mod quic_pair;
pub mod raw_frames;
pub mod session_suite;
pub mod test_runtime;
pub mod udp_net;
