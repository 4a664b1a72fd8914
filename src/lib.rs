//! ipfi: call any program's procedures over any pipe.
pub use ipfi_core as core;
pub use ipfi_mux as mux;
