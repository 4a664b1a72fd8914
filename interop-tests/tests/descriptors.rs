//! What connections cost the process, on real sockets: nothing is left of them, and a server that has run
//! out of descriptors comes back by itself. A program of its own, whose tests take turns: descriptors
//! belong to the whole process.
#![cfg(target_os = "linux")]
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use interop_tests::lines::Lines;
use ipfi::{Interface, Limits, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// One test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `test` on a runtime of its own, as a program would have it.
fn run(test: impl Future<Output = ()>) {
    let _turn = alone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(Duration::from_secs(120), test).await.expect("within two minutes") });
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until descriptors and tasks are as many as at the start.
async fn nothing_is_left_within(bound: Duration, start: (usize, usize)) {
    let rest = async {
        while (descriptors(), tasks()) != start {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(bound, rest).await;
    assert!(waited.is_ok(), "{start:?} descriptors and tasks have become {:?}", (descriptors(), tasks()));
}

/// A server of one procedure on TCP, and where.
async fn server() -> (String, tokio::task::JoinHandle<()>) {
    let interface = Interface::new().procedure(0, |(number,): (u64,)| async move { number });
    let bound = Server::new(interface).listen("tcp://127.0.0.1:0").bind().await.unwrap();
    let url = bound.addresses().remove(0);
    let serving = tokio::spawn(bound.run());
    // One connection, so that everything that is made once is there.
    assert_eq!(ipfi::connect(&url).await.unwrap().call::<u64>(0, (1_u64,)).await.unwrap(), 1);
    (url, serving)
}

/// Descriptors and tasks at rest.
async fn at_rest() -> (usize, usize) {
    let mut last = (0, 0);
    loop {
        let now = (descriptors(), tasks());
        if now == last {
            return now;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn a_thousand_connections_one_after_another_leave_nothing() {
    run(async {
        let (url, serving) = server().await;
        let start = at_rest().await;
        for number in 0..1000_u64 {
            let wire = ipfi::connect(&url).await.unwrap();
            assert_eq!(wire.call::<u64>(0, (number,)).await.unwrap(), number);
        }
        // Far less than the time that a goodbye may take: both sides hear it.
        nothing_is_left_within(Duration::from_secs(2), start).await;
        serving.abort();
    });
}

#[test]
fn a_thousand_connections_that_are_dropped_without_a_word_leave_nothing() {
    run(async {
        let (url, serving) = server().await;
        let address = url.strip_prefix("tcp://").unwrap();
        let start = at_rest().await;
        for number in 0..1000 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            match number % 4 {
                0 => {}
                1 => stream.set_zero_linger().unwrap(),
                2 => stream.write_all(b"\x80\x00\x40").await.unwrap(),
                _ => {
                    // Their transport parameters are there before we go.
                    assert!(stream.read(&mut [0; 1000]).await.unwrap() > 0);
                }
            }
        }
        nothing_is_left_within(Duration::from_secs(2), start).await;
        serving.abort();
    });
}

#[test]
fn peers_that_break_the_protocol_and_stay_on_the_line_hold_no_socket() {
    run(async {
        let (url, serving) = server().await;
        let address = url.strip_prefix("tcp://").unwrap();
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        let start = at_rest().await;
        for stream in &mut held {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        }
        // The server says goodbye, waits for theirs for three seconds, and hangs up: its 20 descriptors
        // and all tasks of theirs go, while ours stay.
        let tasks_of_one = 3;
        let left = (start.0 - 20, start.1 - 20 * tasks_of_one);
        nothing_is_left_within(Duration::from_secs(8), left).await;
        serving.abort();
    });
}

/// A reader that stops reading once it is told to, and stays on the line.
struct Freezable<R> {
    reader: R,
    frozen: Arc<AtomicBool>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Freezable<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.frozen.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.reader).poll_read(cx, buf)
    }
}

#[test]
fn a_peer_that_reads_no_more_holds_no_socket_once_its_time_is_over() {
    run(async {
        let mut limits = Limits::default();
        limits.write_stall_timeout = Duration::from_millis(300);
        let flood = |(): ()| futures_util::stream::repeat(Bytes::from_static(&[7; 16_000]));
        let interface = Interface::new().sequence(0, flood);
        let server = Server::new(interface).limits(limits).listen("tcp://127.0.0.1:0");
        let server = server.bind().await.unwrap();
        let address = server.addresses().remove(0);
        let serving = tokio::spawn(server.run());

        let stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).await.unwrap();
        let (reader, writer) = stream.into_split();
        let frozen = Arc::new(AtomicBool::new(false));
        let reader = Freezable { reader, frozen: Arc::clone(&frozen) };
        // Windows that hold more than the system's buffers: credit is not what stops the server.
        let mut wide = Limits::default();
        wide.stream_window_bytes = 64 << 20;
        wide.max_stream_window_bytes = 64 << 20;
        let options = ipfi::WireOptions::from(Interface::new()).limits(wide);
        let wire = ipfi::mux::connect(reader, writer, options).await.unwrap();
        let start = at_rest().await;
        frozen.store(true, Ordering::SeqCst);
        let flood = wire.stream::<Bytes>(0, ()).await.unwrap();
        // The server's end of the connection: a descriptor and three tasks. The call's own task ends with
        // it.
        nothing_is_left_within(Duration::from_secs(8), (start.0 - 1, start.1 - 3)).await;
        drop((flood, wire));
        serving.abort();
    });
}

/// Lowers the limit of descriptors for as long as it lives.
struct FewDescriptors(Rlimit);

impl FewDescriptors {
    fn new(limit: u64) -> Self {
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum: before.maximum }).unwrap();
        Self(before)
    }
}

impl Drop for FewDescriptors {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.0).unwrap();
    }
}

#[test]
fn accepting_survives_that_descriptors_run_out_and_recovers_within_two_seconds() {
    run(async {
        let lines = Lines::default();
        let writer = lines.clone();
        // For the threads of the runtime too. This program has no other test that watches.
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
        let (url, serving) = server().await;
        let address = url.strip_prefix("tcp://").unwrap();
        let honest = ipfi::connect(&url).await.unwrap();
        let few = FewDescriptors::new(u64::try_from(descriptors()).unwrap() + 40);
        // Both ends are in this process: connecting until it cannot leaves connections in the system's
        // queue that nobody can accept.
        let mut flood = Vec::new();
        let refused = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => flood.push(stream),
                Err(error) => break error,
            }
            assert!(flood.len() < 100, "the limit does not hold");
        };
        assert_eq!(refused.raw_os_error(), Some(24), "EMFILE: {refused}");
        // Until accepting has failed three times; whoever is connected is served meanwhile.
        let mut number = 0;
        while lines.with("accept failed").len() < 3 {
            assert_eq!(honest.call::<u64>(0, (number,)).await.unwrap(), number);
            number += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // It rests after each failure, twice as long as before: it does not spin.
        for (line, rest) in lines.with("accept failed").iter().zip(["10ms", "20ms", "40ms"]) {
            assert!(line.ends_with(&format!("rest={rest}")), "{rest}: {line}");
        }
        drop(flood);
        let back = timeout(Duration::from_secs(2), async {
            let wire = ipfi::connect(&url).await.unwrap();
            wire.call::<u64>(0, (7_u64,)).await.unwrap()
        });
        assert_eq!(back.await.expect("a new connection is served within two seconds"), 7);
        assert_eq!(honest.call::<u64>(0, (8_u64,)).await.unwrap(), 8);
        assert!(!serving.is_finished(), "the server accepts on");
        drop(few);
        serving.abort();
    });
}
