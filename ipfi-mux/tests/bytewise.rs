//! Two peers that exchange bytes by hand: every kind of call one byte at a time, cut anywhere, with time
//! and without.

// Test code: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use ipfi_core::error::ConnectionError;
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use ipfi_core::{Code, Context, Interface, Receiver, Status, WireOptions, blocking};
use ipfi_mux::bytewise::{Job, Peer};
use ipfi_mux::frame::Frame;
use ipfi_mux::record::{RecordFraming, RecordReader};

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
        .procedure(5, blocking(|(n,): (u64,)| n * 2))
        // Counts down by calling the other side's own number 6.
        .procedure(6, |context: Context, (depth,): (u64,)| async move {
            if depth == 0 {
                return Ok(0);
            }
            let below: u64 = context.wire().call(6, (depth - 1,)).await?;
            Ok::<u64, Status>(below + 1)
        })
}

fn peers() -> (Peer, Peer) {
    (Peer::client(interface()), Peer::server(interface()))
}

/// Moves all there is from one to the other, a byte at a time: how many.
fn pass(from: &mut Peer, to: &mut Peer) -> usize {
    let mut moved = 0;
    while let Some(byte) = from.pull() {
        let _ = to.push(byte);
        moved += 1;
    }
    moved
}

/// Moves bytes until neither has any.
fn settle(a: &mut Peer, b: &mut Peer) {
    while pass(a, b) + pass(b, a) > 0 {}
}

fn finish<T>(a: &mut Peer, b: &mut Peer, job: &Job<T>) -> T {
    settle(a, b);
    job.take().expect("nothing more moves, so it is done or never will be")
}

/// Every kind of call, one after the other.
fn every_kind_of_call(
    peer: &Peer,
) -> impl Future<Output = Result<(), ipfi_core::CallError>> + Send + 'static {
    let wire = peer.wire().clone();
    async move {
        assert_eq!(wire.call::<String>(0, ("Ada",)).await?, "Hello, Ada!");
        let numbers: Vec<u64> = wire.stream::<u64>(1, (1000_u64,)).await?.try_collect().await?;
        assert_eq!(numbers, (0..1000).collect::<Vec<u64>>());
        let sum: u64 = wire.upload::<u64, u64>(2, ()).items(stream::iter(0..1000)).await?;
        assert_eq!(sum, 499_500);
        let (mut send, mut receive) = wire.duplex::<u64, u64>(3, (3_u64,)).await?;
        for n in 0..5_u64 {
            send.send(n).await?;
            assert_eq!(receive.try_next().await?, Some(n * 3));
        }
        send.finish().await?;
        assert_eq!(receive.try_next().await?, None);
        assert_eq!(wire.call::<u64>(5, (21_u64,)).await?, 42);
        let mut call = wire.start(0).await?;
        for byte in [3_u8, b'A', b'd', b'a'] {
            call.write(&[byte]).await?;
        }
        assert_eq!(call.finish::<String>().await?, "Hello, Ada!");
        let error = wire.call::<()>(77, ()).await.expect_err("nobody offers it");
        assert_eq!(error.to_string(), "call 77: UNIMPLEMENTED: procedure 77 is not offered");
        Ok(())
    }
}

#[test]
fn every_kind_of_call_works_both_ways_one_byte_at_a_time() {
    let (mut client, mut server) = peers();
    let calls = every_kind_of_call(&client);
    let there = client.spawn(calls);
    let calls = every_kind_of_call(&server);
    let back = server.spawn(calls);
    finish(&mut client, &mut server, &there).unwrap();
    finish(&mut client, &mut server, &back).unwrap();
}

#[test]
fn a_handler_calls_back_and_is_called_back() {
    let (mut client, mut server) = peers();
    let wire = client.wire().clone();
    let job = client.spawn(async move { wire.call::<u64>(6, (40_u64,)).await });
    assert_eq!(finish(&mut client, &mut server, &job).unwrap(), 40);
}

#[test]
fn notifications_arrive() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let interface = Interface::new().notification(9, move |(line,): (String,)| {
        ear.lock().unwrap().push(line);
        async {}
    });
    let mut server = Peer::server(interface.by_datagram(9));
    let mut client = Peer::client(Interface::new());
    let wire = client.wire().clone();
    let job = client.spawn(async move {
        wire.notify(9, ("one",)).await?;
        wire.notify(9, ("two",)).datagram()
    });
    finish(&mut client, &mut server, &job).unwrap();
    assert_eq!(*heard.lock().unwrap(), ["one", "two"]);
}

/// What a client says that makes calls of every kind, up to where it needs an answer again and again.
fn recorded() -> Vec<u8> {
    let (mut client, mut server) = peers();
    let calls = every_kind_of_call(&client);
    let job = client.spawn(calls);
    let mut said = Vec::new();
    while job.take().is_none() {
        while let Some(byte) = client.pull() {
            said.push(byte);
            server.push(byte).unwrap();
        }
        pass(&mut server, &mut client);
    }
    said
}

/// The bytes of each stream, and whether it has ended.
type Streams = BTreeMap<u64, (Vec<u8>, bool)>;

/// All that `peer` has to say now.
fn all_of(peer: &mut Peer) -> Vec<u8> {
    std::iter::from_fn(|| peer.pull()).collect()
}

fn decoded(said: &[u8]) -> Vec<Frame> {
    let mut bytes = BytesMut::from(said);
    let mut reader = RecordReader::new(RecordFraming::Sized, 64 << 10);
    let mut frames = Vec::new();
    while let Some(mut record) = reader.next(&mut bytes).unwrap() {
        while !record.is_empty() {
            frames.push(Frame::decode(&mut record).unwrap());
        }
    }
    assert!(bytes.is_empty(), "whole records");
    frames
}

/// What a server answers to `said` in pieces that end at `cuts`: its streams, and all else that it says. Where
/// frames begin, and which stream's come first, may depend on the cuts.
fn answered(said: &[u8], cuts: impl IntoIterator<Item = usize>) -> (Streams, Vec<String>) {
    let mut server = Peer::server(interface());
    let mut begin = 0;
    for end in cuts.into_iter().chain([said.len()]) {
        server.push_slice(&said[begin..end]).unwrap();
        begin = end;
    }
    let (mut streams, mut rest) = (Streams::new(), Vec::new());
    for frame in decoded(&all_of(&mut server)) {
        match frame {
            Frame::Stream { id, offset, payload, fin } => {
                let (data, over) = streams.entry(id.get()).or_default();
                assert_eq!((data.len() as u64, *over), (offset, false), "stream {id} in order");
                data.extend_from_slice(&payload);
                *over = fin;
            }
            other => rest.push(format!("{other:?}")),
        }
    }
    (streams, rest)
}

#[test]
fn input_cut_in_two_anywhere_or_into_single_bytes_has_the_same_answer() {
    let said = recorded();
    let whole = answered(&said, []);
    let bytes: usize = whole.0.values().map(|(data, _)| data.len()).sum();
    assert!(bytes > 1000, "{bytes} bytes are the answers to every kind of call");
    for cut in 0..=said.len() {
        assert!(answered(&said, [cut]) == whole, "cut at {cut} of {}", said.len());
    }
    assert!(answered(&said, 0..said.len()) == whole, "a byte at a time");
}

/// The streams whose data `said` brings, in order, by a peer that has said `hello` before.
fn order(hello: &[u8], said: &[u8]) -> Vec<u64> {
    let id = |frame| if let Frame::Stream { id, .. } = frame { Some(id.get()) } else { None };
    let all = decoded(&[hello, said].concat());
    all.into_iter().skip(decoded(hello).len()).filter_map(id).collect()
}

/// Lets both say hello: with what words.
fn greet(client: &mut Peer, server: &mut Peer) -> [Vec<u8>; 2] {
    let mut said = [Vec::new(), Vec::new()];
    loop {
        let words = [all_of(client), all_of(server)];
        if words.iter().all(Vec::is_empty) {
            return said;
        }
        server.push_slice(&words[0]).unwrap();
        client.push_slice(&words[1]).unwrap();
        for (said, words) in said.iter_mut().zip(words) {
            said.extend(words);
        }
    }
}

/// Whether all frames of the stream that was the last to come are before those of all others.
fn the_last_is_first(order: &[u64]) -> bool {
    let (first, last) = (order[0], order.iter().copied().max().unwrap());
    first == last && order.iter().skip_while(|id| **id == last).all(|id| *id != last)
}

#[test]
fn an_urgent_call_overtakes_those_before_it_and_so_does_its_answer() {
    for (priority, overtakes) in [(0, false), (1, true), (-1, false)] {
        let echo = || Interface::new().procedure(0, |(bytes,): (Bytes,)| async move { bytes });
        let (mut client, mut server) = (Peer::client(echo()), Peer::server(echo()));
        let [clients, servers] = greet(&mut client, &mut server);
        let call = |priority| {
            let wire = client.wire().clone();
            async move { wire.call::<Bytes>(0, (Bytes::from(vec![7; 20_000]),)).priority(priority).await }
        };
        let calls = [call(0), call(0), call(priority)].map(|call| client.spawn(call));
        let said = all_of(&mut client);
        assert_eq!(the_last_is_first(&order(&clients, &said)), overtakes, "requests, {priority}");
        server.push_slice(&said).unwrap();
        let said = all_of(&mut server);
        assert_eq!(the_last_is_first(&order(&servers, &said)), overtakes, "answers, {priority}");
        client.push_slice(&said).unwrap();
        for call in calls {
            assert_eq!(finish(&mut client, &mut server, &call).unwrap().len(), 20_000);
        }
    }
}

#[test]
fn an_urgent_notification_overtakes_those_before_it() {
    for (priority, overtakes) in [(0, false), (1, true)] {
        let (mut client, mut server) = peers();
        let [clients, _] = greet(&mut client, &mut server);
        let notify = |priority| {
            let wire = client.wire().clone();
            async move { wire.notify(9, (Bytes::from(vec![7; 20_000]),)).priority(priority).await }
        };
        let _jobs = [notify(0), notify(0), notify(priority)].map(|job| client.spawn(job));
        let said = all_of(&mut client);
        assert_eq!(the_last_is_first(&order(&clients, &said)), overtakes, "{priority}");
    }
}

#[test]
fn without_a_time_nothing_times_out() {
    let (mut client, mut server) = peers();
    let wire = client.wire().clone();
    let job = client.spawn(async move { wire.call::<()>(4, ()).timeout(Duration::from_micros(1)).await });
    settle(&mut client, &mut server);
    assert_eq!((client.next_tick(), server.next_tick()), (None, None));
    assert!(job.take().is_none());
    assert_eq!((client.close_reason(), server.close_reason()), (None, None));
}

#[test]
fn with_a_time_the_deadline_of_a_call_passes_at_both_ends() {
    let (mut client, mut server) = peers();
    // Any origin will do, and each side has its own.
    let hour = Duration::from_secs(3600);
    client.tick(Time::ZERO + hour);
    server.tick(Time::ZERO);
    let wire = client.wire().clone();
    let timeout = Duration::from_secs(2);
    let job = client.spawn(async move { wire.call::<()>(4, ()).timeout(timeout).await });
    settle(&mut client, &mut server);
    assert_eq!(server.wire().inbound_calls(), 1);

    client.tick(Time::ZERO + hour + timeout - Duration::from_millis(1));
    settle(&mut client, &mut server);
    assert!(job.take().is_none());
    let next = client.next_tick().unwrap();
    assert!(next <= Time::ZERO + hour + timeout + timeout / 64, "{next:?}");
    client.tick(next);
    let error = finish(&mut client, &mut server, &job).unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(server.wire().inbound_calls(), 0, "dropping a call cancels it");
}

#[test]
fn with_a_time_a_callee_keeps_the_deadline_that_its_caller_has_no_clock_for() {
    let (mut client, mut server) = peers();
    server.tick(Time::ZERO);
    let wire = client.wire().clone();
    let job = client.spawn(async move { wire.call::<()>(4, ()).timeout(Duration::from_secs(2)).await });
    settle(&mut client, &mut server);
    server.tick(Time::ZERO + Duration::from_secs(3));
    let error = finish(&mut client, &mut server, &job).unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}

#[test]
fn with_a_time_a_silent_peer_is_given_up_at_the_handshake_and_never_after_it() {
    let mut alone = Peer::client(Interface::new());
    alone.tick(Time::from_micros(5));
    while alone.pull().is_some() {}
    // Half of a record's Size.
    alone.push_at(0x40, Time::from_micros(5) + Duration::from_secs(9)).unwrap();
    alone.tick(Time::from_micros(5) + Duration::from_secs(10));
    assert_eq!(
        alone.close_reason(),
        Some(ConnectionError::HandshakeTimeout { after: Duration::from_secs(10) })
    );

    let (mut client, mut server) = peers();
    client.tick(Time::ZERO);
    settle(&mut client, &mut server);
    assert_eq!(client.next_tick(), None, "no ping, no idle timeout");
    client.tick(Time::ZERO + Duration::from_secs(1_000_000));
    assert_eq!((client.pull(), client.close_reason()), (None, None));
}

#[test]
fn an_orderly_end_reaches_the_peer_and_later_bytes_say_why() {
    let (mut client, mut server) = peers();
    settle(&mut client, &mut server);
    let wire = server.wire().clone();
    let job = server.spawn(async move { wire.shutdown(Duration::ZERO).await });
    finish(&mut client, &mut server, &job);
    let reason = client.push(0).unwrap_err();
    assert!(reason.is_orderly(), "{reason}");
    assert_eq!((client.pull(), server.pull()), (None, None));
}

#[test]
fn the_end_of_the_pipe_ends_what_waits() {
    let (mut client, mut server) = peers();
    let wire = client.wire().clone();
    let job = client.spawn(async move { wire.call::<()>(4, ()).await });
    settle(&mut client, &mut server);
    client.end_of_input();
    let error = job.take().unwrap().unwrap_err();
    assert!(matches!(error.connection_error(), Some(ConnectionError::Lost { .. })), "{error}");
    assert!(client.push(0).is_err());
}

#[test]
fn a_peer_that_is_dropped_ends_what_waits_elsewhere() {
    let (mut client, mut server) = peers();
    settle(&mut client, &mut server);
    let wire = client.wire().clone();
    drop(client);
    assert_eq!(wire.close_reason(), Some(ConnectionError::DriverDropped));
}

#[test]
fn garbage_is_answered_with_the_reason() {
    let mut server = Peer::server(Interface::new());
    let error = server
        .push_slice(b"\x40\x80GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        .and_then(|()| server.push_slice(&[b'x'; 200]));
    assert!(
        matches!(error, Err(ConnectionError::NotIpfi { .. } | ConnectionError::Violation { .. })),
        "{error:?}"
    );
    assert!(server.pull().is_some(), "it is told");
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let mut limits = ipfi_core::Limits::default();
    limits.max_record_bytes = 1;
    let refused = Peer::new(Side::Client, WireOptions::from(Interface::new()).limits(limits));
    assert!(refused.unwrap_err().to_string().contains("max_record_bytes"));
}
