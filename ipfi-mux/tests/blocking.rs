//! Wires on threads: every kind of call, both ways, over real sockets, and how they end.

// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{join_all, pending};
use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi_core::error::ConnectionError;
use ipfi_core::{CancelCause, Code, Context, Interface, Limits, Receiver, Status, WireOptions, blocking};
use ipfi_mux::driver::blocking::{self as driver, BlockingWire, block_on};

/// Far more than anything here takes, far less than any default deadline would hide.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Every kind of procedure.
fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .sequence(1, |(limit,): (u64,)| stream::iter(0..limit))
        .procedure_with_items(2, |(): (), numbers: Receiver<u64>| async move {
            let numbers: Vec<u64> = numbers.try_collect().await?;
            Ok::<u64, Status>(numbers.into_iter().sum())
        })
        .sequence_with_items(3, |(by,): (u64,), numbers: Receiver<u64>| {
            numbers.map(move |number| Ok::<_, Status>(number? * by))
        })
        .procedure(4, |(): ()| pending::<()>())
        // Counts down by calling the other side's own number 5, each step on a thread that waits.
        .procedure(
            5,
            blocking(|context: Context, (depth,): (u64,)| {
                if depth == 0 {
                    return Ok(0);
                }
                let below: u64 = BlockingWire::new(context.wire()).call(5, (depth - 1,))?;
                Ok::<u64, Status>(below + 1)
            }),
        )
        .procedure(6, |context: Context, (): ()| async move {
            let wire = BlockingWire::new(context.wire());
            wire.call::<String>(0, ("myself",)).map_err(Status::from)
        })
        .procedure(7, |context: Context, (name,): (String,)| async move {
            context.wire().call::<String>(0, (name,)).await.map_err(Status::from)
        })
}

/// Both ends of a TCP connection, and the client's socket.
fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn wires_with(
    client: impl Into<WireOptions>,
    server: impl Into<WireOptions> + Send + 'static,
) -> (BlockingWire, BlockingWire) {
    let (ours, theirs) = tcp();
    let server = thread::spawn(move || driver::accept_tcp(theirs, server).unwrap());
    let client = driver::connect_tcp(ours, client).unwrap();
    (client, server.join().unwrap())
}

fn wires() -> (BlockingWire, BlockingWire) {
    wires_with(interface(), interface())
}

fn every_kind_of_call(wire: &BlockingWire) {
    assert_eq!(wire.call::<String>(0, ("Ada",)).unwrap(), "Hello, Ada!");
    let numbers: Vec<u64> = wire.stream::<u64>(1, (1000_u64,)).unwrap().map(Result::unwrap).collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<u64>>());
    assert_eq!(wire.upload::<u64, u64>(2, (), 0..1000_u64).unwrap(), 499_500);
    let (mut send, mut receive) = wire.duplex::<u64, u64>(3, (3_u64,)).unwrap();
    for n in 0..5 {
        send.send(n).unwrap();
        assert_eq!(receive.next().unwrap().unwrap(), n * 3);
    }
    send.finish().unwrap();
    assert!(receive.next().is_none());
    let mut call = wire.start(0).unwrap();
    for byte in [3_u8, b'A', b'd', b'a'] {
        call.write(&[byte]).unwrap();
    }
    assert_eq!(call.finish::<String>().unwrap(), "Hello, Ada!");
    assert_eq!(wire.call::<String>(7, ("again",)).unwrap(), "Hello, again!");
    let error = wire.call::<()>(77, ()).unwrap_err();
    assert_eq!(error.to_string(), "call 77: UNIMPLEMENTED: procedure 77 is not offered");
}

#[test]
fn every_kind_of_call_works_both_ways_over_tcp() {
    let (client, server) = wires();
    every_kind_of_call(&client);
    every_kind_of_call(&server);
}

#[cfg(unix)]
#[test]
fn every_kind_of_call_works_both_ways_over_a_unix_socket() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let server = thread::spawn(move || driver::accept_unix(theirs, interface()).unwrap());
    let client = driver::connect_unix(ours, interface()).unwrap();
    let server = server.join().unwrap();
    every_kind_of_call(&client);
    every_kind_of_call(&server);
}

#[test]
fn a_pipe_may_be_any_reader_and_writer() {
    let (from_client, to_server) = io::pipe().unwrap();
    let (from_server, to_client) = io::pipe().unwrap();
    let server = thread::spawn(move || driver::accept(from_client, to_client, || {}, interface()).unwrap());
    let client = driver::connect(from_server, to_server, || {}, interface()).unwrap();
    let server = server.join().unwrap();
    every_kind_of_call(&client);
    // Dropping the writers is all that ends these pipes.
    client.shutdown(Duration::ZERO);
    let reason = server.closed();
    assert!(reason.is_orderly(), "{reason}");
}

#[test]
fn notifications_arrive() {
    let (heard, ear) = mpsc::channel();
    let heard = Mutex::new(heard);
    let listening = Interface::new().notification(9, move |(line,): (String,)| {
        heard.lock().unwrap().send(line).unwrap();
        async {}
    });
    let (client, _server) = wires_with(Interface::new(), listening);
    client.notify(9, ("one",)).unwrap();
    assert_eq!(ear.recv_timeout(AT_ONCE).unwrap(), "one");
}

#[test]
fn many_threads_call_at_once_on_one_wire() {
    let (client, _server) = wires();
    thread::scope(|scope| {
        for caller in 0..16 {
            let client = &client;
            scope.spawn(move || {
                for n in 0..100 {
                    let name = format!("{caller}.{n}");
                    assert_eq!(
                        client.call::<String>(0, (name.as_str(),)).unwrap(),
                        format!("Hello, {name}!")
                    );
                }
            });
        }
    });
}

#[test]
fn one_thread_waits_for_many_calls_at_once() {
    let (client, _server) = wires();
    let calls = (0..200).map(|n| {
        let call = client.wire().call::<String>(0, (n.to_string(),));
        async move { call.await.unwrap() }
    });
    let answers = block_on(join_all(calls));
    assert_eq!(answers, (0..200).map(|n| format!("Hello, {n}!")).collect::<Vec<_>>());
}

#[test]
fn blocking_handlers_that_call_back_and_forth_do_not_run_out_of_threads() {
    let (client, _server) = wires();
    // 100 handlers deep, each on a thread that waits for the next.
    assert_eq!(client.call::<u64>(5, (100_u64,)).unwrap(), 100);
}

#[test]
fn a_blocking_call_in_an_async_handler_fails_that_call_and_no_other() {
    let (client, _server) = wires();
    let error = client.call::<String>(6, ()).unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert_eq!(client.call::<String>(0, ("Ada",)).unwrap(), "Hello, Ada!");
}

#[test]
fn bulk_in_both_directions_at_once_does_not_stall() {
    let sink = || {
        Interface::new().procedure_with_items(0, |(): (), blocks: Receiver<Bytes>| async move {
            let sum = blocks.try_fold(0_u64, |sum, block| async move { Ok(sum + block.len() as u64) });
            Ok::<u64, Status>(sum.await?)
        })
    };
    // Operating-system pipes hold 64 KiB: both directions are full all the time.
    let (from_client, to_server) = io::pipe().unwrap();
    let (from_server, to_client) = io::pipe().unwrap();
    let server = thread::spawn(move || driver::accept(from_client, to_client, || {}, sink()).unwrap());
    let client = driver::connect(from_server, to_server, || {}, sink()).unwrap();
    let server = server.join().unwrap();
    let upload = |wire: &BlockingWire| {
        wire.upload::<Bytes, u64>(0, (), (0..400).map(|_| Bytes::from(vec![7; 64 << 10]))).unwrap()
    };
    thread::scope(|scope| {
        let back = scope.spawn(|| upload(&server));
        assert_eq!((upload(&client), back.join().unwrap()), (400 << 16, 400 << 16));
    });
}

/// A socket that notes which threads write to it, and that says when it is dropped.
struct Noted<T> {
    socket: T,
    writers: Arc<Mutex<Vec<ThreadId>>>,
    dropped: mpsc::Sender<&'static str>,
    name: &'static str,
}

impl Write for Noted<TcpStream> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writers.lock().unwrap().push(thread::current().id());
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Noted<TcpStream> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }
}

impl<T> Drop for Noted<T> {
    fn drop(&mut self) {
        let _ = self.dropped.send(self.name);
    }
}

#[test]
fn a_lone_caller_writes_for_itself_and_nothing_is_left_of_a_connection_that_is_over() {
    let (ours, theirs) = tcp();
    let (dropped, gone) = mpsc::channel();
    let writers = Arc::<Mutex<Vec<ThreadId>>>::default();
    let noted = |name| {
        let (socket, writers, dropped) = (ours.try_clone().unwrap(), Arc::clone(&writers), dropped.clone());
        Noted { socket, writers, dropped, name }
    };
    let server = thread::spawn(move || driver::accept_tcp(theirs, interface()).unwrap());
    let (reader, writer) = (noted("reader"), noted("writer"));
    let close = move || drop(ours.shutdown(Shutdown::Both));
    let client = driver::connect(reader, writer, close, Interface::new()).unwrap();
    let server = server.join().unwrap();
    for _ in 0..100 {
        client.call::<String>(0, ("Ada",)).unwrap();
    }
    let me = thread::current().id();
    let mine = writers.lock().unwrap().iter().filter(|writer| **writer == me).count();
    // The thread that writes may hold the pipe at a bad moment, but hardly for most calls.
    assert!(mine >= 50, "{mine} of 100 calls were written by their caller");

    client.shutdown(Duration::ZERO);
    let mut seen = [gone.recv_timeout(AT_ONCE).unwrap(), gone.recv_timeout(AT_ONCE).unwrap()];
    seen.sort_unstable();
    assert_eq!(seen, ["reader", "writer"]);
    assert!(server.closed().is_orderly());
}

#[test]
fn shutdown_returns_when_the_peer_has_been_told() {
    let (ours, theirs) = tcp();
    let server = thread::spawn(move || driver::accept_tcp(theirs, interface()).unwrap());
    let (dropped, gone) = mpsc::channel();
    let socket = ours.try_clone().unwrap();
    let writer = Noted { socket, writers: Arc::default(), dropped, name: "writer" };
    let close = || {};
    let client = driver::connect(ours, writer, close, Interface::new()).unwrap();
    client.shutdown(Duration::ZERO);
    assert_eq!(gone.try_recv(), Ok("writer"), "the last word has been written");
    assert!(server.join().unwrap().closed().is_orderly());
}

#[test]
fn dropping_the_last_handle_closes_the_connection_in_order() {
    let (client, server) = wires();
    drop(client);
    let reason = server.closed();
    assert!(reason.is_orderly(), "{reason}");
}

#[test]
fn a_call_whose_connection_is_killed_fails_at_once_and_its_handler_learns_why() {
    let (told, cause) = mpsc::channel();
    let told = Mutex::new(told);
    let waiting = Interface::new().procedure(0, move |context: Context, (): ()| {
        struct Tell(Context, mpsc::Sender<Option<CancelCause>>);
        impl Drop for Tell {
            fn drop(&mut self) {
                let _ = self.1.send(self.0.cancel_cause());
            }
        }
        let tell = Tell(context, told.lock().unwrap().clone());
        async move {
            pending::<()>().await;
            drop(tell);
        }
    });
    let (ours, theirs) = tcp();
    let killer = ours.try_clone().unwrap();
    let server = thread::spawn(move || driver::accept_tcp(theirs, waiting).unwrap());
    let client = driver::connect_tcp(ours, Interface::new()).unwrap();
    let server = server.join().unwrap();
    let caller = thread::spawn(move || (client.call::<()>(0, ()).unwrap_err(), Instant::now()));
    while server.wire().inbound_calls() == 0 {
        thread::yield_now();
    }
    let killed = Instant::now();
    killer.shutdown(Shutdown::Both).unwrap();
    let (error, failed) = caller.join().unwrap();
    assert!(matches!(error.connection_error(), Some(ConnectionError::Lost { .. })), "{error}");
    assert!(!error.never_started());
    assert!(failed.duration_since(killed) < AT_ONCE);
    assert_eq!(cause.recv_timeout(AT_ONCE).unwrap(), Some(CancelCause::Connection));
    assert!(matches!(server.closed(), ConnectionError::Lost { .. }));
}

#[test]
fn shutdown_lets_running_calls_finish_and_says_what_happened() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(Some(released));
    let slow = Interface::new().procedure(
        0,
        blocking({
            let released = Arc::new(released);
            move |(): ()| {
                let released = released.lock().unwrap().take().unwrap();
                released.recv().unwrap();
                "done".to_owned()
            }
        }),
    );
    let (client, server) = wires_with(Interface::new(), slow);
    let caller = {
        let client = client.clone();
        thread::spawn(move || client.call::<String>(0, ()))
    };
    while server.wire().inbound_calls() == 0 {
        thread::yield_now();
    }
    let stopping = thread::spawn(move || server.shutdown(Duration::from_secs(60)));
    release.send(()).unwrap();
    assert_eq!(caller.join().unwrap().unwrap(), "done");
    let report = stopping.join().unwrap();
    assert_eq!((report.cut, report.abandoned), (0, 0), "{report:?}");
    assert!(client.closed().is_orderly());
    assert!(client.call::<String>(0, ()).unwrap_err().never_started());
}

#[test]
fn a_deadline_ends_a_call_that_is_not_answered() {
    let (client, _server) = wires();
    let began = Instant::now();
    let error = block_on(client.wire().call::<()>(4, ()).timeout(Duration::from_millis(30))).unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!((Duration::from_millis(30)..AT_ONCE).contains(&began.elapsed()));
}

/// A thread cannot be interrupted: the caller is told, others go on, and the place is free once it returns. [A13]
#[test]
fn a_deadline_ends_a_call_whose_handler_blocks_its_thread() {
    let (open, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let stuck = move |(): ()| {
        let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(60));
    };
    let (client, server) = wires_with(interface(), interface().procedure(8, blocking(stuck)));
    let error = block_on(client.wire().call::<()>(8, ()).timeout(Duration::from_millis(30))).unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(client.call::<String>(0, ("Ada",)).unwrap(), "Hello, Ada!");
    assert_eq!((client.wire().outbound_calls(), server.wire().inbound_calls()), (0, 1));
    open.send(()).unwrap();
    let began = Instant::now();
    while server.wire().inbound_calls() > 0 {
        assert!(began.elapsed() < AT_ONCE, "its place is held");
        thread::yield_now();
    }
}

#[test]
fn a_peer_that_says_nothing_is_given_up_after_the_handshake_timeout() {
    let (ours, _theirs) = tcp();
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(30);
    let options = WireOptions::from(Interface::new()).limits(limits);
    let error = driver::connect_tcp(ours, options).unwrap_err();
    assert_eq!(error, ConnectionError::HandshakeTimeout { after: Duration::from_millis(30) });
}

#[test]
fn limits_that_contradict_each_other_are_this_sides_fault() {
    let (near, _far) = tcp();
    let mut limits = Limits::default();
    limits.max_stream_window_bytes = 1000;
    let error = driver::connect_tcp(near, WireOptions::from(Interface::new()).limits(limits)).unwrap_err();
    assert!(matches!(&error, ConnectionError::Limits { what } if what.contains("= 1000")), "{error}");
}

#[test]
fn a_peer_that_prints_text_is_quoted() {
    let (ours, mut theirs) = tcp();
    theirs.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    let error = driver::connect_tcp(ours, Interface::new()).unwrap_err();
    assert!(error.to_string().contains("HTTP/1.1 400"), "{error}");
}

/// Over a Unix socket, whose buffers are small: TCP's take megabytes of what nobody reads.
#[cfg(unix)]
#[test]
fn a_peer_that_takes_no_bytes_is_cut_off_even_while_a_write_blocks() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut limits = Limits::default();
    limits.write_stall_timeout = Duration::from_millis(100);
    let options = WireOptions::from(interface()).limits(limits);
    let peer = thread::spawn(move || {
        let reader = Deaf { pipe: theirs.try_clone().unwrap(), handshaken: false };
        driver::accept(reader, theirs, || {}, Interface::new())
    });
    let client = driver::connect_unix(ours, options).unwrap();
    let _peer = peer.join().unwrap();
    let began = Instant::now();
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || client.call::<String>(0, ("x".repeat(1 << 20),)).unwrap_err())
        })
        .collect();
    for caller in callers {
        let error = caller.join().unwrap();
        assert!(matches!(error.connection_error(), Some(ConnectionError::WriteStall { .. })), "{error}");
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

/// Reads until the handshake is over, and then never returns from a read.
#[cfg(unix)]
struct Deaf {
    pipe: std::os::unix::net::UnixStream,
    handshaken: bool,
}

#[cfg(unix)]
impl Read for Deaf {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.handshaken {
            loop {
                thread::park();
            }
        }
        self.handshaken = true;
        self.pipe.read(buffer)
    }
}
