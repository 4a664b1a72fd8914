//! After the last word: a socket that is dropped on bytes that were not read throws away, at the peer, what was on its way
//! there, so that a browser would call an orderly end a failure.

use std::pin::pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio_tungstenite::WebSocketStream;

use super::Carrier;
use super::counted::Counted;

/// How long the peer has to answer the close, and to end its side.
const LINGER: Duration = Duration::from_secs(1);

/// Waits shortly for the peer's close, if it has not come, and then ends the stream below in its own order: TLS says goodbye
/// too, and a server ends first (RFC 6455 section 7.1.1).
pub(super) fn until_the_peer_is_done<T: Carrier>(mut ws: WebSocketStream<Counted<T>>, peer_is_done: bool) {
    // Dropped outside of its runtime, which is shutting down: nobody is left to wait.
    let Ok(runtime) = Handle::try_current() else { return };
    let lingering = async move {
        let done = async {
            // The answer to the peer's close.
            let _ = ws.flush().await;
            while !peer_is_done && ws.next().await.is_some_and(|came| came.is_ok()) {}
            let _ = ws.get_mut().shutdown().await;
        };
        // Whatever comes of it, all that this side had to say has been said.
        let _ = tokio::time::timeout(LINGER, pin!(done)).await;
    };
    drop(runtime.spawn(lingering));
}
