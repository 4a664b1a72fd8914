//! The stream that small calls share, as the task of a wire looks after it.

use core::task::{Context, Poll, ready};

use bytes::Bytes;

use super::Serving;
use crate::close_code::CloseCode;
use crate::error::ConnectionError;
use crate::wire::sharing;

impl Serving {
    /// Opens the stream that small calls share, if the server has said that it takes it.
    pub(super) fn poll_sharing(&mut self, cx: &mut Context<'_>) {
        let Some(opening) = &mut self.sharing else { return };
        let Poll::Ready(opened) = opening.as_mut().poll(cx) else { return };
        self.sharing = None;
        // Without it every call has a stream of its own.
        let Ok((mut send, recv)) = opened else { return };
        let mut header = sharing::header();
        if let Poll::Ready(Ok(())) = send.poll_write(cx, &mut header, false) {
            self.core.share(send, recv, Bytes::new());
        }
    }

    /// What became of the shared stream. One that the peer ended in order takes no more calls; any other end is
    /// that of the connection.
    pub(super) fn check_shared(&mut self) -> Result<(), ConnectionError> {
        if self.shared_checked {
            return Ok(());
        }
        let Some(shared) = self.core.shared_or_over() else { return Ok(()) };
        let Some(reason) = shared.close_reason() else { return Ok(()) };
        self.shared_checked = true;
        self.core.end_sharing();
        if reason.is_orderly() || self.core.session().close_reason().is_some() {
            return Ok(());
        }
        let text = format!("the stream that small calls share broke: {reason}");
        Err(self.close(reason, CloseCode::PROTOCOL, &text))
    }

    /// Ready when all that was finished is handed over, on the shared stream and on others.
    pub(super) fn poll_flushed(&mut self, code: CloseCode, reason: &str, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(shared) = self.core.shared_or_over() {
            ready!(shared.poll_flushed(cx));
            self.core.end_sharing();
            self.shared_checked = true;
            shared.close(code, reason);
            ready!(self.core.poll_shared_written(cx));
        }
        self.core.session().poll_flushed(cx)
    }
}
