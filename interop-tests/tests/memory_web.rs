//! What a WebSocket holds, when it is quiet and when its peer is hostile [A4b].
//!
//! The figures are printed (`--nocapture`) and held under ceilings.

// Test code: a failed unwrap is a failed test. The figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod heap;

use std::time::Duration;

use ipfi_core::session::Side;
use ipfi_core::{Interface, Limits, WireOptions};
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
