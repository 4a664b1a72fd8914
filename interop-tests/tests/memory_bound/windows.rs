//! What was received and not read.

use interop_tests::hostile_mux::{HostilePeer, call_of};
use ipfi_core::Limits;
use ipfi_mux::stream_id::Dir;

use crate::kit::*;

/// Fills the windows of every call, as far as they grow, with frames of `frame` bytes.
async fn fill_windows(peer: &mut HostilePeer, heap: &mut Heap, frame: usize) {
    let zeros = vec![0; 16 << 10];
    let mut calls = Vec::new();
    while let Some(id) = peer.open(Dir::Bi) {
        peer.stream(id, &call_of(KEEPS_ITEMS), 100, false);
        calls.push(id);
    }
    let mut sent = 0;
    for id in calls {
        peer.fill(id, frame, true, &zeros).await;
        heap.look();
        sent += peer.sent(id);
    }
    assert!(sent >= 32 * (64 << 10), "only {sent} bytes were taken: no attack");
}

#[test]
fn windows_that_nobody_reads_cost_what_the_bound_says_whatever_the_size_of_frames() {
    let declares = HostilePeer::generous();
    for frame in [1, 100, 1023, 1024, 4095, 8000, 16_000] {
        holds(&format!("windows by {frame}"), &only_windows(small()), &declares, async |peer, heap, _| {
            fill_windows(peer, heap, frame).await;
        });
    }
    for frame in [4095, 16_000] {
        let name = format!("windows of the default limits by {frame}");
        holds(&name, &only_windows(Limits::default()), &declares, async |peer, heap, _| {
            fill_windows(peer, heap, frame).await;
        });
    }
}

/// A handler that keeps up has its window grown; then it stands still.
#[test]
fn windows_that_have_grown_cost_what_the_bound_says() {
    holds("grown windows", &only_windows(small()), &HostilePeer::generous(), async |peer, heap, _| {
        let message = [&(0x4000_u16 | 40 << 2).to_be_bytes()[..], &[1; 40]].concat();
        let messages = message.repeat(285);
        let mut most = 0;
        while let Some(id) = peer.open(Dir::Bi) {
            peer.stream(id, &[READS_AND_STOPS, 0], 100, false);
            peer.fill(id, 12_000, true, &messages).await;
            heap.look();
            most = most.max(peer.sent(id));
        }
        assert!(most > (256 + 128) << 10, "no window has grown: no attack");
    });
}

/// One large slice of each block that is read waits, the rest of the block is read at once: the worst
/// that slices can do.
#[test]
fn slices_that_wait_do_not_keep_more_than_the_bound_alive() {
    let limits = only_windows(small());
    holds("slices", &limits, &HostilePeer::generous(), async |peer, heap, _| {
        let zeros = vec![0; 16 << 10];
        let filler = vec![0; 8000];
        let drain = peer.open(Dir::Bi).unwrap();
        peer.stream(drain, &[READS_ALL, 0, 0], 100, false);
        let mut calls = Vec::new();
        while let Some(id) = peer.open(Dir::Bi) {
            peer.stream(id, &call_of(KEEPS_ITEMS), 100, false);
            calls.push(id);
        }
        peer.flush().await;
        peer.settle().await;
        for _ in 0..5 {
            for id in &calls {
                let len = peer.credit(*id).min(16_360);
                peer.stream(*id, &zeros[..usize::try_from(len).unwrap()], 16_360, false);
                for _ in 0..6 {
                    if peer.credit(drain) >= 8000 {
                        peer.stream(drain, &filler, 8000, false);
                    }
                }
                peer.flush().await;
                peer.settle().await;
                heap.look();
            }
        }
        assert!(peer.sent(drain) > 4 << 20, "the blocks were not filled: no attack");
    });
}

/// MUX test 4: a window's worth in the frames that are hardest on buffers.
#[test]
fn a_window_of_tiny_frames_costs_less_than_a_window_and_a_half() {
    let mut limits = small();
    limits.stream_window_bytes = 256 << 10;
    for frame in [1, 2, 63, 255, 1023, 4095] {
        let (cost, _) = cost_of(&limits, &HostilePeer::generous(), async |peer, _, _| {
            let id = peer.open(Dir::Bi).unwrap();
            peer.stream(id, &call_of(KEEPS_ITEMS), 100, false);
            peer.flush().await;
            peer.settle().await;
            peer.fill(id, frame, false, &[0; 4096]).await;
            assert!(peer.sent(id) >= 256 << 10, "the window was not filled: no attack");
        });
        // The harness' buffers are added again: they may not have been used.
        let (cost, most) = (cost + HARNESS_BYTES, (256 << 10) * 3 / 2 + HARNESS_BYTES);
        assert!(cost <= most, "{cost} bytes for 256 KiB in frames of {frame}");
    }
}
