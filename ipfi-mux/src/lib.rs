//! QMux over one ordered byte pipe.

pub mod frame;
pub mod params;
pub mod record;
pub mod stream_id;
pub mod violation;

mod abuse;
mod byte_queue;
pub mod config;
pub mod connection;
mod flow;
mod schedule;
mod streams;
pub use config::{Config, ConfigError};
pub use connection::Connection;
pub use streams::StreamKey;
