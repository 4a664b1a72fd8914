//! The `Session` over the machine, driven by tasks that run only when they are woken: a wake-up that is
//! missing anywhere leaves the executor without work and fails the test.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Wake;

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::error::{ConnectionError, ReadError};
use ipfi_core::limits::Limits;
use ipfi_core::session::{RecvStream, SendStream, Session, Side};
use ipfi_core::time::Time;
use ipfi_mux::connection::Transmit;
use ipfi_mux::session::{Backlog, MuxRecvStream, MuxSendStream, Notify, Shared};
use ipfi_mux::{Config, Connection, MuxSession};

use crate::support::timeless;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Told(Arc<Flag>, Arc<AtomicUsize>);

impl Notify for Told {
    fn output_ready(&self, _lone: bool) {
        assert!(!self.0.0.swap(true, Ordering::Relaxed), "told again before the output was exhausted");
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

type Task = (Arc<Flag>, Option<Pin<Box<dyn Future<Output = ()>>>>);

/// Two sessions over a pipe, and tasks.
struct World {
    ends: [(Arc<Shared>, Arc<Flag>, BytesMut); 2],
    tasks: Vec<Task>,
    told: Arc<AtomicUsize>,
    batches: usize,
}

impl World {
    fn new(client: Limits, server: Limits) -> (Self, MuxSession, MuxSession) {
        let told = Arc::new(AtomicUsize::new(0));
        let ends = [(Side::Client, client), (Side::Server, server)].map(|(side, limits)| {
            let connection = Connection::new(Config { limits, ..Config::new(side) }, Time::ZERO).unwrap();
            let flag = Arc::<Flag>::default();
            let shared = Shared::new(connection, Box::new(Told(Arc::clone(&flag), Arc::clone(&told))));
            (shared, flag, BytesMut::new())
        });
        let [client, server] = [&ends[0], &ends[1]].map(|(shared, ..)| shared.session());
        (Self { ends, tasks: Vec::new(), told, batches: 0 }, client, server)
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        let flag = Arc::<Flag>::default();
        flag.0.store(true, Ordering::Relaxed);
        self.tasks.push((flag, Some(Box::pin(task))));
    }

    /// Runs until nothing is woken; how many tasks are left.
    fn run(&mut self) -> usize {
        loop {
            let mut worked = false;
            for (flag, task) in &mut self.tasks {
                if flag.0.swap(false, Ordering::Relaxed) {
                    worked = true;
                    let waker = Waker::from(Arc::clone(flag));
                    let polled =
                        task.as_mut().map(|task| task.as_mut().poll(&mut Context::from_waker(&waker)));
                    if polled.is_some_and(|polled| polled.is_ready()) {
                        *task = None;
                    }
                }
            }
            for (from, to) in [(0, 1), (1, 0)] {
                let (shared, flag, _) = &self.ends[from];
                if flag.0.swap(false, Ordering::Relaxed) {
                    worked = true;
                    let mut out = BytesMut::new();
                    while shared.poll_transmit(Time::ZERO, &mut out, 4096) != Transmit::Idle {
                        self.batches += 1;
                        shared.handle_transmitted(Time::ZERO);
                    }
                    let shut = shared.is_write_closed();
                    let (shared, _, input) = &mut self.ends[to];
                    input.extend_from_slice(&out);
                    shared.handle_input(Time::ZERO, input, Backlog::Empty);
                    if shut {
                        shared.handle_end_of_input(Time::ZERO);
                    }
                }
            }
            if !worked {
                return self.tasks.iter().filter(|(_, task)| task.is_some()).count();
            }
        }
    }
}

#[test]
fn output_that_is_gone_before_the_driver_looks_does_not_keep_it_from_hearing_of_more() {
    let mut server = timeless();
    server.max_inbound_calls = 1;
    let (mut world, client, _server) = World::new(timeless(), server);
    assert_eq!(world.run(), 0);
    let cx = &mut Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(_held)) = Box::pin(client.open_bi()).as_mut().poll(cx) else {
        panic!("it has credit")
    };
    let mut second = Box::pin(client.open_bi());
    assert!(second.as_mut().poll(cx).is_pending());
    let (shared, told, _) = &world.ends[0];
    assert!(told.0.swap(false, Ordering::Relaxed), "STREAMS_BLOCKED is due");
    // A reader that will look for output after its batch has been told, and the batch makes it void.
    let mut input = BytesMut::new();
    let mark = ipfi_mux::record::begin_record(&mut input);
    ipfi_mux::frame::Frame::MaxStreams { dir: ipfi_mux::stream_id::Dir::Bi, max: 2 }.encode(&mut input);
    ipfi_mux::record::end_record(&mut input, mark);
    shared.handle_input(Time::ZERO, &mut input, Backlog::Empty);
    assert_eq!(shared.pending_output(), None);
    let Poll::Ready(Ok((mut send, _recv))) = second.as_mut().poll(cx) else { panic!("it has credit") };
    assert!(send.poll_write(cx, &mut Bytes::from_static(b"request"), true).is_ready());
    assert!(told.0.load(Ordering::Relaxed), "the request waits for a driver that does not know of it");
}

async fn write(stream: &mut MuxSendStream, data: impl Into<Bytes>, fin: bool) {
    let mut data = data.into();
    poll_fn(|cx| stream.poll_write(cx, &mut data, fin)).await.unwrap();
}

async fn read_all(stream: &mut MuxRecvStream, max: usize) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    loop {
        let chunk = poll_fn(|cx| stream.poll_read(cx, max)).await?;
        all.extend_from_slice(&chunk.bytes);
        if chunk.fin {
            return Ok(all);
        }
    }
}

fn tight() -> Limits {
    let mut limits = timeless();
    limits.max_inbound_calls = 3;
    limits.max_outbound_calls = 2;
    limits.max_inbound_notifications = 1;
    limits.stream_window_bytes = 700;
    limits.notification_window_bytes = 100;
    limits.window_pool_bytes = 1000;
    limits.max_stream_window_bytes = 900;
    limits.stream_send_buffer_bytes = 300;
    limits.send_buffer_bytes = 500;
    limits
}

#[test]
fn calls_in_both_directions_under_the_tightest_limits_all_end_with_every_task_woken_in_time() {
    for limits in [tight(), timeless()] {
        let (mut world, client, server) = World::new(limits.clone(), limits);
        let done = Arc::new(AtomicUsize::new(0));
        for (caller, callee) in [(client.clone(), server.clone()), (server, client)] {
            for call in 0..50_u8 {
                let (caller, done) = (caller.clone(), Arc::clone(&done));
                world.spawn(async move {
                    let (mut send, mut recv) = caller.open_bi().await.unwrap();
                    let request = vec![call; usize::from(call) * 97];
                    let answer = {
                        // Write and read at once: an echo larger than all buffers needs both.
                        let mut rest = Bytes::from(request.clone());
                        let (mut written, mut all) = (false, Vec::new());
                        poll_fn(|cx| {
                            if !written && send.poll_write(cx, &mut rest, true).is_ready() {
                                written = true;
                            }
                            while let Poll::Ready(chunk) = recv.poll_read(cx, 100) {
                                let chunk = chunk.unwrap();
                                all.extend_from_slice(&chunk.bytes);
                                if chunk.fin {
                                    return Poll::Ready(core::mem::take(&mut all));
                                }
                            }
                            Poll::Pending
                        })
                        .await
                    };
                    assert_eq!(answer, request);
                    let mut note = caller.open_uni().await.unwrap();
                    write(&mut note, vec![call; 333], true).await;
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }
            let (calls, notes) = (callee.clone(), callee);
            world.spawn(async move {
                for _ in 0..50 {
                    let (mut send, mut recv) = poll_fn(|cx| calls.poll_accept_bi(cx)).await.unwrap();
                    loop {
                        let chunk = poll_fn(|cx| recv.poll_read(cx, 64)).await.unwrap();
                        write(&mut send, chunk.bytes, chunk.fin).await;
                        if chunk.fin {
                            break;
                        }
                    }
                }
            });
            world.spawn(async move {
                for _ in 0..50 {
                    let mut note = poll_fn(|cx| notes.poll_accept_uni(cx)).await.unwrap();
                    assert_eq!(read_all(&mut note, 50).await.unwrap().len(), 333);
                }
            });
        }
        assert_eq!(world.run(), 0, "tasks were left asleep");
        assert_eq!(done.load(Ordering::Relaxed), 100);
        world.tasks.clear();
        world.run();
        for (shared, ..) in &world.ends {
            // Nobody holds the connection any more.
            assert!(
                shared.with(|connection| connection.close_reason().is_some_and(ConnectionError::is_orderly))
            );
            assert!(shared.is_finished());
        }
    }
}

#[test]
fn dropping_the_halves_cancels_at_the_other_side() {
    let (mut world, client, server) = World::new(timeless(), timeless());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    world.spawn(async move {
        let (mut send, mut recv) = poll_fn(|cx| server.poll_accept_bi(cx)).await.unwrap();
        let stopped = poll_fn(|cx| send.poll_stopped(cx)).await.unwrap();
        let read = read_all(&mut recv, 9).await.unwrap_err();
        note.lock().unwrap().push((stopped, read));
        poll_fn(|cx| server.poll_accept_bi(cx)).await.map(drop).unwrap_err();
    });
    let held = client.clone();
    world.spawn(async move {
        let (mut send, _recv) = held.open_bi().await.unwrap();
        write(&mut send, &b"half a request"[..], false).await;
    });
    assert_eq!(world.run(), 1);
    let cancelled = StreamCode::CANCELLED;
    assert_eq!(*seen.lock().unwrap(), [(cancelled, ReadError::Reset(cancelled))]);
    client.close(CloseCode::SHUTDOWN, "enough");
    assert_eq!(world.run(), 0, "the acceptor hears of the end");
    assert!(client.close_reason().is_some());
}

#[test]
fn an_end_that_was_read_stays_the_end_when_the_connection_ends_after_it() {
    let (mut world, client, server) = World::new(timeless(), timeless());
    world.spawn(async move {
        let (_send, mut recv) = poll_fn(|cx| server.poll_accept_bi(cx)).await.unwrap();
        assert_eq!(read_all(&mut recv, 9).await.unwrap(), b"all of it");
        poll_fn(|cx| server.poll_accept_bi(cx)).await.map(drop).unwrap_err();
        assert_eq!(read_all(&mut recv, 9).await.unwrap(), b"");
    });
    let held = client.clone();
    world.spawn(async move {
        let (mut send, mut recv) = held.open_bi().await.unwrap();
        write(&mut send, &b"all of it"[..], true).await;
        read_all(&mut recv, 9).await.unwrap_err();
    });
    world.run();
    client.close(CloseCode::NO_ERROR, "");
    assert_eq!(world.run(), 0);
}

#[test]
fn a_future_that_is_dropped_while_it_waits_to_open_gives_its_place_up() {
    let mut limits = timeless();
    limits.max_outbound_calls = 1;
    let (mut world, client, server) = World::new(limits, timeless());
    world.run();
    let mut cx = Context::from_waker(Waker::noop());
    let mut open = |session: &MuxSession| {
        let mut opening = Box::pin(session.open_bi());
        let polled = opening.as_mut().poll(&mut cx);
        (opening, polled)
    };
    let (_, first) = open(&client);
    let Poll::Ready(Ok(first)) = first else { panic!("there is credit") };
    let (second, polled) = open(&client);
    assert!(polled.is_pending());
    let third = client.clone();
    world.spawn(async move {
        third.open_bi().await.unwrap();
    });
    world.run();
    drop(second);
    drop(first);
    let mut accepted = Box::pin(poll_fn(|cx| server.poll_accept_bi(cx)));
    world.run();
    assert!(accepted.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    drop(accepted);
    assert_eq!(world.run(), 0, "the third has the place of the first, past the second");
}

#[test]
fn the_driver_is_told_once_for_many_writes() {
    let (mut world, client, server) = World::new(timeless(), timeless());
    world.run();
    let before = (world.told.load(Ordering::Relaxed), world.batches);
    for _ in 0..100 {
        let client = client.clone();
        world.spawn(async move {
            let mut note = client.open_uni().await.unwrap();
            write(&mut note, &b"short"[..], true).await;
        });
    }
    world.run();
    let after = (world.told.load(Ordering::Relaxed), world.batches);
    assert!(after.0 - before.0 <= 2 && after.1 - before.1 <= 2, "{before:?} {after:?}");
    drop(server);
}

#[test]
fn a_driver_that_goes_away_ends_everything() {
    let (mut world, client, _server) = World::new(timeless(), timeless());
    world.spawn(async move {
        let error = poll_fn(|cx| client.poll_accept_bi(cx)).await.map(drop).unwrap_err();
        assert_eq!(error, ConnectionError::DriverDropped);
    });
    assert_eq!(world.run(), 1);
    world.ends[0].0.handle_driver_dropped();
    assert_eq!(world.run(), 0);
}
