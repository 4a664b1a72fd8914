//! The control streams: who we are, who the peer is, and that one of us goes away.

use core::task::{Context, Poll};
use std::sync::atomic::Ordering;

use bytes::BytesMut;

use super::{ControlOut, MAX_UNKNOWN_CONTROL, READ_BYTES, Serving};
use crate::close_code::CloseCode;
use crate::proto::{ControlError, ControlMessage, Settings, control};
use crate::session::Side;
use crate::wire::Role;

impl Serving {
    /// Opens our control stream, says who we are, and later that we go away.
    pub(super) fn poll_control_out(&mut self, cx: &mut Context<'_>) {
        if let ControlOut::Opening(opening) = &mut self.control_out {
            match opening.as_mut().poll(cx) {
                Poll::Pending => return,
                Poll::Ready(Err(_)) => {
                    self.control_out = ControlOut::Gone;
                    self.core.set_greeted();
                }
                Poll::Ready(Ok(mut send)) => {
                    // Settings and GOAWAY must not wait behind anybody's bulk.
                    send.set_priority(i8::MAX);
                    let mut preamble = BytesMut::new();
                    control::put_preamble(&mut preamble, &self.settings());
                    self.control_out = ControlOut::Open { send, pending: preamble.freeze() };
                }
            }
        }
        let ControlOut::Open { send, pending } = &mut self.control_out else { return };
        let goaway = self.core.is_draining() && !self.core.peer_settings.told_goaway.load(Ordering::Acquire);
        if pending.is_empty() && !goaway {
            return;
        }
        // Its first byte is the stream's type, so GOAWAY can only follow the whole preamble.
        let written = send.poll_write(cx, pending, false);
        if !self.core.is_greeted() {
            self.core.set_greeted();
        }
        match written {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return self.control_out = ControlOut::Gone,
            Poll::Pending => return,
        }
        if self.core.is_draining() && !self.core.peer_settings.told_goaway.swap(true, Ordering::AcqRel) {
            let mut goaway = BytesMut::new();
            control::put_goaway(&mut goaway);
            *pending = goaway.freeze();
            if let Poll::Ready(Err(_)) = send.poll_write(cx, pending, false) {
                self.control_out = ControlOut::Gone;
            }
        }
    }

    fn settings(&self) -> Settings {
        let limits = self.core.limits();
        Settings {
            max_message_bytes: u64::from(limits.max_message_bytes),
            max_metadata_bytes: u64::from(limits.max_metadata_bytes),
            serves: self.core.role() != Role::CallerOnly,
            shared_calls: self.core.options().sharing.is_some() && self.core.session().side() == Side::Server,
            isolated: self.core.interface().isolated_procedures(),
            max_inbound_calls: u64::from(limits.max_inbound_calls),
        }
    }

    /// Takes in what the peer says on its control stream. An error closes the connection.
    pub(super) fn poll_control_in(&mut self, cx: &mut Context<'_>) -> Result<(), ControlError> {
        let Some((recv, decoder)) = &mut self.control_in else { return Ok(()) };
        loop {
            while let Some(message) = decoder.next()? {
                match message {
                    ControlMessage::Settings(settings) => {
                        self.core.set_peer_settings(&settings);
                        self.settings_seen = true;
                        if settings.shared_calls
                            && self.core.session().side() == Side::Client
                            && self.core.options().sharing.is_some()
                        {
                            self.sharing = Some(self.core.session().open_shared());
                        }
                    }
                    // Clause 2.6.
                    ControlMessage::GoAway => {
                        self.core.peer_settings.going_away.store(true, Ordering::Release);
                    }
                    _ => {
                        self.unknown_control += 1;
                        if self.unknown_control > MAX_UNKNOWN_CONTROL {
                            // The layer above the carrier speaks for itself (clause 13.4).
                            let text = format!(
                                "control messages of unknown types: {} seen, limit {MAX_UNKNOWN_CONTROL}",
                                self.unknown_control
                            );
                            self.core.session().close(CloseCode::RESOURCE_EXHAUSTED, &text);
                        }
                    }
                }
            }
            match recv.poll_read(cx, READ_BYTES) {
                Poll::Ready(Ok(chunk)) => decoder.push(&chunk.bytes, chunk.fin),
                Poll::Ready(Err(_)) => {
                    // A reset is a close as much as a FIN; the connection's end is seen elsewhere.
                    decoder.push(&[], true);
                    if self.core.close_reason().is_some() {
                        self.control_in = None;
                        return Ok(());
                    }
                }
                Poll::Pending => return Ok(()),
            }
        }
    }
}
