//! The claims about sessions, over memory: plain, byte by byte, and proven to notice faults.

use interop_tests::session_suite::{Carrier, Roles, claim_names, run_all};
use ipfi_core::limits::Limits;
use ipfi_core::memory::{MemoryOptions, MemorySession, pair};

/// Memory, with reads of at most so many bytes.
struct Memory {
    max_read_bytes: usize,
}

impl Carrier for Memory {
    type Session = MemorySession;

    async fn pair(&self, limits: Limits) -> (MemorySession, MemorySession) {
        pair(MemoryOptions::new(limits).max_read_bytes(self.max_read_bytes))
    }
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_memory() {
    let report = run_all(&Memory { max_read_bytes: usize::MAX }).await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.results.len(), claim_names().len() * Roles::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_when_reads_return_few_bytes() {
    let report = run_all(&Memory { max_read_bytes: 13 }).await;
    assert!(report.passed(), "{report}");
}

#[test]
fn every_claim_has_a_name_of_its_own() {
    let mut names = claim_names();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
