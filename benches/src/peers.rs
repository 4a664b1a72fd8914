//! The peers, one module each.

pub(crate) mod bare_ids;
pub(crate) mod ipfi;
pub(crate) mod raw_tcp;
