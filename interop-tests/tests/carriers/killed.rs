//! A peer that is killed in the middle of calls, at any byte: every pending call ends at once and says
//! whether it may have run, and nothing is left at the other side.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ipfi::{CallError, Code, ConnectError, ConnectionError, Interface, Receiver, Server, Status, Wire};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::support::{Numbers, Running, eventually, within, within_time};

/// What "at once" may take on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Kills for each carrier.
const KILLS: usize = 50;

/// A handler that runs.
struct Guard(Arc<AtomicUsize>);

impl Guard {
    fn new(running: &Arc<AtomicUsize>) -> Self {
        running.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(running))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What the server saw.
#[derive(Clone, Default)]
struct Seen {
    /// The numbers of the unary calls that started.
    started: Arc<Mutex<HashSet<u64>>>,
    running: Arc<AtomicUsize>,
}

fn interface(seen: &Seen) -> Interface {
    let (started, running) = (Arc::clone(&seen.started), Arc::clone(&seen.running));
    let echo = move |(number,): (u64,)| {
        started.lock().unwrap().insert(number);
        async move { number }
    };
    let pending = move |(): ()| {
        let guard = Guard::new(&running);
        async move {
            std::future::pending::<()>().await;
            drop(guard);
        }
    };
    Interface::new()
        .procedure(0, echo)
        .procedure(1, pending)
        .sequence(2, |(): ()| stream::iter(0_u64..))
        .procedure_with_items(3, |(): (), items: Receiver<Bytes>| async move {
            let count = items.try_fold(0_u64, |count, _| async move { Ok(count + 1) }).await?;
            Ok::<_, Status>(count)
        })
        .sequence_with_items(4, |(): (), items: Receiver<u64>| items.map(|item| Ok::<_, Status>(item?)))
}

/// Every kind of call, each again and again until the connection ends. Gives the failures.
async fn callers(wire: &Wire) -> Vec<(u64, CallError)> {
    let mut callers = JoinSet::new();
    for caller in 0..8_u64 {
        let wire = wire.clone();
        callers.spawn(async move {
            for number in caller * 1_000_000.. {
                if let Err(error) = wire.call::<u64>(0, (number,)).await {
                    return (number, error);
                }
            }
            unreachable!("the loop ends with an error")
        });
    }
    let one = wire.clone();
    callers.spawn(async move { (u64::MAX, one.call::<()>(1, ()).await.unwrap_err()) });
    let one = wire.clone();
    callers.spawn(async move {
        let mut numbers = match one.stream::<u64>(2, ()).await {
            Ok(numbers) => numbers,
            Err(error) => return (u64::MAX, error),
        };
        loop {
            if let Err(error) = numbers.try_next().await {
                return (u64::MAX, error);
            }
        }
    });
    let one = wire.clone();
    callers.spawn(async move {
        let items = stream::repeat(Bytes::from_static(&[7; 3000]));
        (u64::MAX, one.upload::<Bytes, u64>(3, ()).items(items).await.unwrap_err())
    });
    let one = wire.clone();
    callers.spawn(async move {
        let (mut send, mut receive) = match one.duplex::<u64, u64>(4, ()).await {
            Ok(both) => both,
            Err(error) => return (u64::MAX, error),
        };
        loop {
            if let Err(error) = send.send(5).await {
                return (u64::MAX, error);
            }
            if let Err(error) = receive.try_next().await {
                return (u64::MAX, error);
            }
        }
    });
    callers.join_all().await
}

/// Passes bytes on both ways until `budget` of them have gone through.
async fn relay<A, B>(near: &mut A, far: &mut B, mut budget: usize)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_near, mut from_far) = ([0; 4096], [0; 4096]);
    while budget > 0 {
        tokio::select! {
            count = near.read(&mut from_near) => {
                let count = count.unwrap().min(budget);
                assert!(count > 0, "the client ended before it was killed");
                budget -= count;
                if far.write_all(&from_near[..count]).await.is_err() { return }
            }
            count = far.read(&mut from_far) => {
                let count = count.unwrap().min(budget);
                assert!(count > 0, "the server ended before it was killed");
                budget -= count;
                if near.write_all(&from_far[..count]).await.is_err() { return }
            }
        }
    }
}

/// What must hold of the client, whose connection is killed when `killed` ends.
async fn client(
    url: &str,
    seen: &Seen,
    killed: tokio::sync::oneshot::Receiver<()>,
) -> Result<(), ConnectionError> {
    let wire = match within("connecting", ipfi::connect(url)).await {
        Ok(wire) => wire,
        // Killed in the handshake.
        Err(ConnectError::Handshake { source, .. }) => return Err(source),
        Err(other) => panic!("connecting: {other}"),
    };
    let (failures, ()) = tokio::join!(callers(&wire), async {
        within("the kill", killed).await.unwrap();
        let reason = within_time("the wire's end", AT_ONCE, wire.closed()).await;
        assert!(matches!(reason, ConnectionError::Lost { .. }), "{reason:?}");
    });
    assert_eq!(failures.len(), 12);
    eventually("the handlers' end", AT_ONCE, || async {
        (seen.running.load(Ordering::SeqCst) == 0).then_some(())
    })
    .await;
    for (number, error) in failures {
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        assert!(matches!(error.connection_error(), Some(ConnectionError::Lost { .. })), "{error}");
        let text = error.to_string();
        if error.never_started() {
            assert!(text.ends_with("; the call never started and may be retried"), "{text}");
            assert!(!seen.started.lock().unwrap().contains(&number), "{number} ran: {text}");
        } else {
            assert!(text.ends_with("; the call may have run"), "{text}");
        }
    }
    Ok(())
}

/// Offsets from the first byte on, half of them within the handshake and the first calls.
fn offsets() -> impl Iterator<Item = usize> {
    let mut numbers = Numbers(0x5eed);
    (0..KILLS).map(move |n| {
        let limit = if n % 2 == 0 { 1500 } else { 300_000 };
        usize::try_from(1 + numbers.below(limit)).unwrap()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_end_at_once_when_tcp_is_reset_at_any_byte() {
    let seen = Seen::default();
    let server = Running::new(Server::new(interface(&seen))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let mut in_handshake = 0;
    for offset in offsets() {
        seen.started.lock().unwrap().clear();
        let (kill, killed) = tokio::sync::oneshot::channel();
        let between = async {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(server.tcp_address()).await.unwrap();
            relay(&mut near, &mut far, offset).await;
            near.set_zero_linger().unwrap();
            far.set_zero_linger().unwrap();
            drop((near, far));
            // Nobody listens any more when the client was killed in its handshake.
            let _ = kill.send(());
        };
        let (ended, ()) = within(&format!("a kill after {offset} bytes"), async {
            tokio::join!(client(&url, &seen, killed), between)
        })
        .await;
        in_handshake += usize::from(ended.is_err());
    }
    assert!(in_handshake < KILLS / 2, "{in_handshake} of {KILLS} kills came in the handshake");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_end_at_once_when_a_unix_socket_is_closed_at_any_byte() {
    let seen = Seen::default();
    let server = Running::new(Server::new(interface(&seen))).await;
    let path = server.path().with_extension("relay");
    let listener = UnixListener::bind(&path).unwrap();
    let url = format!("unix:{}", path.display());
    for offset in offsets() {
        seen.started.lock().unwrap().clear();
        let (kill, killed) = tokio::sync::oneshot::channel();
        let between = async {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = UnixStream::connect(server.path()).await.unwrap();
            relay(&mut near, &mut far, offset).await;
            drop((near, far));
            let _ = kill.send(());
        };
        let _ = within(&format!("a kill after {offset} bytes"), async {
            tokio::join!(client(&url, &seen, killed), between)
        })
        .await;
    }
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_end_when_their_client_is_killed_and_other_clients_live_on() {
    let seen = Seen::default();
    let server = Running::new(Server::new(interface(&seen))).await;
    let honest = ipfi::connect(&server.urls[0]).await.unwrap();
    let stream = TcpStream::connect(server.tcp_address()).await.unwrap();
    let (reader, writer) = stream.into_split();
    let doomed = ipfi::mux::connect(reader, writer, Interface::new()).await.unwrap();
    let calls: Vec<_> = (0..10).map(|_| doomed.call::<()>(1, ())).collect();
    let mut calls = stream::iter(calls).map(|call| async move { call.await }).buffer_unordered(10);
    let waiting = tokio::time::timeout(Duration::from_millis(200), calls.next()).await;
    assert!(waiting.is_err(), "they never end by themselves");
    assert_eq!(seen.running.load(Ordering::SeqCst), 10);
    // Without a word: the wire's tasks are still there, and its calls are dropped with it.
    drop(calls);
    drop(doomed);
    eventually("the handlers' end", AT_ONCE, || async {
        (seen.running.load(Ordering::SeqCst) == 0).then_some(())
    })
    .await;
    assert_eq!(honest.call::<u64>(0, (7_u64,)).await.unwrap(), 7);
}
