//! What a host and its modules offer each other; a crate of its own where they are two programs of two people.
#![allow(dead_code, reason = "each side uses a half of it")]

use ipfi::{Context, Status};

/// Offered by a module.
#[ipfi::interface]
pub(crate) trait Module {
    async fn greet(&self, context: &Context, id: u32) -> Result<String, Status>;
}

/// Offered by whoever runs it.
#[ipfi::interface]
pub(crate) trait Host {
    async fn name(&self, id: u32) -> String;
}
