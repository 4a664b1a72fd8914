//! The mark to reach: the same independent callers and the same yielding writer over the same socket,
//! with a length, an id and a slab, and nothing else: no streams, no credit, no codec. What ipfi costs
//! above this is what its streams cost.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use slab::Slab;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::Socket;

/// A length (of what follows it) and an id, 4 bytes each.
const HEADER: usize = 8;

/// As much as is read at once, and about as much as is written.
const BATCH: usize = 64 << 10;

pub(crate) struct BareIds;

/// The last clone closes the connection.
#[derive(Clone)]
pub(crate) struct IdClient(Arc<Closer>);

struct Closer(Arc<Link>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Peer for BareIds {
    const NAME: &'static str = "bare_ids";
    const KIND: Kind = Kind::Bound;
    const OFFERS: Offers = Offers::CALLS;
    type Client = IdClient;

    async fn serve(_: Needs) -> Result<String> {
        TcpStream::serve(|socket| async move {
            // An echo is ready when it is read: it joins the batch that the writer takes next.
            start(socket, |state, id, body| state.put(id, body));
        })
        .await
    }

    async fn connect(address: &str, _: Needs) -> Result<IdClient> {
        let link = start(TcpStream::open(address).await?, |state, id, body| {
            if let Some(Slot::Waiting(waker)) = state.slots.get_mut(id as usize).map(|s| s.answer(body)) {
                state.wakers.extend(waker);
            }
        });
        Ok(IdClient(Arc::new(Closer(link))))
    }
}

impl IdClient {
    async fn call(&self, body: &[u8]) -> Result<Bytes> {
        let link = &self.0.0;
        let (id, writer) = {
            let mut state = link.lock();
            let id = state.slots.insert(Slot::Waiting(None));
            state.put(u32::try_from(id)?, body);
            (id, state.writer.take())
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        Ok(poll_fn(|cx| link.lock().poll_answer(id, cx)).await?)
    }
}

impl Client for IdClient {
    async fn echo(&self, text: &'static str) -> Result<String> {
        Ok(String::from_utf8(self.call(text.as_bytes()).await?.into())?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        self.call(&message).await
    }
}

/// A call that waits for its answer, or has it.
enum Slot {
    Waiting(Option<Waker>),
    Done(Bytes),
}

impl Slot {
    fn answer(&mut self, body: &[u8]) -> Self {
        std::mem::replace(self, Self::Done(Bytes::copy_from_slice(body)))
    }
}

/// One end of the connection: what its callers, its reader and its writer share.
struct Link {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    slots: Slab<Slot>,
    out: BytesMut,
    /// There while the writer sleeps.
    writer: Option<Waker>,
    /// Collected under the lock, woken after it.
    wakers: Vec<Waker>,
    ended: bool,
}

impl State {
    fn put(&mut self, id: u32, body: &[u8]) {
        // Bodies are those of the benchmark, 1 MiB at most.
        self.out.put_u32(u32::try_from(4 + body.len()).expect("a body is short"));
        self.out.put_u32(id);
        self.out.put_slice(body);
    }

    fn poll_answer(&mut self, id: usize, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        if let Some(Slot::Waiting(waker)) = self.slots.get_mut(id)
            && !self.ended
        {
            *waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        match self.slots.try_remove(id) {
            Some(Slot::Done(body)) => Poll::Ready(Ok(body)),
            _ => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }
}

impl Link {
    /// Nothing panics under the lock, so what is behind it is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that waits is told that the connection is over.
    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        let callers = state.slots.iter_mut().filter_map(|(_, slot)| match slot {
            Slot::Waiting(waker) => waker.take(),
            Slot::Done(_) => None,
        });
        let mut wakers: Vec<Waker> = callers.collect();
        wakers.extend(state.writer.take());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Starts the reader and the writer of one end; `take` handles one frame, under the lock.
fn start(socket: TcpStream, take: fn(&mut State, u32, &[u8])) -> Arc<Link> {
    let (read, write) = socket.into_split();
    let link = Arc::new(Link { state: Mutex::default() });
    let (reader, writer) = (link.clone(), link.clone());
    tokio::spawn(async move {
        // How it ended is nobody's to read: the callers learn that it did.
        let _ = read_all(read, &reader, take).await;
        reader.end();
    });
    tokio::spawn(async move {
        let _ = write_all(write, &writer).await;
        writer.end();
    });
    link
}

async fn read_all(mut read: OwnedReadHalf, link: &Link, take: fn(&mut State, u32, &[u8])) -> io::Result<()> {
    let mut input = BytesMut::with_capacity(BATCH);
    loop {
        input.reserve(BATCH);
        if read.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        // One lock and one round of wake-ups for all that one read brought.
        let (mut wakers, writer) = {
            let mut state = link.lock();
            while let Some(length) = whole_frame(&input) {
                let frame = input.split_to(length);
                let mut body = &frame[4..];
                let id = body.get_u32();
                take(&mut state, id, body);
            }
            let writer = if state.out.is_empty() { None } else { state.writer.take() };
            (std::mem::take(&mut state.wakers), writer)
        };
        wakers.extend(writer);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// The length of the frame at the front of `input`, once it is all there. The other end is this same
/// file: a length below that of the id does not occur.
fn whole_frame(input: &[u8]) -> Option<usize> {
    let length = input.first_chunk::<4>()?;
    let whole = 4 + usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (whole >= HEADER && input.len() >= whole).then_some(whole)
}

async fn write_all(mut write: OwnedWriteHalf, link: &Link) -> io::Result<()> {
    let mut batch = BytesMut::with_capacity(BATCH);
    loop {
        poll_fn(|cx| {
            let mut state = link.lock();
            if state.ended || !state.out.is_empty() {
                return Poll::Ready(());
            }
            state.writer = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
        // The runtime runs a task just woken next; everybody else's frames come first.
        yield_once().await;
        {
            let mut state = link.lock();
            if state.ended {
                return Ok(());
            }
            std::mem::swap(&mut state.out, &mut batch);
        }
        write.write_all(&batch).await?;
        batch.clear();
    }
}

/// Runtime-neutral, as the writer it stands beside: wakes itself, and is pending once.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests;
