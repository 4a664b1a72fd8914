//! What is special to memory and to the kit; what holds over every carrier is claimed once, by the
//! session suite of `interop-tests`.
//!
//! Everything is immediate, so nothing here needs a runtime: a poll either has its answer or waits.

// A test that unwraps nothing has failed: that is the message.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;

use super::*;
use crate::close_code::{CloseCode, StreamCode};
use crate::error::{ConnectionError, DatagramError, ReadError, WriteError};
use crate::limits::Limits;
use crate::session::{Chunk, RecvStream, SendStream, Session, Side};

mod kit;

fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("expected it to be ready, it waits"),
    }
}

fn open<F: Future + Unpin>(mut opening: F) -> F::Output {
    ready(now(|cx| Pin::new(&mut opening).poll(cx)))
}

fn open_uni(session: &MemorySession) -> MemorySendStream {
    open(session.open_uni()).unwrap()
}

fn open_bi(session: &MemorySession) -> (MemorySendStream, MemoryRecvStream) {
    open(session.open_bi()).unwrap()
}

fn accept_uni(session: &MemorySession) -> MemoryRecvStream {
    ready(now(|cx| session.poll_accept_uni(cx))).unwrap()
}

fn accept_bi(session: &MemorySession) -> (MemorySendStream, MemoryRecvStream) {
    ready(now(|cx| session.poll_accept_bi(cx))).unwrap()
}

/// Writes what is taken; the rest is the result.
fn write(send: &mut MemorySendStream, data: &'static str, fin: bool) -> Result<Bytes, WriteError> {
    let mut data = Bytes::from_static(data.as_bytes());
    match now(|cx| send.poll_write(cx, &mut data, fin)) {
        Poll::Ready(Err(error)) => Err(error),
        Poll::Ready(Ok(())) | Poll::Pending => Ok(data),
    }
}

fn read(recv: &mut MemoryRecvStream) -> Poll<Result<Chunk, ReadError>> {
    now(|cx| recv.poll_read(cx, usize::MAX))
}

fn chunk(bytes: &'static str, fin: bool) -> Poll<Result<Chunk, ReadError>> {
    Poll::Ready(Ok(Chunk { bytes: Bytes::from_static(bytes.as_bytes()), fin }))
}

/// A pair whose streams take four bytes, and both sides at most two of each kind.
fn small() -> MemoryOptions {
    MemoryOptions::new(Limits {
        max_inbound_calls: 2,
        max_inbound_notifications: 2,
        stream_window_bytes: 4,
        notification_window_bytes: 4,
        ..Limits::default()
    })
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn woken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn handles_may_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<MemorySession>();
    crosses::<MemorySendStream>();
    crosses::<MemoryRecvStream>();
    crosses::<OpenBi>();
    crosses::<OpenUni>();
    crosses::<MemoryControl>();
}

#[test]
fn what_was_written_is_there_before_the_write_returns_and_is_not_copied() {
    let (client, server) = pair(MemoryOptions::default());
    let mut send = open_uni(&client);
    let mut data = Bytes::from(vec![7; 1000]);
    let written = data.as_ptr();
    ready(now(|cx| send.poll_write(cx, &mut data, true))).unwrap();
    let mut recv = accept_uni(&server);
    let Chunk { bytes, fin } = ready(read(&mut recv)).unwrap();
    assert!(fin, "the end comes with the last bytes");
    assert_eq!(bytes.as_ptr(), written);
    assert_eq!(bytes.len(), 1000);
}

#[test]
fn a_stream_takes_exactly_its_window_and_reading_gives_it_back() {
    let (client, server) = pair(small());
    let mut send = open_uni(&client);
    assert_eq!(write(&mut send, "abcdef", true).unwrap(), "ef");
    let mut recv = accept_uni(&server);
    let Chunk { bytes, .. } = ready(now(|cx| recv.poll_read(cx, 1))).unwrap();
    assert_eq!(bytes, "a");
    assert_eq!(write(&mut send, "ef", true).unwrap(), "f");
    assert_eq!(read(&mut recv), chunk("bcd", false));
    assert_eq!(read(&mut recv), chunk("e", false));
    assert_eq!(write(&mut send, "f", true).unwrap(), "");
    assert_eq!(read(&mut recv), chunk("f", true));
}

#[test]
fn a_window_of_nothing_counts_as_one_byte() {
    let limits = Limits { notification_window_bytes: 0, ..Limits::default() };
    let (client, server) = pair(MemoryOptions::new(limits));
    let mut send = open_uni(&client);
    assert_eq!(write(&mut send, "ab", true).unwrap(), "b");
    assert_eq!(read(&mut accept_uni(&server)), chunk("a", false));
}

#[test]
fn a_blocked_writer_is_woken_once_by_a_read_and_not_by_another_stream() {
    let (client, server) = pair(small());
    let (mut first, mut second) = (open_uni(&client), open_uni(&client));
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut data = Bytes::from_static(b"abcdef");
    assert!(first.poll_write(&mut Context::from_waker(&waker), &mut data, false).is_pending());
    assert_eq!(write(&mut second, "xy", false).unwrap(), "");
    let (mut one, mut other) = (accept_uni(&server), accept_uni(&server));
    assert_eq!(read(&mut other), chunk("xy", false));
    assert_eq!(count.woken(), 0);
    assert_eq!(read(&mut one), chunk("abcd", false));
    assert_eq!(count.woken(), 1);
}

#[test]
fn an_unused_stream_is_invisible_and_using_a_later_one_shows_it() {
    // RFC 9000 section 3.2.
    let (client, server) = pair(MemoryOptions::default());
    let (first, mut second, third) = (open_uni(&client), open_uni(&client), open_uni(&client));
    assert!(now(|cx| server.poll_accept_uni(cx)).is_pending());
    write(&mut second, "x", false).unwrap();
    assert_eq!(accept_uni(&server).id(), first.id());
    assert_eq!(accept_uni(&server).id(), second.id());
    assert!(now(|cx| server.poll_accept_uni(cx)).is_pending());
    drop(third);
    let mut given_up = accept_uni(&server);
    assert_eq!(read(&mut given_up), Poll::Ready(Err(ReadError::Reset(StreamCode::CANCELLED))));
}

#[test]
fn a_priority_is_recorded() {
    let (client, _server) = pair(MemoryOptions::default());
    let mut send = open_uni(&client);
    assert_eq!(send.priority(), 0);
    send.set_priority(-3);
    assert_eq!(send.priority(), -3);
}

#[test]
fn the_last_handle_of_an_end_closes_it_and_no_earlier_one_does() {
    let (client, server) = pair(MemoryOptions::default());
    let send = open_uni(&client);
    let opening = client.open_bi();
    let control = client.control();
    drop(client.clone());
    drop(client);
    drop(send);
    assert_eq!(server.close_reason(), None);
    drop(opening);
    let Some(ConnectionError::PeerClosed { code, .. }) = server.close_reason() else {
        panic!("{:?}", server.close_reason());
    };
    assert_eq!(code, CloseCode::NO_ERROR);
    drop(control);
}

#[test]
fn nothing_is_kept_of_streams_whose_handles_are_gone() {
    let (client, server) = pair(MemoryOptions::default());
    for round in 0..20 {
        let (mut send, recv) = open_bi(&client);
        write(&mut send, "x", round % 2 == 0).unwrap();
        let (answer, request) = accept_bi(&server);
        // Every order of letting go.
        match round % 4 {
            0 => drop((send, recv, answer, request)),
            1 => drop((answer, request, send, recv)),
            2 => drop((recv, answer, send, request)),
            _ => drop((request, send, answer, recv)),
        }
        assert_eq!(client.control().live_streams(), 0, "round {round}");
    }
    let unread = open_uni(&client);
    drop(unread);
    assert_eq!(client.control().live_streams(), 1, "it is to be accepted still");
    server.close(CloseCode::NO_ERROR, "");
    assert_eq!(client.control().live_streams(), 0);
}

#[test]
fn after_a_close_only_notifications_that_had_arrived_whole_are_accepted() {
    let (client, server) = pair(MemoryOptions::default());
    let (mut whole, mut partial) = (open_uni(&client), open_uni(&client));
    let (mut call, _recv) = open_bi(&client);
    write(&mut whole, "whole", true).unwrap();
    write(&mut partial, "partial", false).unwrap();
    write(&mut call, "call", true).unwrap();
    ready(now(|cx| client.poll_flushed(cx)));
    client.close(CloseCode::SHUTDOWN, "bye");

    let cause = ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, reason: "bye".into() };
    assert_eq!(ready(now(|cx| server.poll_accept_bi(cx))).unwrap_err(), cause);
    assert_eq!(read(&mut accept_uni(&server)), chunk("whole", true));
    assert_eq!(ready(now(|cx| server.poll_accept_uni(cx))).unwrap_err(), cause);
}

#[test]
fn an_end_that_closes_itself_wants_nothing_more() {
    let (client, server) = pair(MemoryOptions::default());
    let mut send = open_uni(&client);
    write(&mut send, "whole", true).unwrap();
    let mut recv = accept_uni(&server);
    server.close(CloseCode::NO_ERROR, "");
    let cause = ConnectionError::LocallyClosed { code: CloseCode::NO_ERROR, reason: "".into() };
    assert_eq!(read(&mut recv), Poll::Ready(Err(ReadError::Connection(cause))));
}

#[test]
fn the_peer_is_told_at_most_256_bytes_of_a_reason_cut_between_characters() {
    let (client, server) = pair(MemoryOptions::default());
    let reason = format!("a{}", "ä".repeat(200));
    client.close(CloseCode::INTERNAL, &reason);
    let Some(ConnectionError::PeerClosed { reason: told, .. }) = server.close_reason() else {
        panic!("{:?}", server.close_reason());
    };
    assert_eq!(&*told, &reason[..255]);
    let ours = ConnectionError::LocallyClosed { code: CloseCode::INTERNAL, reason: reason.into() };
    assert_eq!(client.close_reason(), Some(ours));
}

#[test]
fn a_waker_may_use_the_connection_when_it_is_woken_or_dropped() {
    // Executors drop a task together with its last waker, and with the task its handles.
    struct Holder(MemorySession);
    impl Wake for Holder {
        fn wake(self: Arc<Self>) {
            self.0.close(CloseCode::NO_ERROR, "woken");
        }
    }
    impl Drop for Holder {
        fn drop(&mut self) {
            self.0.close(CloseCode::NO_ERROR, "dropped");
        }
    }
    for woken in [true, false] {
        let (client, server) = pair(MemoryOptions::default());
        let waker = Waker::from(Arc::new(Holder(server.clone())));
        assert!(server.poll_recv_datagram(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        if woken {
            client.send_datagram(Bytes::new()).unwrap();
        } else {
            // Replaces the waker, which drops its task.
            assert!(now(|cx| server.poll_recv_datagram(cx)).is_pending());
        }
        let reason = if woken { "woken" } else { "dropped" };
        let cause = ConnectionError::LocallyClosed { code: CloseCode::NO_ERROR, reason: reason.into() };
        assert_eq!(server.close_reason(), Some(cause));
    }
}

#[test]
fn datagrams_beyond_the_queue_are_dropped_and_the_oldest_stay() {
    let limits = Limits { max_queued_datagrams: 2, ..Limits::default() };
    let (client, server) = pair(MemoryOptions::new(limits));
    for payload in ["a", "b", "c"] {
        client.send_datagram(payload.into()).unwrap();
    }
    for payload in ["a", "b"] {
        assert_eq!(now(|cx| server.poll_recv_datagram(cx)), Poll::Ready(Ok(payload.into())));
    }
    assert!(now(|cx| server.poll_recv_datagram(cx)).is_pending());
}

#[test]
fn the_limit_on_datagrams_leaves_room_for_the_frame() {
    // RFC 9221 section 3: max_datagram_frame_size counts the type, the length and the payload.
    for (frame, payload) in [(0, None), (1, None), (2, Some(0)), (65, Some(62)), (16_382, Some(16_379))] {
        let limits = Limits { max_datagram_frame_bytes: frame, ..Limits::default() };
        let (client, _server) = pair(MemoryOptions::new(limits));
        assert_eq!(client.max_datagram_bytes(), payload, "frame of {frame} bytes");
        let too_large = Bytes::from(vec![0; payload.unwrap_or(0) + 1]);
        let expected = match payload {
            None => DatagramError::Unsupported,
            Some(limit) => DatagramError::TooLarge { seen: limit + 1, limit },
        };
        assert_eq!(client.send_datagram(too_large), Err(expected));
    }
}
