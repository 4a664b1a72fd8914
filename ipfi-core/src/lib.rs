//! The heart of ipfi.

pub mod close_code;
pub mod codec;
pub mod error;
pub mod limits;
pub mod metadata;
pub mod proto;
pub mod runtime;
pub mod session;
pub mod status;
pub mod time;
#[doc(hidden)]
pub mod varint;
