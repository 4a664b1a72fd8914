//! `Limits::quic_memory_bound_bytes` holds against a client whose streams nobody reads, and all of it goes when the
//! connection ends. Heap is counted by the allocator: of both ends, so that the bound has to hold for more than it is of.

// Test code: a failed unwrap is a failed test. The figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod heap;

use std::time::Duration;

use bytes::Bytes;
use interop_tests::conformance::kit::{NEVER_READS, standard};
use interop_tests::quic_pair::QuicPair;
use ipfi_core::{Interface, Limits, Wire};
use ipfi_quic::QuicOptions;

/// What the two endpoints and the network between them keep when a connection is gone.
const REST_BYTES: usize = 64 << 10;

/// What the smallest packets of QUIC bring, and pieces that are larger than any.
const PIECES: [usize; 2] = [1000, 64 << 10];

/// Fills as many streams as may be open with pieces of `bytes`, none of which is read.
async fn fill(wire: &Wire, limits: &Limits, bytes: usize) {
    let mut uploads = Vec::new();
    for _ in 0..limits.max_inbound_calls {
        let mut upload = wire.upload::<Bytes, u64>(NEVER_READS, ()).await.unwrap();
        uploads.push(tokio::spawn(async move {
            // Until it is given up, or nothing more is taken.
            while upload.send(Bytes::from(vec![1; bytes])).await.is_ok() && !upload.is_stopped() {}
        }));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    uploads.iter().for_each(tokio::task::JoinHandle::abort);
}

#[test]
fn streams_that_nobody_reads_hold_no_more_than_the_bound_and_nothing_when_the_connection_is_gone() {
    let _alone = heap::alone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut limits = Limits::default();
        limits.max_inbound_calls = 64;
        let pair = QuicPair::new(&limits, &QuicOptions::default());
        let connected = || async {
            let server = ipfi_core::WireOptions::from(standard()).limits(limits.clone());
            pair.wires(Interface::new().into(), server).await
        };
        // What is made once is made here.
        drop(connected().await);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let bound = usize::try_from(limits.quic_memory_bound_bytes(0)).unwrap();
        let window = usize::try_from(limits.quic_connection_window_bytes).unwrap();
        for bytes in PIECES {
            let before = heap::live();
            let wires = connected().await;
            fill(&wires.0, &limits, bytes).await;
            let held = heap::live() - before;
            println!("pieces of {bytes}: {held} of {bound} bytes, {}%", held * 100 / bound);
            assert!(held <= bound, "{held} bytes of heap, the bound is {bound}");
            // Were it less than half of the window, nothing would have been held.
            assert!(held >= window / 2, "{held} bytes of heap");
            drop(wires);
            tokio::time::sleep(Duration::from_secs(60)).await;
            let rest = heap::live().saturating_sub(before);
            assert!(rest <= REST_BYTES, "{rest} bytes are left of a connection that is gone");
        }
    });
}
