//! yamux over TCP, a stream for each call.
//!
//! Settings: `TCP_NODELAY`; no bound on the connection's window, which lets it tune the windows of its streams as
//! far as it likes; as many streams as the workload has. One task drives each connection, as its
//! documentation asks.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, Mode, Stream};

use crate::peer::{Kind, Needs, Offers, Peer, Result};
use crate::peers::per_stream::{self, Io, Opens, PerStream};
use crate::peers::socket::Socket;

pub(crate) struct Yamux;

impl Peer for Yamux {
    const NAME: &'static str = "yamux";
    const KIND: Kind = Kind::Streams;
    const OFFERS: Offers = Offers::ALL;
    type Client = PerStream<Opener>;

    async fn serve(needs: Needs) -> Result<String> {
        TcpStream::serve(move |socket| async move {
            let mut connection = Connection::new(socket.compat(), config(needs), Mode::Server);
            while let Some(Ok(stream)) = poll_fn(|cx| connection.poll_next_inbound(cx)).await {
                // A call that fails is seen at the other end.
                tokio::spawn(per_stream::serve(Io::new(stream.compat())));
            }
        })
        .await
    }

    async fn connect(address: &str, needs: Needs) -> Result<PerStream<Opener>> {
        let socket = TcpStream::open(address).await?;
        let connection = Connection::new(socket.compat(), config(needs), Mode::Client);
        let (opens, requests) = mpsc::channel(1024);
        tokio::spawn(drive(connection, requests));
        Ok(PerStream(Opener(Arc::new(opens))))
    }
}

fn config(needs: Needs) -> Config {
    let mut config = Config::default();
    config.set_max_connection_receive_window(None);
    // Streams that are closed still count for a moment.
    config.set_max_num_streams(2 * needs.streams as usize + 512);
    config
}

type Request = oneshot::Sender<Stream>;

/// Ends when nobody can open streams any more.
async fn drive(mut connection: Connection<Compat<TcpStream>>, mut requests: mpsc::Receiver<Request>) {
    let mut waiting: Option<Request> = None;
    let ended = poll_fn(|cx| {
        loop {
            if waiting.is_none() {
                match requests.poll_recv(cx) {
                    Poll::Ready(Some(request)) => waiting = Some(request),
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            match connection.poll_new_outbound(cx) {
                // Whoever gave up waiting drops it.
                Poll::Ready(Ok(stream)) => drop(waiting.take().map(|request| request.send(stream))),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        // The server opens none: this is what moves the connection on.
        match connection.poll_next_inbound(cx) {
            Poll::Ready(None | Some(Err(_))) => Poll::Ready(()),
            Poll::Ready(Some(Ok(_))) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    });
    ended.await;
    // The goodbye may come too late for a server that has gone.
    let _ = poll_fn(|cx| connection.poll_close(cx)).await;
}

#[derive(Clone)]
pub(crate) struct Opener(Arc<mpsc::Sender<Request>>);

impl Opens for Opener {
    type Stream = Io<Compat<Stream>>;

    async fn open(&self) -> Result<Self::Stream> {
        let (request, stream) = oneshot::channel();
        self.0.send(request).await?;
        Ok(Io::new(stream.await?.compat()))
    }
}
