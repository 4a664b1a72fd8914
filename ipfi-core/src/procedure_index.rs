//! The number by which a procedure is called.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::varint;

/// The number by which a procedure is called, below 2^62. Users' own are from 0 to 2^30 - 1; the rest
/// is ipfi's (`docs/protocol.md` 3.6).
///
/// The caller's typed clients know which method it is: the name is there for people, and nothing else depends on it.
#[derive(Clone, Copy)]
pub struct ProcedureIndex {
    index: u64,
    // One word more, where a `&str` would be two, in every call.
    name: Option<&'static &'static str>,
}

impl ProcedureIndex {
    /// The index `index`; one that a header cannot carry becomes the largest that it can, which nobody
    /// offers.
    pub const fn new(index: u64) -> Self {
        Self { index: if index > varint::MAX { varint::MAX } else { index }, name: None }
    }

    /// The same, of a method: `Greeter.hello`.
    pub(crate) const fn named(index: u64, name: &'static &'static str) -> Self {
        Self::with(index, Some(name))
    }

    pub(crate) const fn with(index: u64, name: Option<&'static &'static str>) -> Self {
        Self { name, ..Self::new(index) }
    }

    pub(crate) const fn static_name(self) -> Option<&'static &'static str> {
        self.name
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.index
    }

    /// The method that it is, where a typed client makes the call: `Greeter.hello`.
    pub const fn name(self) -> Option<&'static str> {
        match self.name {
            Some(name) => Some(*name),
            None => None,
        }
    }
}

impl From<u64> for ProcedureIndex {
    fn from(index: u64) -> Self {
        Self::new(index)
    }
}

impl PartialEq for ProcedureIndex {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl Eq for ProcedureIndex {}

impl PartialOrd for ProcedureIndex {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ProcedureIndex {
    fn cmp(&self, other: &Self) -> Ordering {
        self.index.cmp(&other.index)
    }
}

impl Hash for ProcedureIndex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}

/// `968392102 (Greeter.hello)`, or the number alone.
impl fmt::Display for ProcedureIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.index.fmt(f)?;
        self.name().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

impl fmt::Debug for ProcedureIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "procedure {self}")
    }
}
