//! A WebSocket after its handshake, whoever made that.

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_core::wire::{Wire, WireOptions};
use ipfi_mux::driver::tokio::messages;
use ipfi_mux::{ConfigError, MuxSession};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::WsOptions;
use crate::socket::directions;

/// A byte stream on which a WebSocket's handshake is done, with [`SUBPROTOCOL`](crate::SUBPROTOCOL) agreed on.
#[derive(Debug)]
pub struct Upgraded<T> {
    stream: T,
    read: Vec<u8>,
    side: Side,
}

impl<T> Upgraded<T>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// Takes `stream`, of which `read` was read beyond the handshake; `side` is [`Side::Client`] at the end that connected.
    pub fn new(stream: T, read: Vec<u8>, side: Side) -> Self {
        Self { stream, read, side }
    }

    /// Makes a wire of it. Must be called within a tokio runtime, whose tasks carry the connection. Waits for the peer's
    /// transport parameters, up to the limit `handshake_timeout`.
    ///
    /// # Errors
    ///
    /// As [`ipfi_mux::connect`]. A peer that breaks a rule of the WebSocket is a
    /// [`Violation`](ConnectionError::Violation); one that closes it without a word of ipfi's own is
    /// [`Lost`](ConnectionError::Lost) with its code.
    ///
    /// Cancel safe: dropped, it closes the connection.
    pub async fn wire(
        self,
        options: impl Into<WireOptions>,
        ws: &WsOptions,
    ) -> Result<Wire, ConnectionError> {
        let options = options.into();
        let side = self.side;
        let (source, sink) = directions(self.stream, self.read, side, options.limits_ref(), ws).await;
        match side {
            Side::Client => messages::connect(source, sink, options).await,
            Side::Server => messages::accept(source, sink, options).await,
        }
    }

    /// Makes a bare session of it, for programs that want streams without calls; otherwise as
    /// [`ipfi_mux::driver::tokio::session`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the limits contradict each other; then nothing is sent.
    pub async fn session(self, limits: Limits, ws: &WsOptions) -> Result<MuxSession, ConfigError> {
        let (source, sink) = directions(self.stream, self.read, self.side, &limits, ws).await;
        messages::session(source, sink, self.side, limits)
    }
}
