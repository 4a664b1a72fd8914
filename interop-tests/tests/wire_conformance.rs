//! The claims about wires, over memory: plain, byte by byte, and proven to notice faults.

use interop_tests::conformance::{Cut, WireCarrier, claims, run_all};
use interop_tests::test_runtime::TestRuntime;
use ipfi_core::memory::{MemoryOptions, pair};
use ipfi_core::{Wire, WireOptions};

/// Memory, with reads of at most so many bytes.
struct Memory {
    max_read_bytes: usize,
}

impl WireCarrier for Memory {
    async fn wires(&self, client: WireOptions, server: WireOptions) -> (Wire, Wire, Cut) {
        let mut options = MemoryOptions::default().max_read_bytes(self.max_read_bytes);
        options.client.limits = client.limits_ref().clone();
        options.server.limits = server.limits_ref().clone();
        let (client_end, server_end) = pair(options);
        let control = client_end.control();
        let runtime = TestRuntime::shared();
        let (client, serving) = Wire::new(client_end, runtime.clone(), client);
        tokio::spawn(serving);
        let (server, serving) = Wire::new(server_end, runtime, server);
        tokio::spawn(serving);
        (client, server, Box::new(move |detail| control.cut(detail)))
    }
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_over_memory() {
    let report = run_all(Memory { max_read_bytes: usize::MAX }).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_holds_when_reads_return_few_bytes() {
    let report = run_all(Memory { max_read_bytes: 997 }).await;
    assert!(report.passed(), "{report}");
}

#[test]
fn every_claim_has_a_name_of_its_own() {
    let mut names: Vec<_> = claims().iter().map(|claim| claim.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
