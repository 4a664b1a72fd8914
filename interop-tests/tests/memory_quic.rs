//! `Limits::quic_memory_bound_bytes` holds against a client whose streams nobody reads or nobody can, and all of it goes
//! when the connection ends. Heap is counted by the allocator: of both ends, so that the bound has to hold for more than it is of.

// Test code: a failed unwrap is a failed test. The figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod heap;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use interop_tests::conformance::kit::{NEVER_READS, standard};
use interop_tests::quic_pair::{self, QuicPair};
use interop_tests::raw_frames;
use ipfi_core::proto::Settings;
use ipfi_core::proto::control::put_preamble;
use ipfi_core::{Interface, Limits, Wire};
use ipfi_quic::QuicOptions;
use ipfi_quic::config::transport;

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
        let window = usize::try_from(limits.quic_connection_window_bytes).unwrap();
        // There are no gaps here, nor what they take.
        let bound = usize::try_from(limits.memory_bound_bytes(0)).unwrap() + 2 * window;
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

/// As many as a client may open: twice as many as calls, and the shared one.
const ALL_STREAMS: usize = 513;

/// What a client sends on each of its streams, the first byte of which never comes.
#[derive(Clone, Copy, Debug)]
struct Gaps {
    streams: usize,
    /// Bytes between two gaps.
    bytes: usize,
    /// Pieces on each stream; quinn takes 1024.
    pieces: u64,
    /// Of these so many come in a packet of their own, which they keep.
    alone: u64,
}

/// Sends `gaps` and gives the most heap that was held meanwhile.
async fn flood(quinn: &quinn::Connection, gaps: Gaps) -> usize {
    let payload = vec![1; gaps.bytes];
    let (mut streams, mut most) = (Vec::new(), 0);
    let mut packet = Vec::new();
    for piece in 0..gaps.pieces {
        for stream in 0..gaps.streams {
            if piece == 0 {
                streams.push(quinn.open_bi().await.unwrap());
            }
            let id = quinn::VarInt::from(streams[stream].0.id()).into_inner();
            let mut frame = Vec::new();
            raw_frames::put_stream(&mut frame, id, 1 + piece * (gaps.bytes as u64 + 1), &payload);
            let alone = piece == 0 || piece + gaps.alone >= gaps.pieces;
            if alone {
                // As large as its packet can be, by padding.
                frame.resize(raw_frames::room(quinn), 0);
            }
            if packet.len() + frame.len() > raw_frames::room(quinn) {
                raw_frames::send(quinn, &packet).await.unwrap();
                packet.clear();
                most = most.max(heap::live());
            }
            packet.append(&mut frame);
        }
    }
    raw_frames::send(quinn, &packet).await.unwrap();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        most = most.max(heap::live());
    }
    assert_eq!(quinn.close_reason(), None);
    most
}

#[test]
fn streams_with_gaps_that_are_never_filled_hold_no_more_than_the_bound() {
    let _alone = heap::alone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (limits, options) = (Limits::default(), QuicOptions::default());
        let pair = QuicPair::new(&limits, &options);
        let config = raw_frames::config(&quic_pair::tls(false).0, transport(&limits, &options));
        let bound = usize::try_from(limits.quic_memory_bound_bytes(0)).unwrap();
        // Of that, what streams of their own can hold of a client's that sends nothing else.
        let streams = bound
            - usize::try_from(limits.memory_bound_bytes(0)).unwrap()
            - usize::try_from(limits.quic_connection_window_bytes).unwrap();
        for (gaps, most_bytes) in [
            // What is made once is made here.
            (Gaps { streams: 1, bytes: 1, pieces: 1, alone: 1 }, streams),
            // Next to no credit.
            (Gaps { streams: 100, bytes: 1, pieces: 1000, alone: 24 }, 20 << 20),
            // All credit and all streams: many small pieces, and larger ones that keep their packets.
            (Gaps { streams: ALL_STREAMS, bytes: 31, pieces: 1000, alone: 24 }, streams),
            (Gaps { streams: 100, bytes: 160, pieces: 1000, alone: 200 }, streams),
        ] {
            let before = heap::live();
            let connecting =
                pair.client.quinn().connect_with(config.clone(), quic_pair::SERVER.into(), "localhost");
            let accepting = async { pair.server.accept().await.unwrap().wire(standard()).await.unwrap() };
            let (quinn, wire) = tokio::join!(connecting.unwrap(), accepting);
            let quinn = quinn.unwrap();
            let mut control = quinn.open_uni().await.unwrap();
            let mut preamble = BytesMut::new();
            put_preamble(&mut preamble, &Settings::default());
            control.write_all(&preamble).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let most = flood(&quinn, gaps).await - before;
            println!("{gaps:?}: {} KiB of {}", most >> 10, most_bytes >> 10);
            assert!(most <= most_bytes, "{gaps:?}: {most} bytes of heap, the bound is {most_bytes}");
            assert_eq!(wire.close_reason(), None);
            quinn.close(0_u32.into(), b"");
            drop((control, quinn, wire));
            tokio::time::sleep(Duration::from_secs(60)).await;
            if gaps.streams > 1 {
                let rest = heap::live().saturating_sub(before);
                assert!(rest <= REST_BYTES, "{rest} bytes are left of a connection that is gone");
            }
        }
    });
}
