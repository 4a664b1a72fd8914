//! Where standard output cannot be moved away: modules are refused rather than left without a guard.

use std::io;

use tokio::io::{Empty, Sink};

pub(crate) type Reader = Empty;
pub(crate) type Writer = Sink;

/// Nothing: whatever is printed would go into the wire.
pub(super) fn take_stdio() -> io::Result<(Reader, Writer)> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "a module's standard output cannot be kept from stray prints on this system",
    ))
}
