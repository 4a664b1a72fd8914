//! The number by which a procedure is called.

use core::fmt;

use crate::varint;

/// The number by which a procedure is called, below 2^62. Users' own are from 0 to 2^30 - 1; the rest
/// is ipfi's (`docs/protocol.md` 3.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcedureIndex(u64);

impl ProcedureIndex {
    /// The index `index`; one that a header cannot carry becomes the largest that it can, which nobody
    /// offers.
    pub const fn new(index: u64) -> Self {
        Self(if index > varint::MAX { varint::MAX } else { index })
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for ProcedureIndex {
    fn from(index: u64) -> Self {
        Self::new(index)
    }
}

impl fmt::Display for ProcedureIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ProcedureIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "procedure {}", self.0)
    }
}
