//! The heart of ipfi.

pub mod close_code;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod limits;
pub mod runtime;
pub mod session;
pub mod time;
#[doc(hidden)]
pub mod varint;
