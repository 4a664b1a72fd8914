//! The switches of the test kit.

use std::sync::Arc;

use super::link::Shared;
use crate::session::Side;

/// Stalls, moves and breaks the link of a pair while it runs. Nothing here depends on time or chance:
/// a test that passes once passes always.
///
/// ```
/// use std::task::{Context, Poll, Waker};
/// use ipfi_core::memory::{MemoryOptions, pair};
/// use ipfi_core::session::{Session, Side};
///
/// let (client, server) = pair(MemoryOptions::default());
/// let control = client.control();
/// let mut cx = Context::from_waker(Waker::noop());
///
/// control.stall(Side::Client);
/// client.send_datagram("hello".into())?;
/// assert!(server.poll_recv_datagram(&mut cx).is_pending());
/// control.resume(Side::Client);
/// assert_eq!(server.poll_recv_datagram(&mut cx), Poll::Ready(Ok("hello".into())));
/// # Ok::<(), ipfi_core::error::DatagramError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryControl {
    shared: Arc<Shared>,
}

impl MemoryControl {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Lets nothing that `from` sends arrive: no bytes, no resets, no credit, no close. What it may
    /// have under way stays bounded by the windows and limits of its peer.
    pub fn stall(&self, from: Side) {
        self.shared.with(|link| link.lane(from).stalled = true);
    }

    /// Lets what `from` sent arrive, in order, and everything after it at once.
    pub fn resume(&self, from: Side) {
        self.shared.with(|link| link.lane(from).stalled = false);
    }

    /// Lets the oldest thing under way from `from` arrive, stalled or not; `false` if there is none.
    /// A thing is one write, reset, stop, credit, datagram or close.
    pub fn step(&self, from: Side) -> bool {
        self.shared.with(|link| link.step(from))
    }

    /// Breaks the link now, for both ends and without a word from either.
    pub fn cut(&self, detail: &str) {
        self.shared.with(|link| link.lose(detail));
    }

    /// Breaks the link once `from` has sent this many bytes of streams, counted from the beginning.
    pub fn cut_after(&self, from: Side, bytes: u64) {
        self.shared.with(|link| {
            link.lane(from).cut_after = Some(bytes);
            link.cut_where_due();
        });
    }

    /// How many bytes of streams have arrived from `from`.
    pub fn bytes_crossed(&self, from: Side) -> u64 {
        self.shared.with(|link| link.lane(from).crossed)
    }

    /// How many streams the pair keeps anything of; 0 once every handle of finished streams is gone.
    pub fn live_streams(&self) -> usize {
        self.shared.with(|link| link.streams.len())
    }
}
