//! Frames that cost a peer nothing.

use std::collections::BTreeMap;

use interop_tests::hostile_mux::{HostilePeer, call_of};
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

/// CVE-2023-44487. The peer hears what it may do, and opens and cancels as fast as it is let. That is not
/// cut off, since calls that are cancelled at once are honest (see the abuse budget); so what has to hold is
/// that it gets no further: no more handlers than places, flat memory, and another call is answered.
#[test]
fn a_flood_of_resets_runs_no_more_calls_than_there_are_places_and_hurts_no_other_call() {
    let limits = small();
    let (cost, ended) = cost_of(&limits, &HostilePeer::generous(), async |peer, heap, wire| {
        let mut resets = 0;
        while resets < 20_000 {
            let Some(id) = peer.open(Dir::Bi) else {
                peer.settle().await;
                continue;
            };
            peer.stream(id, &call_of(WAITS), 100, false);
            // Half of them when they are running, half before anybody has seen them.
            if resets % 2 == 0 {
                peer.flush().await;
                tokio::task::yield_now().await;
            }
            let final_size = peer.sent(id);
            peer.put(&Frame::ResetStream { id, code: 1, final_size });
            peer.put(&Frame::StopSending { id, code: 1 });
            peer.flush().await;
            peer.forget(id);
            let running = wire.inbound_calls();
            assert!(running <= limits.max_inbound_calls as usize, "{running} calls run at once");
            heap.look();
            resets += 1;
        }
        peer.settle().await;
        assert_eq!(wire.inbound_calls(), 0, "calls outlive their resets");
        peer.answers = Some(BTreeMap::new());
        let id = peer.open(Dir::Bi).expect("all places are free");
        peer.stream(id, &[READS_ALL, 0, 0], 100, true);
        peer.flush().await;
        peer.settle().await;
        let answered = peer.answers.as_ref().is_some_and(|answers| answers.contains_key(&id));
        assert!(answered, "another call is not answered");
        peer.answers = None;
    });
    assert_eq!(ended, None, "the connection of an honest call was ended");
    assert!(cost <= 256 << 10, "{cost} bytes");
}
