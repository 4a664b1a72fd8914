//! One connection's pipe: a thread that reads, a thread that writes, and callers that write for themselves.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Wake, Waker};
use std::thread::{self, ThreadId};

use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use ipfi_core::error::ConnectionError;
use ipfi_core::time::Time;
use ipfi_core::wire::Serving;

use super::doorbell::{Doorbell, Gate};
use super::runtime::{Role, Threads, in_role, role};
use crate::connection::{Connection, READ_BLOCK_BYTES, Transmit};
use crate::driver::timers::{Clock, TimerKey};
use crate::session::{Backlog, MuxSession, Notify, Shared};

/// What one write takes from the machine.
const BATCH_BYTES: usize = 64 << 10;

/// With this much waiting, a batch is full enough to leave without the yield.
const FULL_BATCH_BYTES: usize = 16 << 10;

/// The read buffer of a quiet connection; it grows to [`READ_BLOCK_BYTES`] while reads fill it.
const MIN_READ_BYTES: usize = 4 << 10;

/// One connection's pipe.
pub(super) struct Pipe<W> {
    shared: Arc<Shared>,
    threads: Arc<Threads>,
    half: Mutex<WriteHalf<W>>,
    /// Wakes the writer.
    output: Doorbell,
    /// Opened when nothing more will be written.
    written: Arc<Gate>,
    serving: Mutex<Option<Serving>>,
    /// Somebody has undertaken to poll `serving`.
    woken: AtomicBool,
    serving_waker: Waker,
    alarm_waker: Waker,
    /// The timer of the connection's next deadline.
    alarm: Mutex<Option<(Time, TimerKey)>>,
    reader: OnceLock<ThreadId>,
    /// The reader has output that it tells of after its batch.
    owed: AtomicBool,
    close: Box<dyn Fn() + Send + Sync>,
    closed: AtomicBool,
}

struct WriteHalf<W> {
    /// Dropped when nothing more will be written: that ends this direction.
    writer: Option<W>,
    /// A batch, of which the front has been written.
    batch: BytesMut,
}

/// How far flushing got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flushed {
    /// Nothing is left to write.
    All,
    /// As many batches as were asked for have been written; another waits.
    Some,
    /// The pipe is broken, or this direction ended after the last word.
    Over,
}

impl<W: Write + Send + 'static> Pipe<W> {
    pub(super) fn new(
        connection: Connection,
        threads: Arc<Threads>,
        writer: W,
        close: Box<dyn Fn() + Send + Sync>,
    ) -> Arc<Self> {
        // What the machine and the wire hold is weak: the two threads keep the pipe.
        Arc::new_cyclic(|me: &Weak<Self>| Self {
            shared: Shared::new(connection, Box::new(Output(me.clone()))),
            threads,
            half: Mutex::new(WriteHalf { writer: Some(writer), batch: BytesMut::new() }),
            output: Doorbell::default(),
            written: Arc::default(),
            serving: Mutex::new(None),
            woken: AtomicBool::new(false),
            serving_waker: Waker::from(Arc::new(ServingWake(me.clone()))),
            alarm_waker: Waker::from(Arc::new(AlarmWake(me.clone()))),
            alarm: Mutex::new(None),
            reader: OnceLock::new(),
            owed: AtomicBool::new(false),
            close,
            closed: AtomicBool::new(false),
        })
    }

    pub(super) fn session(&self) -> MuxSession {
        self.shared.session()
    }

    /// Opens when the last word has been written, or cannot be.
    pub(super) fn written(&self) -> Arc<Gate> {
        Arc::clone(&self.written)
    }

    fn now(&self) -> Time {
        self.threads.now()
    }

    /// Starts the two threads.
    pub(super) fn start<R>(self: &Arc<Self>, reader: R, serving: Serving) -> Result<(), ConnectionError>
    where
        R: Read + Send + 'static,
    {
        *self.serving.lock().unwrap_or_else(PoisonError::into_inner) = Some(serving);
        self.rearm();
        let (pipe, writing) = (Arc::clone(self), Arc::clone(self));
        let reading = move || pipe.guarded(|pipe| in_role(Role::Carrying, || pipe.read(reader)));
        thread::Builder::new()
            .name("ipfi-write".to_owned())
            .spawn(move || writing.guarded(|pipe| pipe.write()))
            .and_then(|_| thread::Builder::new().name("ipfi-read".to_owned()).spawn(reading))
            .map(drop)
            .map_err(|error| {
                let error = ConnectionError::lost(format!("no thread for the connection: {error}"));
                self.lost(&error.to_string());
                error
            })
    }

    /// Runs one of the two threads; should the reader or the writer we were given panic, the connection
    /// ends rather than hangs.
    fn guarded(self: Arc<Self>, run: impl FnOnce(&Arc<Self>)) {
        if catch_unwind(AssertUnwindSafe(|| run(&self))).is_err() {
            self.shared.handle_driver_dropped();
            self.conclude();
            self.output.ring();
        }
    }

    // --- Reading ---

    /// The reader: bytes in, calls begun, until the peer's direction has ended. Never writes: with both
    /// pipes full, two readers that write would wait for each other for ever.
    fn read(self: &Arc<Self>, mut reader: impl Read) {
        self.reader.get_or_init(|| thread::current().id());
        let mut buffer = BytesMut::new();
        let mut read_bytes = MIN_READ_BYTES;
        self.serve();
        self.after_batch();
        loop {
            let held = buffer.len();
            buffer.resize(held + read_bytes, 0);
            let read = reader.read(&mut buffer[held..]);
            buffer.truncate(held + read.as_ref().copied().unwrap_or(0).min(read_bytes));
            match read {
                Ok(0) => {
                    self.shared.handle_end_of_input(self.now());
                    break;
                }
                Ok(count) => {
                    // Quiet connections hold little; busy ones read much at once.
                    let filled = count >= read_bytes;
                    if filled {
                        read_bytes = (read_bytes * 4).min(READ_BLOCK_BYTES);
                    } else if count < read_bytes / 8 {
                        read_bytes = (read_bytes / 2).max(MIN_READ_BYTES);
                    }
                    let backlog = if filled { Backlog::More } else { Backlog::Empty };
                    self.shared.handle_input(self.now(), &mut buffer, backlog);
                    self.serve();
                    self.after_batch();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.shared.handle_lost(&error.to_string());
                    break;
                }
            }
        }
        self.serve();
        self.after_batch();
    }

    /// Tells of what a batch has brought: output, nearer deadlines, an end.
    fn after_batch(&self) {
        while self.woken.load(Ordering::SeqCst) {
            self.serve();
        }
        if self.owed.swap(false, Ordering::SeqCst) {
            self.output.ring();
        }
        self.rearm();
        self.conclude();
    }

    /// Polls the wire: calls that have arrived are begun, and answered if they can be at once.
    fn serve(&self) {
        let mut held = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        // Cleared before the poll, so that what comes during it is polled for again.
        self.woken.store(false, Ordering::SeqCst);
        let Some(serving) = held.as_mut() else { return };
        let cx = &mut Context::from_waker(&self.serving_waker);
        // A hook of the user's that panics ends its connection, not the thread.
        let polled = catch_unwind(AssertUnwindSafe(|| serving.poll_unpin(cx).is_ready()));
        let over = if polled.unwrap_or(true) { held.take() } else { None };
        drop(held);
        drop(over);
    }

    // --- Writing ---

    /// The writer: batches out, until this direction has ended.
    fn write(&self) {
        loop {
            self.output.wait();
            let waiting = self.shared.with(|connection| connection.pending_output_hint());
            if waiting < FULL_BATCH_BYTES {
                // Everybody who is about to call gets into the batch.
                thread::yield_now();
            }
            let mut half = self.half.lock().unwrap_or_else(PoisonError::into_inner);
            let flushed = self.flush(&mut half, usize::MAX);
            drop(half);
            if flushed == Flushed::Over {
                return;
            }
        }
    }

    /// Writes batches until there is no output; one that would be more than `batches` is left in `half` for
    /// the next who flushes. Blocks while the pipe is full.
    ///
    /// The machine tells of output again only once it has said that there is none, so this asks until it
    /// does.
    fn flush(&self, half: &mut WriteHalf<W>, batches: usize) -> Flushed {
        let mut written = 0;
        loop {
            let Some(writer) = &mut half.writer else { return Flushed::Over };
            if half.batch.is_empty() {
                match self.shared.poll_transmit(self.now(), &mut half.batch, BATCH_BYTES) {
                    Transmit::Appended(_) => {}
                    Transmit::Idle if self.shared.is_write_closed() => {
                        half.writer = None;
                        self.written.open();
                        self.conclude();
                        return Flushed::Over;
                    }
                    Transmit::Idle => return Flushed::All,
                }
            }
            // The write may block: the thread that keeps the time must know when it has lasted too long.
            self.rearm();
            if written == batches {
                return Flushed::Some;
            }
            if let Err(error) = self.write_batch(writer, &mut half.batch) {
                half.writer = None;
                self.written.open();
                self.lost(&error.to_string());
                return Flushed::Over;
            }
            self.shared.handle_transmitted(self.now());
            written += 1;
        }
    }

    fn write_batch(&self, writer: &mut W, batch: &mut BytesMut) -> io::Result<()> {
        loop {
            match writer.write(batch) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    batch.advance(written.min(batch.len()));
                    if batch.is_empty() {
                        break;
                    }
                    self.shared.handle_write_progress(self.now());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        batch.clear();
        writer.flush()
    }

    /// There is output. Who waits for an only call writes it here and now; the reader tells of it after its
    /// batch; anybody else leaves it to the writer.
    fn output_ready(&self, lone: bool) {
        if self.reader.get() == Some(&thread::current().id()) {
            self.owed.store(true, Ordering::SeqCst);
            return;
        }
        if lone
            && role() == Role::Calling
            && let Ok(mut half) = self.half.try_lock()
        {
            // One batch is this call's; if there is more, others have come.
            let flushed = self.flush(&mut half, 1);
            drop(half);
            if flushed == Flushed::All {
                return;
            }
        }
        self.output.ring();
    }

    // --- The end, and time ---

    /// The pipe is of no more use.
    fn lost(&self, detail: &str) {
        self.shared.handle_lost(detail);
        self.conclude();
    }

    /// Lets go of the pipe once both directions are done, or waiting for the peer took too long: a thread
    /// that is still reading or writing must not wait any longer.
    fn conclude(&self) {
        if self.shared.is_finished() && !self.closed.swap(true, Ordering::SeqCst) {
            (self.close)();
        }
    }

    /// Sets the timer to the connection's next deadline if that has come nearer. One that has moved away
    /// is found out when the timer goes off: most do with every record.
    fn rearm(&self) {
        let Some(next) = self.shared.poll_timeout() else { return };
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.is_some_and(|(at, _)| at <= next) {
            return;
        }
        let earlier = alarm.take();
        let key = self.threads.with_timers(|timers| {
            if let Some((_, key)) = earlier {
                timers.remove(key);
            }
            timers.insert(next, self.alarm_waker.clone())
        });
        *alarm = Some((next, key));
    }

    /// The timer has gone off.
    fn tick(&self) {
        *self.alarm.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.shared.handle_timeout(self.now());
        self.rearm();
        self.conclude();
    }
}

impl<W> Drop for Pipe<W> {
    fn drop(&mut self) {
        let alarm = self.alarm.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, key)) = alarm {
            self.threads.with_timers(|timers| timers.remove(key));
        }
    }
}

/// The machine's way to the pipe.
struct Output<W>(Weak<Pipe<W>>);

impl<W: Write + Send + 'static> Notify for Output<W> {
    fn output_ready(&self, lone: bool) {
        // Both threads are gone: nothing can be written any more.
        if let Some(pipe) = self.0.upgrade() {
            pipe.output_ready(lone);
        }
    }
}

/// Has the wire polled: by the reader, when it is the one who wakes, else by a thread of the pool, since
/// the reader may be waiting for bytes.
struct ServingWake<W>(Weak<Pipe<W>>);

impl<W: Write + Send + 'static> Wake for ServingWake<W> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(pipe) = self.0.upgrade() else { return };
        if pipe.woken.swap(true, Ordering::SeqCst) || pipe.reader.get() == Some(&thread::current().id()) {
            return;
        }
        let serving = Arc::clone(&pipe);
        if !pipe.threads.run(move || in_role(Role::Carrying, || serving.serve())) {
            // The next wake, or the reader's next batch, tries again.
            pipe.woken.store(false, Ordering::SeqCst);
        }
    }
}

/// Looks at the connection's deadlines. Runs on the thread that keeps the time, and blocks nowhere.
struct AlarmWake<W>(Weak<Pipe<W>>);

impl<W: Write + Send + 'static> Wake for AlarmWake<W> {
    fn wake(self: Arc<Self>) {
        if let Some(pipe) = self.0.upgrade() {
            pipe.tick();
        }
    }
}

impl<W> fmt::Debug for Pipe<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}
