//! What each end of a pair allows, and what is wrong with the link between them.

use crate::limits::Limits;
use crate::session::Side;

/// How a pair behaves. The default is two ends with the default limits and a link without faults.
#[derive(Clone, Debug, Default)]
pub struct MemoryOptions {
    /// The end that [`Side::Client`] names.
    pub client: EndpointOptions,
    /// The end that [`Side::Server`] names.
    pub server: EndpointOptions,
}

impl MemoryOptions {
    /// Both ends have `limits`.
    pub fn new(limits: Limits) -> Self {
        let end = EndpointOptions { limits, ..EndpointOptions::default() };
        Self { client: end.clone(), server: end }
    }

    /// Every read, at both ends, returns at most `bytes`.
    #[must_use]
    pub fn max_read_bytes(mut self, bytes: usize) -> Self {
        self.client.max_read_bytes = bytes;
        self.server.max_read_bytes = bytes;
        self
    }

    /// The link breaks once `from` has sent this many bytes: [`EndpointOptions::cut_after_bytes`].
    #[must_use]
    pub fn cut_after_bytes(mut self, from: Side, bytes: u64) -> Self {
        self.end_mut(from).cut_after_bytes = Some(bytes);
        self
    }

    /// What `from` sends waits from the beginning: [`EndpointOptions::stalled`].
    #[must_use]
    pub fn stalled(mut self, from: Side) -> Self {
        self.end_mut(from).stalled = true;
        self
    }

    fn end_mut(&mut self, side: Side) -> &mut EndpointOptions {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// One end of a pair.
#[derive(Clone, Debug)]
pub struct EndpointOptions {
    /// What this end accepts from the other. Used are `max_inbound_calls`, `max_inbound_notifications`,
    /// `stream_window_bytes` and `notification_window_bytes` (at least 1 each; windows do not grow),
    /// `max_datagram_frame_bytes` and `max_queued_datagrams`.
    pub limits: Limits,
    /// The most bytes one read returns, however many were asked for; at least 1. Down at 1, a parser
    /// meets every boundary.
    pub max_read_bytes: usize,
    /// After this many bytes of streams sent by this end have arrived, the link is lost for both
    /// ends: what comes behind the last of them, its FIN included, never arrives. 0 is lost from the
    /// beginning.
    pub cut_after_bytes: Option<u64>,
    /// Nothing this end sends arrives until [`MemoryControl::resume`](super::MemoryControl::resume).
    pub stalled: bool,
}

impl Default for EndpointOptions {
    fn default() -> Self {
        Self { limits: Limits::default(), max_read_bytes: usize::MAX, cut_after_bytes: None, stalled: false }
    }
}
