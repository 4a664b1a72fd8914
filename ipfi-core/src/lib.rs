//! The heart of ipfi.

pub mod close_code;
pub mod error;
pub mod limits;
pub mod memory;
pub mod runtime;
pub mod session;
pub mod time;
#[doc(hidden)]
pub mod varint;
