//! Two wires on shuttle's threads, handlers that are counted, and what must hold when all is over.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi_core::limits::Limits;
use ipfi_core::observe::{CallReport, Direction};
use ipfi_core::wire::WireOptions;
use ipfi_core::{Interface, Receiver, Status, Wire};
use ipfi_mux::driver::tokio::{accept, connect};
use shuttle::future::block_on;
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::sync::Mutex;
use tokio::io::{duplex, split};

/// `(u64,) -> u64`: the same, at once.
pub(crate) const ECHO: u64 = 0;
/// `() -> ()`: waits in its handler until the test opens the gate; counted.
pub(crate) const GATED: u64 = 1;
/// `() -> sequence of u64`: one at once, the second when the gate opens, then the end; counted.
pub(crate) const GATED_ITEMS: u64 = 2;
/// `(u64,) + items of u64 -> sequence of u64`: each times the argument; counted.
pub(crate) const TIMES: u64 = 3;
/// `(u64,) -> sequence of u64`: 0 to below it; counted.
pub(crate) const COUNT: u64 = 4;
/// `() + items of u64 -> u64`: their sum; counted.
pub(crate) const SUM: u64 = 5;
/// `(u64,)`: a notification; counted.
pub(crate) const NOTE: u64 = 6;

/// Calls of each side that the other takes at once.
pub(crate) const PLACES: u32 = 2;

/// Tries `scenario` on `IPFI_SCHEDULES` schedules: half of them choose a thread by lot at every step, half
/// follow priorities that change at a few random steps (PCT), which finds races that need one thread to be
/// held up for long.
pub(crate) fn explore(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    if let Ok(schedule) = std::env::var("IPFI_SCHEDULE") {
        return run(ReplayScheduler::new_from_encoded(&schedule), scenario);
    }
    let schedules = std::env::var("IPFI_SCHEDULES").ok().and_then(|count| count.parse().ok());
    let half = usize::div_ceil(schedules.unwrap_or(1000), 2);
    run(RandomScheduler::new(half), scenario.clone());
    run(PctScheduler::new(3, half), scenario);
}

fn run(scheduler: impl Scheduler + 'static, scenario: impl Fn() + Send + Sync + 'static) {
    // Its clock alone is used, and stands still: no timer ever goes off.
    let clock =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _within = clock.enter();
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 20;
    config.silence_warnings = true;
    shuttle::Runner::new(scheduler, config).run(scenario);
}

/// Below `bound`, by the schedule's own lot.
pub(crate) fn random(bound: usize) -> usize {
    shuttle::rand::thread_rng().gen_range(0..bound)
}

/// Runs `future` on a thread of its own.
pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> shuttle::thread::JoinHandle<T> {
    shuttle::thread::spawn(move || block_on(future))
}

/// Opened once, waited for by any number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    pub(crate) fn open(&self) {
        let waiting = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            std::mem::take(&mut state.1)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn passed(&self) -> impl Future<Output = ()> + Send + use<> {
        let gate = self.clone();
        poll_fn(move |cx| {
            let mut state = gate.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.0 {
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// What happened, counted by everybody. Plain atomics: reading them is no step of a schedule.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    started: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
    reports_out: AtomicUsize,
    reports_in: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

impl Seen {
    pub(crate) fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Until no handler is left; one that is never dropped is a deadlock.
    pub(crate) async fn none_left(&self) {
        poll_fn(|cx| {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if self.running() == 0 {
                return Poll::Ready(());
            }
            waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn enter(self: &Arc<Self>) -> Running {
        self.started.fetch_add(1, Ordering::Relaxed);
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(running, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    fn observer(self: &Arc<Self>) -> impl Fn(&CallReport) + Send + Sync + 'static + use<> {
        let seen = Arc::clone(self);
        move |report| {
            let reports = match report.direction {
                Direction::Outbound => &seen.reports_out,
                Direction::Inbound => &seen.reports_in,
            };
            reports.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A handler while it is not dropped.
struct Running(Arc<Seen>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
        let waiting = std::mem::take(&mut *waiting);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// A caller and a callee, connected.
pub(crate) struct Stage {
    pub(crate) client: Wire,
    pub(crate) server: Wire,
    /// A handler of [`GATED`] or [`GATED_ITEMS`] has begun.
    pub(crate) begun: Gate,
    /// Lets them go on.
    pub(crate) go_on: Gate,
    pub(crate) seen: Arc<Seen>,
    /// Both ends of the client's and the server's observers.
    reports: [Arc<Seen>; 2],
}

fn interface(seen: &Arc<Seen>, begun: &Gate, go_on: &Gate) -> Interface {
    let enter = |seen: &Arc<Seen>| {
        let seen = Arc::clone(seen);
        move || seen.enter()
    };
    let gate = (enter(seen), begun.clone(), go_on.clone());
    let items = (enter(seen), begun.clone(), go_on.clone());
    let (times, count, sum, note) = (enter(seen), enter(seen), enter(seen), enter(seen));
    Interface::new()
        .procedure(ECHO, |(n,): (u64,)| async move { n })
        .procedure(GATED, move |(): ()| {
            let (enter, begun, go_on) = gate.clone();
            let running = enter();
            async move {
                let _running = running;
                begun.open();
                go_on.passed().await;
            }
        })
        .sequence(GATED_ITEMS, move |(): ()| {
            let (enter, begun, go_on) = items.clone();
            let running = enter();
            let rest = stream::once(async move {
                begun.open();
                go_on.passed().await;
                1_u64
            });
            held(running, stream::iter([0_u64]).chain(rest))
        })
        .sequence_with_items(TIMES, move |(by,): (u64,), numbers: Receiver<u64>| {
            held(times(), numbers.map(move |number| Ok::<u64, Status>(number? * by)))
        })
        .sequence(COUNT, move |(to,): (u64,)| held(count(), stream::iter(0..to)))
        .procedure_with_items(SUM, move |(): (), numbers: Receiver<u64>| {
            let running = sum();
            async move {
                let _running = running;
                let numbers: Vec<u64> = numbers.try_collect().await?;
                Ok::<u64, Status>(numbers.into_iter().sum())
            }
        })
        .notification(NOTE, move |(_,): (u64,)| {
            let running = note();
            async move { drop(running) }
        })
}

/// `items`, and `running` for as long as they are held.
fn held<T>(running: Running, items: impl stream::Stream<Item = T>) -> impl stream::Stream<Item = T> {
    items.inspect(move |_| {
        let _ = &running;
    })
}

/// Few places, small windows: everything waits for everything.
fn tight() -> Limits {
    let mut limits = Limits::default();
    limits.max_inbound_calls = PLACES;
    limits.max_outbound_calls = 3;
    limits.stream_window_bytes = 64;
    limits.ping_interval = None;
    limits.idle_timeout = None;
    limits
}

impl Stage {
    /// Connects over a pipe that holds `pipe_bytes` each way.
    pub(crate) fn new(pipe_bytes: usize) -> Self {
        let (begun, go_on, seen) = (Gate::default(), Gate::default(), Arc::<Seen>::default());
        let reports: [Arc<Seen>; 2] = Default::default();
        let options = |interface, seen: &Arc<Seen>| {
            WireOptions::from(interface).limits(tight()).observer(seen.observer())
        };
        let client = options(Interface::new(), &reports[0]);
        let server = options(interface(&seen, &begun, &go_on), &reports[1]);
        let (near, far) = duplex(pipe_bytes);
        let server = spawn(async move {
            let (reader, writer) = split(far);
            accept(reader, writer, server).await.unwrap()
        });
        let client = block_on(async move {
            let (reader, writer) = split(near);
            connect(reader, writer, client).await.unwrap()
        });
        Self { client, server: server.join().unwrap(), begun, go_on, seen, reports }
    }

    /// Demands that the connection still serves, and that every call has ended, once, and left nothing.
    pub(crate) fn expect_clean(self) {
        let Self { client, server, begun, go_on, seen, reports } = self;
        // All places are free: as many calls as there are get into their handlers at once. One that was lost
        // keeps the other call waiting for ever.
        block_on(async {
            assert_eq!(client.call::<u64>(ECHO, (7_u64,)).await.unwrap(), 7);
            let calls = (0..u64::from(PLACES)).map(|n| {
                let client = client.clone();
                async move {
                    let mut call = client.duplex::<u64, u64>(TIMES, (n,)).await.unwrap();
                    call.0.send(2).await.unwrap();
                    assert_eq!(call.1.try_next().await.unwrap(), Some(2 * n));
                    call
                }
            });
            drop(futures_util::future::join_all(calls).await);
        });
        drop((begun, go_on));
        // Waits for all that runs, and the clock stands still: a gauge that is not back at 0 is a deadlock.
        assert_eq!(client.outbound_calls(), 0, "calls that the caller has left");
        let report = block_on(server.shutdown(Duration::from_secs(1)));
        assert_eq!((report.cut, report.abandoned, report.never_started), (0, 0, 0));
        block_on(client.closed());
        assert_eq!(server.inbound_calls(), 0, "calls that the callee has left");
        block_on(seen.none_left());
        assert!(seen.most.load(Ordering::Relaxed) <= PLACES as usize, "more handlers than places");
        let ends = |of: usize| {
            (reports[of].reports_out.load(Ordering::Relaxed), reports[of].reports_in.load(Ordering::Relaxed))
        };
        let (out, taken) = (client.stats().calls_out, server.stats().calls_in);
        assert_eq!(ends(0), (usize::try_from(out).unwrap(), 0), "ends of calls that the caller saw");
        assert_eq!(ends(1), (0, usize::try_from(taken).unwrap()), "ends of calls that the callee saw");
    }
}

/// Polls `future` whenever it is woken, `polls` times at most, and gives it back unless it is done.
pub(crate) async fn poll_some<F: Future + Unpin>(mut future: F, polls: usize) -> Result<F::Output, F> {
    let mut left = polls;
    let polled = poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match std::pin::Pin::new(&mut future).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // The last poll: what it waits for is not waited for.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    polled.ok_or(future)
}
