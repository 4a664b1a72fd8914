//! WebSockets behind nginx and HAProxy: what goes through, what their idle timeouts do and do not cut, and what both ends say when
//! a proxy has nobody to ask, or dies.
//!
//! The proxies are Debian's packages, installed if they are not there. Time is real, because theirs is.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod calls;
mod idle;
mod origins;
mod proxy;
