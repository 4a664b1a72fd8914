//! For the tests of frames alone: sends back what comes, as it came. No part of the interface.

use std::future::poll_fn;
use std::io;

use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_mux::driver::tokio::messages::{Incoming, MessageSink, MessageSource};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::WsOptions;
use crate::socket::directions;

/// Echoes on `stream`, whose handshake is done, as the server, until the WebSocket has ended. Text messages come back too, which
/// a wire would refuse.
pub async fn echo<T>(stream: T, limits: &Limits, ws: &WsOptions) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut source, mut sink) = directions(stream, Vec::new(), Side::Server, limits, ws).await;
    source.take_texts();
    loop {
        match poll_fn(|cx| source.poll_incoming(cx)).await {
            Incoming::Message(message) => {
                poll_fn(|cx| sink.poll_ready(cx)).await?;
                sink.start_send(message)?;
                poll_fn(|cx| sink.poll_flush(cx)).await?;
            }
            Incoming::Alive => {}
            Incoming::Violation(_) => poll_fn(|cx| sink.poll_close(cx)).await?,
            Incoming::End(_) => return poll_fn(|cx| sink.poll_close(cx)).await,
            Incoming::Lost(error) => return Err(error),
        }
    }
}
