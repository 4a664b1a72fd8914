//! QMux over one ordered byte pipe.

pub mod frame;
pub mod params;
pub mod record;
pub mod stream_id;
pub mod violation;
