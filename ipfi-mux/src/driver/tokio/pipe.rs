//! The two tasks of a connection, and the write half that they share with lone callers.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use ipfi_core::time::Time;
use ipfi_core::wire::Serving;
use tokio::time::Sleep;

use super::TokioRuntime;
use super::carrier::{Inlet, Outlet, Taken, Written};
use crate::connection::{Connection, Transmit};
use crate::session::{MuxSession, Notify, Shared};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// With this much waiting, a batch is full enough to leave without the yield.
const FULL_BATCH_BYTES: usize = 16 << 10;

/// How long the peer's last words may take once it reads no more.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Reads before the reader lets other tasks run, if more keeps coming.
const READS_PER_POLL: usize = 4;

/// Writes before whoever writes lets other tasks run, if the pipe takes them all. A turn that lasts long keeps
/// the runtime from looking for input, and the small calls of other tasks from getting into the next batch.
const WRITES_PER_POLL: usize = 2;

/// One connection's pipe, which is written to by `W`.
pub(super) struct Pipe<W> {
    shared: Arc<Shared>,
    runtime: Arc<TokioRuntime>,
    half: Mutex<WriteHalf<W>>,
    /// The writer's task.
    writer: AtomicWaker,
    /// The reader's task: woken when the connection is over, since a peer that keeps its side open and
    /// says nothing would hold a task and a socket for ever.
    reader: AtomicWaker,
    /// The reader is in the middle of a batch and will flush at its end: nobody else need.
    reading: AtomicBool,
}

struct WriteHalf<W> {
    /// Dropped when nothing more will be written, after it was shut down or has failed: of a system's pipe,
    /// a child's standard input say, only that is the end of file that the peer waits for.
    writer: Option<W>,
    /// What the system said when the writer failed.
    error: Option<io::Error>,
}

impl<W> WriteHalf<W> {
    fn broken(&mut self, error: io::Error) -> Flushed {
        self.writer = None;
        self.error.get_or_insert(error);
        Flushed::Over
    }
}

/// How far flushing got.
enum Flushed {
    /// Nothing is left to write.
    All,
    /// The pipe takes no more now.
    Blocked,
    /// There is more to write, once others have run.
    Yields,
    /// The pipe is broken, or closed after the last word.
    Over,
}

impl<W: Outlet> Pipe<W> {
    pub(super) fn new(connection: Connection, writer: W, runtime: Arc<TokioRuntime>) -> Arc<Self> {
        Arc::new_cyclic(|pipe| Self {
            shared: Shared::new(connection, Box::new(Doorbell(pipe.clone()))),
            runtime,
            half: Mutex::new(WriteHalf { writer: Some(writer), error: None }),
            writer: AtomicWaker::new(),
            reader: AtomicWaker::new(),
            reading: AtomicBool::new(false),
        })
    }

    pub(super) fn session(&self) -> MuxSession {
        self.shared.session()
    }

    pub(super) fn runtime(&self) -> Arc<TokioRuntime> {
        Arc::clone(&self.runtime)
    }

    fn now(&self) -> Time {
        self.runtime.time()
    }

    /// Writes batches until there is no output, the pipe is full, or others should run.
    fn flush(&self, half: &mut WriteHalf<W>, cx: &mut Context<'_>) -> Flushed {
        let mut writes = 0;
        loop {
            let Some(writer) = &mut half.writer else { return Flushed::Over };
            if !writer.is_writing() {
                if writes >= WRITES_PER_POLL && self.shared.pending_output().is_some() {
                    return Flushed::Yields;
                }
                match writer.poll_collect(&self.shared, self.now(), cx) {
                    Poll::Ready(Ok(Transmit::Idle)) => return self.at_rest(half, cx),
                    Poll::Ready(Ok(Transmit::Appended(_))) => {}
                    Poll::Ready(Err(error)) => return half.broken(error),
                    Poll::Pending => return Flushed::Blocked,
                }
            }
            let Some(writer) = &mut half.writer else { return Flushed::Over };
            match writer.poll_write(cx) {
                Poll::Ready(Ok(Written::All)) => {
                    writes += 1;
                    self.shared.handle_transmitted(self.now());
                }
                Poll::Ready(Ok(Written::Some)) => {
                    writes += 1;
                    self.shared.handle_write_progress(self.now());
                }
                Poll::Ready(Err(error)) => return half.broken(error),
                Poll::Pending => return Flushed::Blocked,
            }
        }
    }

    /// Everything was written: hands it to the pipe's own buffer, and closes after the last word.
    fn at_rest(&self, half: &mut WriteHalf<W>, cx: &mut Context<'_>) -> Flushed {
        let Some(writer) = &mut half.writer else { return Flushed::Over };
        let closing = self.shared.is_write_closed();
        let settled = if closing { writer.poll_shutdown(cx) } else { writer.poll_flush(cx) };
        match settled {
            Poll::Pending => Flushed::Blocked,
            Poll::Ready(Err(error)) => half.broken(error),
            Poll::Ready(Ok(())) if closing => {
                half.writer = None;
                Flushed::Over
            }
            Poll::Ready(Ok(())) => Flushed::All,
        }
    }

    /// Writes from this task, whoever it is, unless somebody else is writing; leaves the rest to the writer.
    fn flush_here(&self) {
        let rest = match self.half.try_lock() {
            Ok(mut half) => {
                let cx = &mut Context::from_waker(Waker::noop());
                !matches!(self.flush(&mut half, cx), Flushed::All)
            }
            // The one who holds it may be past its last look at the machine.
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Poisoned(_)) => true,
        };
        if rest {
            self.writer.wake();
        }
    }

    /// The writer: batches out, and the connection's clock.
    pub(super) async fn write(self: Arc<Self>) {
        let _gone = WriterGone(&self);
        let mut sleep = pin!(tokio::time::sleep_until(self.runtime.instant(self.now())));
        let mut yielded = false;
        poll_fn(|cx| {
            self.writer.register(cx.waker());
            self.keep_time(sleep.as_mut(), cx);
            let waiting = self.shared.pending_output();
            if !yielded && waiting.is_some_and(|bytes| bytes < FULL_BATCH_BYTES) {
                yielded = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            yielded = false;
            let mut half = self.half.lock().unwrap_or_else(PoisonError::into_inner);
            let flushed = self.flush(&mut half, cx);
            let failed = half.error.is_some();
            drop(half);
            // A batch in flight sets the deadline of a stalled write. The clock also ends the wait for a
            // peer that was told goodbye and keeps its side open.
            self.keep_time(sleep.as_mut(), cx);
            let finished = self.shared.is_finished();
            match flushed {
                Flushed::Over if finished || failed => Poll::Ready(()),
                // It takes no more, and nobody waits for it any longer.
                Flushed::Blocked if finished => Poll::Ready(()),
                Flushed::Yields => {
                    // That is the yield before the next batch too.
                    yielded = true;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Flushed::Over | Flushed::Blocked | Flushed::All => Poll::Pending,
            }
        })
        .await;
        let error = self.half.lock().unwrap_or_else(PoisonError::into_inner).error.take();
        if let Some(error) = error {
            // What the peer said before it stopped reading is on its way in: its close, or the text of a
            // program that is no peer at all. The reader has a moment to find it.
            tokio::time::sleep(LAST_WORDS).await;
            self.shared.handle_lost(&error.to_string());
        }
    }

    /// Tells the machine when its next deadline has passed. The timer is moved only when it fires or the
    /// deadline has come nearer: most deadlines move away with every record.
    fn keep_time(&self, mut sleep: Pin<&mut Sleep>, cx: &mut Context<'_>) {
        loop {
            let Some(next) = self.shared.poll_timeout() else { return };
            let next = self.runtime.instant(next);
            if sleep.is_elapsed() || next < sleep.deadline() {
                sleep.as_mut().reset(next);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return;
            }
            self.shared.handle_timeout(self.now());
        }
    }

    /// The reader: bytes in, calls begun and answered, until both directions have ended. `serving` is
    /// absent where nobody makes calls of the streams.
    pub(super) async fn read<R: Inlet>(self: Arc<Self>, reader: R, serving: Option<Serving>) {
        let _gone = ReaderGone(&self);
        // Dropped before the guard: a wire that is cut short still says why.
        let (mut reader, mut serving) = (reader, serving);
        let mut handshaken = false;
        let mut ended = false;
        poll_fn(|cx| {
            self.reader.register(cx.waker());
            self.reading.store(true, Ordering::SeqCst);
            let mut reads = 0;
            while !ended && reads < READS_PER_POLL {
                match reader.poll_take_in(&self.shared, &self.runtime, cx) {
                    Poll::Pending => break,
                    Poll::Ready(Taken::Input) => {
                        reads += 1;
                        self.serve(&mut serving, cx);
                    }
                    Poll::Ready(Taken::End) => ended = true,
                }
            }
            if reads == READS_PER_POLL {
                cx.waker().wake_by_ref();
            }
            let handshakes =
                !handshaken && self.shared.look(|connection| connection.peer_parameters().is_some());
            if handshakes {
                handshaken = true;
                // Pings and idleness may now be due sooner than the handshake was, and the writer keeps the
                // clock. Nothing else that is read brings a deadline nearer.
                self.writer.wake();
            }
            // After a read it has just been polled, and asks for the next poll itself.
            if reads == 0 || ended {
                self.serve(&mut serving, cx);
            }
            self.reading.store(false, Ordering::SeqCst);
            if self.shared.pending_output().is_some() || self.shared.is_write_closed() {
                if handshakes {
                    // Whoever waited for the handshake is about to make the first call: by the writer,
                    // which yields first, it leaves with our settings.
                    self.writer.wake();
                } else {
                    self.flush_here();
                }
            }
            if serving.is_none() && (ended || self.shared.is_finished()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn serve(&self, serving: &mut Option<Serving>, cx: &mut Context<'_>) {
        if let Some(future) = serving
            && Pin::new(future).poll(cx).is_ready()
        {
            *serving = None;
        }
    }
}

/// The reader has come to its end, or was aborted, or code that it ran panicked.
struct ReaderGone<'a, W>(&'a Pipe<W>);

impl<W> Drop for ReaderGone<'_, W> {
    fn drop(&mut self) {
        let pipe = self.0;
        // Nobody looks for output after this: whoever has some is to ring.
        pipe.reading.store(false, Ordering::SeqCst);
        // A connection that has ended keeps its cause, and its last word is still to be sent.
        if pipe.shared.with(|connection| connection.close_reason().is_none()) {
            pipe.shared.handle_driver_dropped();
        }
        // The machine may be waiting for the peer's end, which has come.
        pipe.writer.wake();
    }
}

/// The writer has come to its end, or was aborted, or the pipe panicked: nothing more can be written, and
/// nobody keeps the time.
struct WriterGone<'a, W>(&'a Pipe<W>);

impl<W> Drop for WriterGone<'_, W> {
    fn drop(&mut self) {
        self.0.shared.handle_driver_dropped();
        self.0.reader.wake();
    }
}

impl<W> Drop for Pipe<W> {
    fn drop(&mut self) {
        // Tasks that were never polled have no guards: their runtime may have been shut down before.
        self.shared.handle_driver_dropped();
    }
}

/// Tells the pipe of output. Weak, because the pipe owns what owns this.
struct Doorbell<W>(Weak<Pipe<W>>);

impl<W: Outlet> Notify for Doorbell<W> {
    fn output_ready(&self, lone: bool) {
        // Gone with its tasks: nobody is left to write.
        let Some(pipe) = self.0.upgrade() else { return };
        // The reader looks for output after it has cleared the flag, so this is not missed.
        if pipe.reading.load(Ordering::SeqCst) {
            return;
        }
        if lone {
            pipe.flush_here();
        } else {
            pipe.writer.wake();
        }
    }
}
