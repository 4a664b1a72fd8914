//! How often a call asks the heap for memory: what small calls cost when nothing else does.

// Test code: a failed unwrap is a failed test. The figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod heap;

use ipfi_core::Interface;

/// Requests to the heap for one unary call, both ends divided by two.
///
/// The floor of this design is about five: the future of the call and of its handler (a box each, as their
/// types are erased), the two erased halves of the stream at both ends, and the message on its way (one
/// buffer out, its share of the block in). What is above it are the blocks of the queues and what a slice
/// costs that is split.
const MOST: usize = 12;

const CALLS: usize = 1000;

#[test]
fn a_unary_call_asks_the_heap_at_most_twelve_times_a_side() {
    let _alone = heap::alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let interface = Interface::new().procedure(0, |(number,): (u64,)| async move { number });
        let (near, far) = tokio::io::duplex(64 << 10);
        let (reader, writer) = tokio::io::split(far);
        let server = tokio::spawn(ipfi_mux::accept(reader, writer, interface));
        let (reader, writer) = tokio::io::split(near);
        let client = ipfi_mux::connect(reader, writer, Interface::new()).await.unwrap();
        let _server = server.await.unwrap().unwrap();
        for number in 0..CALLS as u64 {
            assert_eq!(client.call::<u64>(0, (number,)).await.unwrap(), number);
        }
        let (requests, bytes) = (heap::requests(), heap::allocated());
        for number in 0..CALLS as u64 {
            assert_eq!(client.call::<u64>(0, (number,)).await.unwrap(), number);
        }
        let (requests, bytes) = (heap::requests() - requests, heap::allocated() - bytes);
        let tenths = requests * 10 / CALLS / 2;
        let bytes = bytes / CALLS / 2;
        println!(
            "a unary call asks the heap {}.{} times a side, for {bytes} bytes",
            tenths / 10,
            tenths % 10
        );
        assert!(requests <= MOST * CALLS * 2, "{requests} requests for {CALLS} calls, both ends");
    });
}
