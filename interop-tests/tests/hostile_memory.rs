//! What a wire allocates for a peer follows what the peer has sent, whatever it claims. [A5, and fault 1
//! of ipfi 0.1]
//!
//! One test, because the allocator counts for the process.

// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used)]

use std::alloc::System;

use interop_tests::conformance::kit::standard;
use interop_tests::hostile_peer::HostilePeer;
use ipfi_core::varint;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a task, a stream and an error in words cost, many times over.
const SLACK: usize = 64 << 10;

/// An integer of the protocol.
fn integer(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint::put(&mut out, value);
    out
}

#[tokio::test(start_paused = true)]
async fn a_claimed_length_is_never_trusted_with_an_allocation() {
    let (mut peer, wire) = HostilePeer::against(standard());
    peer.hello().await;
    peer.still_served().await;
    let lengths = [1 << 10, 1 << 16, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 1 << 31, 1 << 40, 1 << 60];
    for length in lengths {
        let header = |procedure: u8| vec![procedure, 0x01];
        let mut requests: Vec<Vec<u8>> = Vec::new();
        // The length of an item, of each kind, to a typed and to a raw procedure.
        for kind in 0..4 {
            for procedure in [0, 4, 8] {
                let first = integer((length.min(1 << 59) << 2) | kind);
                requests.push([header(procedure), first, vec![b'x'; 10]].concat());
            }
        }
        // The length of metadata in a header.
        requests.push([vec![0x00, 0x21], integer(length), vec![b'x'; 10]].concat());
        // The length of a string and of a byte string inside a value.
        for procedure in [0, 8] {
            let claim = [vec![0xfd], length.to_le_bytes().to_vec(), vec![b'x'; 10]].concat();
            let first = integer(u64::try_from(claim.len()).unwrap() << 2);
            requests.push([header(procedure), first, claim].concat());
        }
        for request in requests {
            let region = Region::new(ALLOCATOR);
            let call = peer.call(&request, false).await;
            let allocated = region.change().bytes_allocated;
            assert!(allocated <= SLACK, "{allocated} bytes for {request:02x?}");
            drop(call);
        }
    }
    peer.still_served().await;
    assert_eq!(wire.inbound_calls(), 0);
}
