//! What a WebSocket holds, when it is quiet and when its peer is hostile [A4b].
//!
//! The figures are printed (`--nocapture`) and held under ceilings.

// Test code: a failed unwrap is a failed test. The figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod heap;

use std::future::pending;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use ipfi_core::session::Side;
use ipfi_core::{Interface, Limits, Receiver, WireOptions};
use ipfi_mux::frame::Frame;
use ipfi_mux::params::TransportParameters;
use ipfi_ws::WsOptions;
use ipfi_ws::session::Upgraded;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What an idle connection may cost one side: its read buffer, of 16 KiB, and what one over TCP costs.
const CONNECTION_BYTES: usize = 48 << 10;

/// What an attacker may hold of a server, whatever it sends.
const ATTACKER_BYTES: usize = 2 << 20;

fn interface() -> Interface {
    Interface::new().procedure(0, |(number,): (u64,)| async move { number })
}

async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

fn run(test: impl Future<Output = ()>) {
    let _alone = heap::alone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

#[test]
fn an_idle_connection_costs_at_most_its_read_buffer_and_what_one_over_tcp_does() {
    const CONNECTIONS: usize = 100;
    run(async {
        let mut wires = Vec::with_capacity(CONNECTIONS);
        let mut before = 0;
        for number in 0..=CONNECTIONS {
            if number == 1 {
                // One is warm.
                settle().await;
                before = heap::live();
            }
            let ws = WsOptions::default();
            let (near, far) = tokio::io::duplex(1 << 10);
            let served = Upgraded::new(far, Vec::new(), Side::Server);
            let called = Upgraded::new(near, Vec::new(), Side::Client);
            let (server, client) = tokio::join!(served.wire(interface(), &ws), called.wire(interface(), &ws));
            let client = client.unwrap();
            assert_eq!(client.call::<u64>(0, (1_u64,)).await.unwrap(), 1);
            wires.push((server.unwrap(), client));
        }
        settle().await;
        let each = (heap::live() - before) / CONNECTIONS / 2;
        println!("an idle connection over WebSocket costs a side {each} bytes of heap");
        assert!(each <= CONNECTION_BYTES, "{each} bytes for an idle connection");
    });
}

/// A frame of a client: its first byte, the second, which says the length, and then as it is, under a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(len @ 0..=125) => frame.push(0x80 | len),
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// Our server, before the first record, and the stream to it.
fn attacked() -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move {
        let options = WireOptions::from(interface()).limits(Limits::default());
        let wire = Upgraded::new(ours, Vec::new(), Side::Server).wire(options, &WsOptions::default()).await;
        if let Ok(wire) = wire {
            wire.closed().await;
        }
    });
    theirs
}

/// What an attacker says next.
type Attack = Box<dyn FnMut() -> Vec<u8>>;

/// Sends `attack` over and over, a thousand times a second, until it is cut, reading nothing; gives the most that was held
/// meanwhile, and the bytes it took.
async fn most_held(mut attack: impl FnMut() -> Vec<u8>) -> (usize, usize) {
    let before = heap::live();
    let mut stream = attacked();
    let (mut most, mut sent) = (0, 0);
    while sent < 64 << 20 {
        let bytes = attack();
        let written = tokio::time::timeout(Duration::from_secs(60), stream.write_all(&bytes)).await;
        sent += bytes.len();
        most = most.max(heap::live().saturating_sub(before + bytes.capacity()));
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
        // It takes time to send: what is said to the end is bounded by the wait for the peer's.
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    // What was said to it is there, if it was told.
    let mut said = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut said)).await;
    (most, sent)
}

#[test]
fn attackers_hold_little_and_are_cut() {
    run(async {
        let fragments = || frame(0, b"x").repeat(1000);
        let mut first = true;
        let one_byte = move || if std::mem::take(&mut first) { frame(2, b"x") } else { fragments() };
        let mut first = true;
        let empty =
            move || if std::mem::take(&mut first) { frame(2, b"") } else { frame(0, b"").repeat(1000) };
        let mut first = true;
        // Half of a message, announced whole, and then nothing but pings inside of it.
        let half = move || {
            if std::mem::take(&mut first) {
                frame(2, &[0; 60_000])
            } else {
                frame(0x89, &[0; 125]).repeat(100)
            }
        };
        let attacks: [(&str, Attack); 4] = [
            ("fragments of one byte", Box::new(one_byte)),
            ("empty fragments", Box::new(empty)),
            ("pings inside a message", Box::new(half)),
            ("pings alone", Box::new(|| frame(0x89, &[0; 125]).repeat(100))),
        ];
        for (what, attack) in attacks {
            let (most, sent) = most_held(attack).await;
            println!("{what}: {most} bytes held, cut after {sent}");
            assert!(most <= ATTACKER_BYTES, "{what}: {most} bytes held");
            assert!(sent < 64 << 20, "{what}: not cut after {sent} bytes");
        }
    });
}

/// The first record of a client: its transport parameters, and a control stream with its SETTINGS (clause 2.4).
fn hello() -> Bytes {
    let mut record = BytesMut::new();
    let parameters = TransportParameters {
        initial_max_data: 1 << 20,
        initial_max_stream_data_bidi_local: 1 << 16,
        initial_max_stream_data_uni: 1 << 16,
        initial_max_streams_uni: 100,
        max_record_size: 1 << 16,
        ..TransportParameters::default()
    };
    Frame::TransportParameters(parameters).encode(&mut record);
    record.extend_from_slice(&[0x0a, 2, 8]);
    record.extend_from_slice(b"\x00ipfi\x01\x00\x00");
    record.freeze()
}

/// A STREAM frame with an offset and a length (RFC 9000 section 19.8), its integers in four bytes.
fn stream_frame(record: &mut BytesMut, id: u32, offset: u32, data: &[u8]) {
    record.put_u8(0x0e);
    for integer in [id, offset, u32::try_from(data.len()).unwrap()] {
        record.put_u32(0x8000_0000 | integer);
    }
    record.put_slice(data);
}

/// The bound is that of any carrier: what a WebSocket adds of its own is its read buffer and one message.
#[test]
fn windows_that_nobody_reads_cost_over_a_websocket_what_the_bound_says() {
    let mut limits = Limits::default();
    limits.max_inbound_calls = 32;
    limits.window_pool_bytes = 1 << 20;
    limits.max_stream_window_bytes = 256 << 10;
    limits.max_metadata_bytes = 64;
    limits.max_reassembly_bytes = 64;
    limits.max_message_bytes = 64;
    limits.send_buffer_bytes = 64;
    limits.max_queued_datagrams = 0;
    let bound = usize::try_from(limits.memory_bound_bytes(0)).unwrap();
    for chunk in [1, 1000, 16_000] {
        run(async {
            let before = heap::live();
            let (ours, mut theirs) = tokio::io::duplex(64 << 10);
            let offered =
                Interface::new().procedure_with_items(0, |(): (), items: Receiver<u64>| async move {
                    let _kept = items;
                    pending::<u64>().await
                });
            let options = WireOptions::from(offered).limits(limits.clone());
            let made = tokio::spawn(async move {
                Upgraded::new(ours, Vec::new(), Side::Server).wire(options, &WsOptions::default()).await
            });
            theirs.write_all(&frame(0x82, &hello())).await.unwrap();
            let wire = made.await.unwrap().unwrap();
            let data = vec![0; chunk];
            let (mut most, mut sent) = (0, 0);
            for id in (0..32).map(|number| number * 4) {
                let mut record = BytesMut::new();
                // Procedure 0 in bincode, no arguments; items of no bytes.
                stream_frame(&mut record, id, 0, b"\x00\x01\x00");
                let mut offset = 3;
                while offset + chunk <= limits.stream_window_bytes as usize {
                    stream_frame(&mut record, id, u32::try_from(offset).unwrap(), &data);
                    offset += chunk;
                    if record.len() + chunk + 13 > 16 << 10 {
                        theirs.write_all(&frame(0x82, &record)).await.unwrap();
                        record.clear();
                        settle().await;
                        most = most.max(heap::live().saturating_sub(before + record.capacity()));
                    }
                }
                if !record.is_empty() {
                    theirs.write_all(&frame(0x82, &record)).await.unwrap();
                }
                settle().await;
                most = most.max(heap::live().saturating_sub(before));
                sent += offset;
            }
            assert_eq!(wire.close_reason(), None, "frames of {chunk}");
            assert!(sent >= 32 * (48 << 10), "only {sent} bytes were taken: no attack");
            // The pipe of this test is not the server's.
            let cost = most.saturating_sub(64 << 10);
            println!("windows by {chunk} over a WebSocket: {cost} of {bound} bytes, {}%", cost * 100 / bound);
            assert!(cost <= bound, "frames of {chunk}: {cost} bytes of heap, the bound is {bound}");
            assert!(cost >= sent / 2, "{cost} bytes for {sent}: they were read");
        });
    }
}
