//! A server with a procedure for each thing that can be made to pile up, and the measure of an attack.

use std::future::pending;

use futures_util::stream;
use interop_tests::hostile_mux::{HostilePeer, PIPE_BYTES};
use ipfi_core::error::ConnectionError;
use ipfi_core::{Context, Interface, Limits, Receiver, Wire, WireOptions};
use ipfi_mux::params::TransportParameters;

use crate::heap;

/// What the hostile peer itself and the pipe take of the heap beside what they have at rest.
pub(crate) const HARNESS_BYTES: usize = 4 * PIPE_BYTES;

/// What may remain of a connection that is gone: nothing of its own, but the runtime's tables have grown.
pub(crate) const REST_BYTES: usize = 32 << 10;

/// Procedures, by what of them a client can make pile up.
pub(crate) const KEEPS_ITEMS: u8 = 0;
pub(crate) const ANSWERS_WITHOUT_END: u8 = 1;
pub(crate) const WAITS: u8 = 2;
pub(crate) const NOTICE: u8 = 3;
pub(crate) const KEEPS_ITEMS_AND_ANSWERS: u8 = 4;
pub(crate) const READS_ALL: u8 = 5;
pub(crate) const READS_AND_STOPS: u8 = 6;

pub(crate) fn interface() -> Interface {
    Interface::new()
        .procedure_with_items(u64::from(KEEPS_ITEMS), |(): (), items: Receiver<u64>| async move {
            pending::<()>().await;
            drop(items);
        })
        .sequence(u64::from(ANSWERS_WITHOUT_END), |(): ()| stream::repeat([7_u64; 4]))
        .procedure(u64::from(WAITS), |context: Context, (): ()| async move {
            pending::<()>().await;
            drop(context);
        })
        .notification(u64::from(NOTICE), |(): ()| pending::<()>())
        .by_datagram(u64::from(NOTICE))
        .sequence_with_items(
            u64::from(KEEPS_ITEMS_AND_ANSWERS),
            |context: Context, (): (), items: Receiver<u64>| {
                stream::repeat_with(move || {
                    let _held = (&context, &items);
                    Ok::<_, ipfi_core::Status>([7_u64; 4])
                })
            },
        )
        .raw(u64::from(READS_ALL), |mut call: ipfi_core::RawCall| async move {
            while call.read().await?.is_some() {}
            Ok(())
        })
        .raw(u64::from(READS_AND_STOPS), |mut call: ipfi_core::RawCall| async move {
            let mut read = 0;
            while read < 256 << 10
                && let Some(fragment) = call.read().await?
            {
                read += fragment.bytes.len();
            }
            pending::<()>().await;
            Ok(())
        })
}

/// Small enough to be filled in a moment, large enough that the pipe's own buffers are a small part.
pub(crate) fn small() -> Limits {
    let mut limits = Limits::default();
    limits.max_inbound_calls = 32;
    limits.max_inbound_notifications = 16;
    limits.window_pool_bytes = 1 << 20;
    limits.max_stream_window_bytes = 256 << 10;
    limits.send_buffer_bytes = 512 << 10;
    limits.max_message_bytes = 256 << 10;
    limits.max_reassembly_bytes = 512 << 10;
    limits.max_queued_datagrams = 16;
    limits
}

/// Only windows count in the bound of these, nearly: so the test of one term is not lost in the others.
pub(crate) fn only_windows(limits: Limits) -> Limits {
    let mut limits = limits;
    limits.max_metadata_bytes = 64;
    limits.max_reassembly_bytes = 64;
    limits.max_message_bytes = 64;
    limits.send_buffer_bytes = 64;
    limits.max_queued_datagrams = 0;
    limits
}

/// The windows are as small as they can be, so that the other terms count.
pub(crate) fn hardly_windows(limits: Limits) -> Limits {
    let mut limits = limits;
    limits.stream_window_bytes = 16 << 10;
    limits.notification_window_bytes = 4 << 10;
    limits.max_stream_window_bytes = 16 << 10;
    limits.window_pool_bytes = 512 << 10;
    limits.max_queued_datagrams = 0;
    limits
}

/// The highest that the heap has been, over what it was when the connection was idle.
pub(crate) struct Heap {
    pub(crate) idle: usize,
    pub(crate) peak: usize,
}

impl Heap {
    pub(crate) fn look(&mut self) {
        self.peak = self.peak.max(heap::live().saturating_sub(self.idle));
    }
}

/// Runs `attack` on a connection of its own and gives how much heap it cost at most, beside what the
/// harness takes, and whether the connection was ended by it. Checks that everything goes with the connection.
pub(crate) fn cost_of(
    limits: &Limits,
    declares: &TransportParameters,
    attack: impl AsyncFnOnce(&mut HostilePeer, &mut Heap, &Wire),
) -> (usize, Option<ConnectionError>) {
    let _alone = heap::alone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let options = WireOptions::from(interface()).limits(limits.clone());
        // What is made once for the process is made here.
        let (peer, wire) = HostilePeer::connect(options.clone(), declares).await;
        drop(wire);
        peer.vanish().await;

        let before = heap::live();
        let (mut peer, wire) = HostilePeer::connect(options, declares).await;
        let wire = wire.unwrap();
        let mut heap = Heap { idle: heap::live(), peak: 0 };
        attack(&mut peer, &mut heap, &wire).await;
        heap.look();
        let ended = wire.close_reason();
        drop(wire);
        peer.vanish().await;
        let rest = heap::live().saturating_sub(before);
        assert!(rest <= REST_BYTES, "{rest} bytes are left of a connection that is gone");
        (heap.peak.saturating_sub(HARNESS_BYTES), ended)
    })
}

/// As [`cost_of`]; the cost must be within the bound of `limits`.
pub(crate) fn holds(
    name: &str,
    limits: &Limits,
    declares: &TransportParameters,
    attack: impl AsyncFnOnce(&mut HostilePeer, &mut Heap, &Wire),
) {
    let (cost, ended) = cost_of(limits, declares, attack);
    assert_eq!(ended, None, "{name}: the attack broke a rule before it reached a limit");
    let bound = usize::try_from(limits.memory_bound_bytes(0)).unwrap();
    println!("{name}: {cost} of {bound} bytes, {}%", cost * 100 / bound);
    assert!(cost <= bound, "{name}: {cost} bytes of heap, the bound is {bound}");
}
