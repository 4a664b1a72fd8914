//! The driver over tokio: its clock, and what happens when code that it was given panics.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
#![allow(clippy::panic)] // what is given to the driver here panics on purpose

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::{Session, Side};
use ipfi_core::wire::WireOptions;
use ipfi_core::{Interface, Peer, Status};
use ipfi_mux::MuxSession;
use ipfi_mux::driver::tokio::session;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf, duplex, split};
use tokio::time::{Instant, sleep, timeout};

fn end(pipe: DuplexStream, side: Side, limits: Limits) -> MuxSession {
    let (reader, writer) = split(pipe);
    session(reader, writer, side, limits).unwrap()
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// Limits of a pipe that may be silent for ever.
fn quiet() -> Limits {
    limits(|limits| {
        limits.ping_interval = None;
        limits.idle_timeout = None;
    })
}

async fn ended(session: &MuxSession) -> ConnectionError {
    let wait = std::future::poll_fn(|cx| session.poll_recv_datagram(cx));
    timeout(Duration::from_secs(60), wait).await.expect("the connection never ends").unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn pings_that_are_due_before_the_handshake_would_have_timed_out_are_sent_in_time() {
    let soon = || {
        limits(|limits| {
            limits.ping_interval = Some(Duration::from_secs(1));
            limits.idle_timeout = Some(Duration::from_secs(3));
        })
    };
    let (client, server) = duplex(4096);
    let (client, server) = (end(client, Side::Client, soon()), end(server, Side::Server, soon()));
    client.established().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!((client.close_reason(), server.close_reason()), (None, None));
}

#[tokio::test]
async fn limits_that_contradict_each_other_are_this_sides_fault_and_nothing_is_sent() {
    let (near, mut far) = duplex(1 << 16);
    let (reader, writer) = split(near);
    let limits = limits(|limits| limits.window_pool_bytes = 1000);
    let error = ipfi_mux::connect(reader, writer, WireOptions::from(Interface::new()).limits(limits)).await;
    match error.unwrap_err() {
        ConnectionError::Limits { what } => {
            for part in ["max_inbound_notifications = 64", "window_pool_bytes = 1000"] {
                assert!(what.contains(part), "{part} in {what}");
            }
        }
        other => panic!("{other}"),
    }
    let mut sent = Vec::new();
    far.read_to_end(&mut sent).await.unwrap();
    assert!(sent.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_falls_silent_after_the_handshake_is_dead_at_the_idle_timeout_and_no_later() {
    let (client, mut peer) = duplex(4096);
    let soon = limits(|limits| limits.idle_timeout = Some(Duration::from_secs(3)));
    let client = end(client, Side::Client, soon);
    // A record of transport parameters, none of which is declared.
    let hello = [0x40, 9, 0xff, 0x51, 0x53, 0x30, 0x0d, 0x0a, 0x0d, 0x0a, 0];
    tokio::io::AsyncWriteExt::write_all(&mut peer, &hello).await.unwrap();
    client.established().await.unwrap();
    let began = Instant::now();
    assert_eq!(ended(&client).await, ConnectionError::IdleTimeout { after: Duration::from_secs(3) });
    assert!(began.elapsed() < Duration::from_millis(3100), "{:?}", began.elapsed());
}

/// A writer that shutting does not end, only dropping: a system's pipe is one.
struct EndsWhenDropped(DuplexStream);

impl AsyncWrite for EndsWhenDropped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn the_writer_is_dropped_after_the_last_word_even_when_the_peer_stays_on_the_line() {
    let (_unsaid, reader) = duplex(4096);
    let (writer, mut peer) = duplex(4096);
    let session = session(reader, EndsWhenDropped(writer), Side::Client, quiet()).unwrap();
    let began = Instant::now();
    session.close(CloseCode::NO_ERROR, "");
    timeout(Duration::from_secs(60), peer.read_to_end(&mut Vec::new())).await.expect("no end").unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO, "the peer's end, or the time for it, was waited for");
}

/// A pipe that panics: reading at once, writing the second time it is asked. The first time is the caller
/// who makes the session; the second is the writer's task.
#[derive(Default)]
struct Panics {
    asked: bool,
}

impl AsyncRead for Panics {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        panic!("a reader of the user's")
    }
}

impl AsyncWrite for Panics {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        assert!(!std::mem::replace(&mut self.asked, true), "a writer of the user's");
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_panics_ends_its_connection() {
    let (ours, mut peer) = duplex(4096);
    let (_unread, writer) = split(ours);
    let session = session(Panics::default(), writer, Side::Client, quiet()).unwrap();
    assert_eq!(ended(&session).await, ConnectionError::DriverDropped);
    drop((session, _unread));
    // And lets go of the pipe.
    timeout(Duration::from_secs(60), peer.read_to_end(&mut Vec::new()))
        .await
        .expect("the pipe is held")
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_panics_ends_its_connection() {
    let (ours, _peer) = duplex(4096);
    let (reader, _unwritten) = split(ours);
    let session = session(reader, Panics::default(), Side::Client, quiet()).unwrap();
    assert_eq!(ended(&session).await, ConnectionError::DriverDropped);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_ends_its_connection_and_the_peer_is_told() {
    let (client, server) = duplex(4096);
    let hook = |_: Peer| async { if true { panic!("a hook of the user's") } else { Ok::<(), Status>(()) } };
    let options = WireOptions::from(Interface::new()).limits(quiet()).authenticate(hook);
    let (reader, writer) = split(server);
    tokio::spawn(async move { ipfi_mux::accept(reader, writer, options).await });
    let client = end(client, Side::Client, quiet());
    let began = Instant::now();
    let cause = ended(&client).await;
    assert!(matches!(cause, ConnectionError::PeerClosed { .. }), "{cause}");
    assert!(began.elapsed() < Duration::from_secs(1), "not at once: {:?}", began.elapsed());
}
