//! Halves of messages, metadata, answers, notifications, and all of it together.

use interop_tests::hostile_mux::{HostilePeer, call_of};
use ipfi_core::Limits;
use ipfi_mux::frame::Frame;
use ipfi_mux::params::TransportParameters;
use ipfi_mux::stream_id::Dir;

use crate::kit::*;

#[test]
fn halves_of_messages_cost_what_the_limit_on_reassembly_says() {
    for (name, limits) in [("small", small()), ("default", Limits::default())] {
        let limits = hardly_windows(limits);
        holds(&format!("half-sent, {name}"), &limits, &HostilePeer::generous(), async |peer, heap, _| {
            let ones = vec![1; 16 << 10];
            let mut calls = Vec::new();
            while let Some(id) = peer.open(Dir::Bi) {
                // Fragments of 60 000 bytes without end, so that nothing large is announced.
                peer.stream(id, &[WAITS, 1], 100, false);
                calls.push(id);
            }
            peer.flush().await;
            peer.settle().await;
            for round in 0..40 {
                for id in &calls {
                    if peer.credit(*id) < 10_004 {
                        continue;
                    }
                    if round % 6 == 0 {
                        peer.stream(*id, &(0x8000_0000_u32 | 60_000 << 2 | 1).to_be_bytes(), 100, false);
                    }
                    peer.stream(*id, &ones[..10_000], 5000, false);
                }
                peer.flush().await;
                peer.settle().await;
                heap.look();
            }
            assert!(peer.given_up > 0, "the limit was never reached: no attack");
        });
    }
}

/// A header with as much metadata as there may be.
fn header_with_metadata(procedure: u8) -> Vec<u8> {
    let mut block = Vec::new();
    for entry in 0..64_u8 {
        block.extend_from_slice(&[1, b'a' + entry % 26, 0x40, 240]);
        block.extend_from_slice(&[5; 240]);
    }
    let mut header = vec![procedure, 0x21];
    header.extend_from_slice(&(0x8000_0000 | u32::try_from(block.len()).unwrap()).to_be_bytes());
    header.extend_from_slice(&block);
    header
}

/// The beginning of an item of metadata of which the last byte does not come.
fn half_sent_metadata() -> Vec<u8> {
    let mut item = (0x8000_0000_u32 | (16 << 10) << 2 | 3).to_be_bytes().to_vec();
    item.resize(item.len() + (16 << 10) - 1, 5);
    item
}

#[test]
fn metadata_whole_and_half_sent_costs_what_the_bound_says() {
    for (name, limits) in [("small", small()), ("default", Limits::default())] {
        holds(&format!("metadata, {name}"), &limits, &HostilePeer::generous(), async |peer, heap, _| {
            let mut header = header_with_metadata(WAITS);
            header.push(0);
            while let Some(id) = peer.open(Dir::Bi) {
                peer.stream(id, &header, 100, false);
                peer.stream(id, &half_sent_metadata(), 5000, false);
                peer.flush().await;
                peer.settle().await;
                heap.look();
            }
        });
        holds(&format!("half headers, {name}"), &limits, &HostilePeer::generous(), async |peer, heap, _| {
            let mut header = header_with_metadata(WAITS);
            header.pop();
            while let Some(id) = peer.open(Dir::Bi) {
                peer.stream(id, &header, 100, false);
                peer.flush().await;
                peer.settle().await;
                heap.look();
            }
        });
    }
}

/// With and without credit on the streams: what waits, waits in one place or the other.
#[test]
fn answers_that_nobody_reads_cost_what_the_bound_says() {
    let stingy = TransportParameters { initial_max_stream_data_uni: 100, ..TransportParameters::default() };
    let stingy = TransportParameters { initial_max_streams_uni: 1, initial_max_data: 100, ..stingy };
    for (name, limits) in [("small", small()), ("default", Limits::default())] {
        for declares in [&HostilePeer::generous(), &stingy] {
            let limits = hardly_windows(limits.clone());
            holds(&format!("answers, {name}"), &limits, declares, async |peer, heap, _| {
                peer.deaf = true;
                while let Some(id) = peer.open(Dir::Bi) {
                    peer.stream(id, &call_of(ANSWERS_WITHOUT_END), 100, true);
                    peer.flush().await;
                    peer.settle().await;
                    heap.look();
                }
            });
        }
    }
}

#[test]
fn notifications_and_datagrams_that_run_for_ever_cost_what_the_bound_says() {
    for (name, limits) in [("small", small()), ("default", Limits::default())] {
        let mut limits = limits;
        limits.max_inbound_calls = 1;
        holds(&format!("notifications, {name}"), &limits, &HostilePeer::generous(), async |peer, heap, _| {
            let mut header = vec![1];
            header.extend_from_slice(&header_with_metadata(NOTICE));
            header.push(0);
            while let Some(id) = peer.open(Dir::Uni) {
                peer.stream(id, &header, 4000, false);
                peer.fill(id, 4000, true, &[0; 4000]).await;
                heap.look();
            }
        });
        holds(&format!("datagrams, {name}"), &limits, &HostilePeer::generous(), async |peer, heap, _| {
            for _ in 0..200 {
                let mut datagram = call_of(NOTICE)[..2].to_vec();
                datagram.resize(16_000, 0);
                peer.end_record();
                peer.put(&Frame::Datagram { payload: datagram.into() });
                peer.flush().await;
                heap.look();
            }
            peer.settle().await;
        });
    }
}

#[test]
fn everything_at_once_costs_what_the_bound_says() {
    for (name, limits) in [("small", small()), ("default", Limits::default())] {
        // Answers stand still for want of credit: a pipe that is not read would carry no grants either.
        let stingy =
            TransportParameters { initial_max_stream_data_bidi_local: 1000, ..HostilePeer::generous() };
        holds(&format!("everything, {name}"), &limits, &stingy, async |peer, heap, _| {
            let zeros = vec![0; 16 << 10];
            let mut header = header_with_metadata(KEEPS_ITEMS_AND_ANSWERS);
            header.push(0);
            let mut calls = Vec::new();
            while let Some(id) = peer.open(Dir::Bi) {
                if calls.len() < 4 {
                    // As large a message as may be, all but its end.
                    let announced = limits.max_message_bytes << 2;
                    peer.stream(id, &[WAITS, 1], 100, false);
                    peer.stream(id, &(0x8000_0000 | announced).to_be_bytes(), 100, false);
                } else {
                    peer.stream(id, &header, 16_000, false);
                }
                peer.flush().await;
                peer.settle().await;
                calls.push(id);
            }
            let mut half_sent = u64::from(limits.max_reassembly_bytes) * 9 / 10;
            for id in &calls[..4] {
                while half_sent > 0 && peer.credit(*id) > 0 {
                    let len = peer.credit(*id).min(16_000).min(half_sent);
                    if peer.sent(*id) + len > u64::from(limits.max_message_bytes) {
                        break;
                    }
                    peer.stream(*id, &zeros[..usize::try_from(len).unwrap()], 16_000, false);
                    peer.flush().await;
                    peer.settle().await;
                    half_sent -= len;
                    heap.look();
                }
            }
            while let Some(id) = peer.open(Dir::Uni) {
                peer.stream(id, &[1, NOTICE, 1, 0], 100, false);
                peer.fill(id, 4000, true, &zeros).await;
                heap.look();
            }
            for id in &calls[4..] {
                peer.fill(*id, 16_000, true, &zeros).await;
                heap.look();
            }
            peer.deaf = true;
            for _ in 0..10 {
                peer.settle().await;
                heap.look();
            }
        });
    }
}
