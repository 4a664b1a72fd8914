//! `Limits::memory_bound_bytes` holds against a client that does its worst.

mod heap;

use std::future::pending;

use futures_util::stream;
use interop_tests::hostile_peer::{HostilePeer, PIPE_BYTES, call_of};
use ipfi_core::{Context, Interface, Limits, Receiver, Wire, WireOptions};
use ipfi_mux::frame::Frame;
use ipfi_mux::params::TransportParameters;
use ipfi_mux::stream_id::Dir;

const HARNESS: usize = 4 * PIPE_BYTES;

fn interface() -> Interface {
    Interface::new()
        .procedure_with_items(0, |(): (), items: Receiver<u64>| async move {
            pending::<()>().await;
            drop(items);
        })
        .sequence(1, |(): ()| stream::repeat([7_u8; 32].to_vec()))
        .procedure(2, |context: Context, (): ()| async move {
            pending::<()>().await;
            drop(context);
        })
        .notification(3, |(): ()| pending::<()>())
}

fn small() -> Limits {
    let mut limits = Limits::default();
    limits.max_inbound_calls = 32;
    limits.max_inbound_notifications = 16;
    limits.window_pool_bytes = 512 << 10;
    limits.max_stream_window_bytes = 256 << 10;
    limits.send_buffer_bytes = 512 << 10;
    limits.max_message_bytes = 256 << 10;
    limits.max_reassembly_bytes = 512 << 10;
    limits.max_queued_datagrams = 16;
    limits
}

struct Heap { base: usize, peak: usize }
impl Heap {
    fn look(&mut self) { self.peak = self.peak.max(heap::live()); }
}

fn run(name: &str, limits: Limits, declares: TransportParameters, attack: impl AsyncFnOnce(&mut HostilePeer, &mut Heap, &Wire)) {
    let _alone = heap::alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let options = WireOptions::from(interface()).limits(limits.clone());
        // once for lazies
        let (peer, wire) = HostilePeer::connect(options.clone(), &declares).await;
        drop(wire);
        peer.vanish().await;
        let before = heap::live();
        let (mut peer, wire) = HostilePeer::connect(options, &declares).await;
        let wire = wire.unwrap();
        let mut heap = Heap { base: heap::live(), peak: 0 };
        attack(&mut peer, &mut heap, &wire).await;
        heap.look();
        let now = heap::live();
        let bound = limits.memory_bound_bytes(0) as usize;
        eprintln!("{name}: idle {}, growth now {}, peak {}, bound {} -> {:.2}; closed {:?} {:?}", heap.base - before, now - heap.base, heap.peak - heap.base, bound,
            (heap.peak-heap.base) as f64 / bound as f64, peer.closed, peer.broken);
        drop(wire);
        peer.vanish().await;
        eprintln!("    after: {}", heap::live() as isize - before as isize);
    });
}

#[test]
fn explore() {
    let zeros = vec![0; 16 << 10];
    for (which, limits) in [("small", small()), ("default", Limits::default())] {
    for frame in [1, 100, 1023, 4095, 16_000] {
        if which == "default" && frame < 1000 { continue }
        run(&format!("{which} windows by {frame}"), limits.clone(), HostilePeer::generous(), async |peer, heap, _| {
            let mut ids = Vec::new();
            while let Some(id) = peer.open(Dir::Bi) {
                peer.stream(id, &call_of(0), 100, false);
                ids.push(id);
            }
            peer.flush().await; peer.settle().await;
            heap.look();
            for id in &ids {
                peer.fill(*id, frame, true, &zeros).await;
                heap.look();
            }
            eprintln!("    {} streams, {} bytes", ids.len(), ids.iter().map(|id| peer.sent(*id)).sum::<u64>());
        });
    }
    run(&format!("{which} half-sent"), limits.clone(), HostilePeer::generous(), async |peer, heap, _| {
        let mut ids = Vec::new();
        while let Some(id) = peer.open(Dir::Bi) {
            // a fragment of 200 KB announced
            peer.stream(id, &[2, 1, 0x80 | 0x00, 0x0c, 0x00, 0x01], 100, false);
            ids.push(id);
        }
        peer.flush().await; peer.settle().await;
        let ones = vec![1; 16<<10];
        for id in &ids {
            for _ in 0..12 {
                let n = (peer.credit(*id) as usize).min(16<<10);
                peer.stream(*id, &ones[..n], 5000, false);
                peer.flush().await; peer.settle().await;
                heap.look();
            }
        }
        eprintln!("    {} streams, {} bytes, gave up {}", ids.len(), ids.iter().map(|id| peer.sent(*id)).sum::<u64>(), peer.given_up);
    });
    run(&format!("{which} metadata"), limits.clone(), HostilePeer::generous(), async |peer, heap, _| {
        let mut header = vec![2, 0x21, 0x80, 0, 0x3d, 0x00];
        for i in 0..64u8 {
            header.push(1); header.push(b'a' + i % 26);
            let n = 240_u8;
            header.push(0x40); header.push(n);
            header.extend(vec![5; n as usize]);
        }
        header.push(0);
        let mut partial = vec![0x80, 0, 0, 0];
        let len: u32 = 0x8000_0000 | (16 << 10) << 2 | 3;
        partial.copy_from_slice(&len.to_be_bytes());
        partial.extend(vec![5; (16<<10) - 1]);
        while let Some(id) = peer.open(Dir::Bi) {
            peer.stream(id, &header, 100, false);
            peer.flush().await; peer.settle().await;
            heap.look();
            peer.stream(id, &partial, 5000, false);
            peer.flush().await; peer.settle().await;
            heap.look();
        }
    });
    run(&format!("{which} half headers"), limits.clone(), HostilePeer::generous(), async |peer, heap, _| {
        let mut header = vec![2, 0x21, 0x80, 0, 0x40, 0x00];
        header.extend(vec![5; (16<<10) - 1]);
        while let Some(id) = peer.open(Dir::Bi) {
            peer.stream(id, &header, 100, false);
            peer.flush().await; peer.settle().await;
            heap.look();
        }
    });
    run(&format!("{which} unread responses"), limits.clone(), HostilePeer::generous(), async |peer, heap, _| {
        peer.deaf = true;
        while let Some(id) = peer.open(Dir::Bi) {
            peer.stream(id, &call_of(1), 100, true);
            peer.flush().await; peer.settle().await;
            heap.look();
        }
    });
    run(&format!("{which} unread responses no credit"), limits.clone(), TransportParameters{initial_max_streams_uni: 1, initial_max_stream_data_uni: 100, ..Default::default()}, async |peer, heap, _| {
        while let Some(id) = peer.open(Dir::Bi) {
            peer.stream(id, &call_of(1), 100, true);
            peer.flush().await; peer.settle().await;
            heap.look();
        }
    });
    run(&format!("{which} notifications"), limits.clone(), HostilePeer::generous(), async |peer, heap, _| {
        while let Some(id) = peer.open(Dir::Uni) {
            peer.stream(id, &[1, 3, 1, 0], 100, false);
            peer.fill(id, 16000, true, &zeros).await;
            heap.look();
        }
    });
    run(&format!("{which} datagrams"), limits.clone(), HostilePeer::generous(), async |peer, heap, _| {
        for _ in 0..200 {
            let mut bytes = vec![3, 1];
            bytes.extend(vec![0; 16_000]);
            peer.end_record();
            peer.put(&Frame::Datagram { payload: bytes.into() });
            peer.flush().await; peer.settle().await;
            heap.look();
        }
    });
    }
}
