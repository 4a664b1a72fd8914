//! Letting the last word out.
//!
//! Quinn holds CONNECTION_CLOSE back while the congestion window is full, and once a connection is closed no
//! acknowledgement opens it any more: the peer would hear nothing, and wait for its idle timeout. RFC 9002 section 7
//! counts only packets that elicit acknowledgements, which a close does not. So whoever closes opens the window first;
//! nothing but the close leaves then.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics};
use quinn_proto::RttEstimator;

/// Room for any close, and so much that quinn does not pace it either.
const OPEN_WINDOW: u64 = 1 << 33;

/// Makes controllers whose window can be opened.
pub(crate) struct Openable<F>(pub(crate) Arc<F>);

impl<F: ControllerFactory + Send + Sync + 'static> ControllerFactory for Openable<F> {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        let inner = Arc::clone(&self.0).build(now, current_mtu);
        Box::new(OpenableController { inner, open: Arc::default() })
    }
}

/// A congestion controller, and whether its connection is being closed: copies share that.
struct OpenableController {
    inner: Box<dyn Controller>,
    open: Arc<AtomicBool>,
}

/// Opens the congestion window of a connection that is about to be closed. One whose transport was not configured
/// here keeps its own.
pub(crate) fn open(connection: &quinn::Connection) {
    if let Ok(controller) = connection.congestion_state().into_any().downcast::<OpenableController>() {
        controller.open.store(true, Ordering::Relaxed);
    }
}

impl Controller for OpenableController {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.inner.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.inner.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        self.inner.on_end_acks(now, in_flight, app_limited, largest);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, persistent: bool, lost_bytes: u64) {
        self.inner.on_congestion_event(now, sent, persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        if self.open.load(Ordering::Relaxed) { OPEN_WINDOW } else { self.inner.window() }
    }

    fn metrics(&self) -> ControllerMetrics {
        self.inner.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self { inner: self.inner.clone_box(), open: Arc::clone(&self.open) })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
