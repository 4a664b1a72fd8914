//! Frames that cost a peer nothing.

use interop_tests::hostile_mux::{HostilePeer, call_of};
use ipfi_core::error::ConnectionError;
use ipfi_mux::frame::Frame;
use ipfi_mux::stream_id::Dir;

use crate::kit::*;

/// MUX test 5: floods against a peer that does not read are flat, whether they are cut or starve of
/// places for streams.
#[test]
fn floods_of_opens_and_ends_by_a_peer_that_does_not_read_are_flat() {
    let flood = |name: &str, end: fn(&mut HostilePeer, ipfi_mux::stream_id::StreamId)| {
        let (cost, _) = cost_of(&small(), &HostilePeer::generous(), async |peer, heap, wire| {
            peer.deaf = true;
            let mut rounds = 0;
            // Without reading, it cannot know how many streams it may open: it tries until it is cut off.
            while wire.close_reason().is_none() && rounds < 20_000 {
                let Some(id) = peer.open(Dir::Bi) else { break };
                peer.stream(id, &call_of(WAITS), 100, false);
                end(peer, id);
                peer.flush().await;
                tokio::task::yield_now().await;
                heap.look();
                rounds += 1;
            }
        });
        assert!(cost <= 256 << 10, "{name}: {cost} bytes");
    };
    flood("reset", |peer, id| {
        let final_size = peer.sent(id);
        peer.put(&Frame::ResetStream { id, code: 1, final_size });
    });
    flood("reset and stop", |peer, id| {
        let final_size = peer.sent(id);
        peer.put(&Frame::ResetStream { id, code: 1, final_size });
        peer.put(&Frame::StopSending { id, code: 1 });
    });
    flood("stop", |peer, id| peer.put(&Frame::StopSending { id, code: 1 }));
    flood("finish", |peer, id| peer.stream(id, &[], 1, true));
}

/// CVE-2023-44487. The peer hears what it may do, and opens as many streams as it is let.
#[test]
fn a_flood_of_resets_is_cut_off() {
    cost_of(&small(), &HostilePeer::generous(), async |peer, _, wire| {
        let mut resets = 0;
        while wire.close_reason().is_none() {
            let Some(id) = peer.open(Dir::Bi) else {
                peer.settle().await;
                continue;
            };
            peer.stream(id, &call_of(WAITS), 100, false);
            let final_size = peer.sent(id);
            peer.put(&Frame::ResetStream { id, code: 1, final_size });
            peer.flush().await;
            resets += 1;
            assert!(resets < 20_000, "a flood of resets goes on for ever");
        }
        let reason = wire.close_reason();
        assert!(matches!(reason, Some(ConnectionError::Violation { .. })), "{reason:?}");
    });
}

/// The same with calls whose handlers run, each given up as soon as it does. [A1]
#[test]
fn a_flood_of_calls_cancelled_while_they_run_is_cut_off() {
    cost_of(&small(), &HostilePeer::generous(), async |peer, _, wire| {
        let mut cancelled = 0;
        while wire.close_reason().is_none() {
            let Some(id) = peer.open(Dir::Bi) else {
                peer.settle().await;
                continue;
            };
            peer.stream(id, &call_of(WAITS), 100, true);
            peer.flush().await;
            peer.settle().await;
            peer.put(&Frame::StopSending { id, code: 1 });
            peer.flush().await;
            cancelled += 1;
            assert!(cancelled < 2000, "a flood of cancelled calls goes on for ever");
        }
        let reason = wire.close_reason().map(|reason| reason.to_string());
        assert!(
            reason.as_deref().is_some_and(|reason| reason.contains("before anything was answered")),
            "{reason:?}"
        );
        assert!(wire.stats().calls_in > 900, "handlers ran: {:?}", wire.stats());
    });
}
