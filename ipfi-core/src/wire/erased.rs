//! Any session as one object: a box per stream half, none for opening when there is credit.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::close_code::CloseCode;
use crate::error::{ConnectionError, DatagramError};
use crate::session::{self, News, PathStats, RecvStream, SendStream, Session, Side};

pub(crate) type BoxSend = Box<dyn SendStream + Send>;
pub(crate) type BoxRecv = Box<dyn RecvStream + Send>;
pub(crate) type Opened<T> = Result<T, ConnectionError>;
/// What the peer sends on a stream that it opened.
pub(crate) enum Request {
    /// All of it is here.
    Whole(Bytes),
    /// It comes, or is larger.
    Stream(BoxRecv),
}

pub(crate) type OpenedStream = session::Opened<BoxSend, BoxRecv>;
pub(crate) type Opening<T> = Pin<Box<dyn Future<Output = Opened<T>> + Send>>;

/// A session whose parts may cross threads: what a [`Wire`](crate::wire::Wire) runs on. Implemented by
/// every such [`Session`].
pub trait SendSession:
    Session<SendStream: Send, RecvStream: Send, OpenBi: Send, OpenUni: Send> + Send + Sync
{
}

impl<S> SendSession for S where
    S: Session<SendStream: Send, RecvStream: Send, OpenBi: Send, OpenUni: Send> + Send + Sync
{
}

/// [`Session`] as an object.
pub(crate) trait ErasedSession: Send + Sync {
    fn side(&self) -> Side;
    /// Opens now, or `None` when there is no credit.
    fn try_open_bi(&self) -> Option<Opened<(BoxSend, BoxRecv)>>;
    /// Opens now and hands over all of the request if it fits, or `None` when there is no credit.
    fn try_open_whole(&self, cx: &mut Context<'_>, data: &[u8]) -> Option<Opened<OpenedStream>>;
    fn open_bi(&self) -> Opening<(BoxSend, BoxRecv)>;
    fn open_shared(&self) -> Opening<(BoxSend, BoxRecv)>;
    /// Opens now, or `None` when there is no credit.
    fn try_open_uni(&self) -> Option<Opened<BoxSend>>;
    fn open_uni(&self) -> Opening<BoxSend>;
    fn poll_accept_bi(&self, cx: &mut Context<'_>) -> Poll<Opened<(BoxSend, Request)>>;
    fn poll_accept_uni(&self, cx: &mut Context<'_>) -> Poll<Opened<BoxRecv>>;
    fn poll_news(&self, cx: &mut Context<'_>) -> News;
    fn send_datagram(&self, payload: Bytes) -> Result<(), DatagramError>;
    fn poll_recv_datagram(&self, cx: &mut Context<'_>) -> Poll<Opened<Bytes>>;
    fn max_datagram_bytes(&self) -> Option<usize>;
    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()>;
    fn close(&self, code: CloseCode, reason: &str);
    fn close_reason(&self) -> Option<ConnectionError>;
    fn path_stats(&self) -> Option<PathStats>;
}

/// Polls once, where it stands: the session's own future needs no box when it is ready at once.
fn ready_now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn boxed<S: SendStream + Send, R: RecvStream + Send>((send, recv): (S, R)) -> (BoxSend, BoxRecv) {
    (Box::new(send), Box::new(recv))
}

impl<S: SendSession> ErasedSession for S {
    fn side(&self) -> Side {
        Session::side(self)
    }

    fn try_open_bi(&self) -> Option<Opened<(BoxSend, BoxRecv)>> {
        ready_now(Session::open_bi(self)).map(|opened| opened.map(boxed))
    }

    fn try_open_whole(&self, cx: &mut Context<'_>, data: &[u8]) -> Option<Opened<OpenedStream>> {
        let opened = Session::try_open_whole(self, cx, data)?;
        Some(opened.map(|session::Opened { send, recv, waits }| OpenedStream {
            send: send.map(|send| Box::new(send) as BoxSend),
            recv: Box::new(recv),
            waits,
        }))
    }

    fn open_bi(&self) -> Opening<(BoxSend, BoxRecv)> {
        let opening = Session::open_bi(self);
        Box::pin(async move { opening.await.map(boxed) })
    }

    fn open_shared(&self) -> Opening<(BoxSend, BoxRecv)> {
        let opening = Session::open_shared(self);
        Box::pin(async move { opening.await.map(boxed) })
    }

    fn try_open_uni(&self) -> Option<Opened<BoxSend>> {
        ready_now(Session::open_uni(self)).map(|opened| opened.map(|send| Box::new(send) as BoxSend))
    }

    fn open_uni(&self) -> Opening<BoxSend> {
        let opening = Session::open_uni(self);
        Box::pin(async move { opening.await.map(|send| Box::new(send) as BoxSend) })
    }

    fn poll_accept_bi(&self, cx: &mut Context<'_>) -> Poll<Opened<(BoxSend, Request)>> {
        Session::poll_accept_bi(self, cx).map_ok(|(send, mut recv)| {
            // Of what came early more must be known than its bytes.
            let whole = if recv.is_early() { None } else { recv.take_whole() };
            let request = match whole {
                Some(bytes) => Request::Whole(bytes),
                None => Request::Stream(Box::new(recv)),
            };
            (Box::new(send) as BoxSend, request)
        })
    }

    fn poll_accept_uni(&self, cx: &mut Context<'_>) -> Poll<Opened<BoxRecv>> {
        Session::poll_accept_uni(self, cx).map(|accepted| accepted.map(|recv| Box::new(recv) as BoxRecv))
    }

    fn poll_news(&self, cx: &mut Context<'_>) -> News {
        Session::poll_news(self, cx)
    }

    fn send_datagram(&self, payload: Bytes) -> Result<(), DatagramError> {
        Session::send_datagram(self, payload)
    }

    fn poll_recv_datagram(&self, cx: &mut Context<'_>) -> Poll<Opened<Bytes>> {
        Session::poll_recv_datagram(self, cx)
    }

    fn max_datagram_bytes(&self) -> Option<usize> {
        Session::max_datagram_bytes(self)
    }

    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        Session::poll_flushed(self, cx)
    }

    fn close(&self, code: CloseCode, reason: &str) {
        Session::close(self, code, reason);
    }

    fn close_reason(&self) -> Option<ConnectionError> {
        Session::close_reason(self)
    }

    fn path_stats(&self) -> Option<PathStats> {
        Session::path_stats(self)
    }
}
