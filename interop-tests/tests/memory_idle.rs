//! What costs when nothing happens: streams that are open and connections that are quiet (RELIABILITY R1).
//!
//! The figures are printed (`--nocapture`) and held under generous ceilings: a benchmark follows them
//! closely, a test only notices when one is lost.

// Test code: a failed unwrap is a failed test. The figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod heap;

use std::future::pending;

use futures_util::{FutureExt, StreamExt, stream};
use ipfi_core::{Interface, Limits, Receiver, Wire, WireOptions};
use tokio::net::{TcpListener, TcpStream};

/// What an idle stream may cost one side: both halves, the call, and its handler's task.
const STREAM_BYTES: usize = 4 << 10;

/// What an idle connection over TCP may cost one side.
const CONNECTION_BYTES: usize = 32 << 10;

fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(number,): (u64,)| async move { number })
        // One item, and then nothing for ever.
        .sequence(1, |(number,): (u64,)| stream::iter([number]).chain(pending::<u64>().into_stream()))
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn run(test: impl Future<Output = ()>) {
    let _alone = heap::alone();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn an_idle_stream_costs_at_most_four_kibibytes_a_side() {
    const STREAMS: usize = 10_000;
    run(async {
        let mut limits = Limits::default();
        (limits.max_inbound_calls, limits.abuse_budget) = (11_000, 30_000);
        let (near, far) = tokio::io::duplex(64 << 10);
        let (reader, writer) = tokio::io::split(far);
        let served = WireOptions::from(interface()).limits(limits.clone());
        let server = tokio::spawn(ipfi_mux::accept(reader, writer, served));
        let (reader, writer) = tokio::io::split(near);
        let options = WireOptions::from(Interface::new()).limits(limits);
        let client = ipfi_mux::connect(reader, writer, options).await.unwrap();
        let server = server.await.unwrap().unwrap();
        assert_eq!(client.call::<u64>(0, (1_u64,)).await.unwrap(), 1);
        let mut streams: Vec<Receiver<u64>> = Vec::with_capacity(STREAMS);
        settle().await;

        let before = heap::live();
        for number in 0..STREAMS as u64 {
            let mut items = client.stream::<u64>(1, (number,)).await.unwrap();
            assert_eq!(items.try_next().await.unwrap(), Some(number));
            streams.push(items);
        }
        settle().await;
        assert_eq!(server.inbound_calls(), STREAMS);
        let each = (heap::live() - before) / STREAMS / 2;
        println!("an idle stream costs a side {each} bytes of heap");
        assert!(each <= STREAM_BYTES, "{each} bytes for an idle stream");

        drop(streams);
        for _ in 0..1000 {
            settle().await;
            if server.inbound_calls() == 0 {
                break;
            }
        }
        assert_eq!(server.inbound_calls(), 0, "calls outlive their callers");
        let rest = heap::live().saturating_sub(before) / STREAMS;
        assert!(rest <= 64, "{rest} bytes remain of each stream");
    });
}

async fn over_tcp(listener: &TcpListener) -> (Wire, Wire) {
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    let (reader, writer) = far.into_split();
    let server = tokio::spawn(ipfi_mux::accept(reader, writer, interface()));
    let (reader, writer) = near.into_split();
    let client = ipfi_mux::connect(reader, writer, Interface::new()).await.unwrap();
    (client, server.await.unwrap().unwrap())
}

#[test]
fn an_idle_connection_over_tcp_costs_at_most_thirty_two_kibibytes_a_side() {
    const CONNECTIONS: usize = 200;
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let first = over_tcp(&listener).await;
        let mut wires = Vec::with_capacity(CONNECTIONS);
        settle().await;

        let before = heap::live();
        for number in 0..CONNECTIONS as u64 {
            let (client, server) = over_tcp(&listener).await;
            assert_eq!(client.call::<u64>(0, (number,)).await.unwrap(), number);
            wires.push((client, server));
        }
        settle().await;
        let each = (heap::live() - before) / CONNECTIONS / 2;
        println!("an idle connection over TCP costs a side {each} bytes of heap");
        assert!(each <= CONNECTION_BYTES, "{each} bytes for an idle connection");
        drop((wires, first));
    });
}
