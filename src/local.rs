//! What holds for pipes within one machine.

use ipfi_core::Limits;

/// A pipe within one machine ends when its process does, and its owner may sleep for hours: nobody needs
/// pings there.
pub(crate) fn without_idle_timeout(limits: &Limits) -> Limits {
    let mut limits = limits.clone();
    limits.ping_interval = None;
    limits.idle_timeout = None;
    limits
}
