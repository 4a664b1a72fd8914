//! What is on the heap, where the program was started with the allocator that counts.

use std::alloc::System;
use std::ops::Sub;
use std::sync::OnceLock;

use stats_alloc::StatsAlloc;

static ALLOCATOR: OnceLock<&'static StatsAlloc<System>> = OnceLock::new();

/// From now on allocations are counted.
pub(crate) fn count_by(allocator: &'static StatsAlloc<System>) {
    ALLOCATOR.get_or_init(|| allocator);
}

/// A count of allocations, of this process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allocations {
    /// Made or moved. 0 where nobody counts.
    pub(crate) count: i64,
    /// Allocated and not freed.
    pub(crate) live_bytes: i64,
}

impl Allocations {
    pub(crate) fn now() -> Self {
        let Some(allocator) = ALLOCATOR.get() else { return Self::default() };
        let stats = allocator.stats();
        Self {
            count: (stats.allocations + stats.reallocations) as i64,
            live_bytes: stats.bytes_allocated as i64 - stats.bytes_deallocated as i64,
        }
    }
}

impl Sub for Allocations {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { count: self.count - earlier.count, live_bytes: self.live_bytes - earlier.live_bytes }
    }
}
