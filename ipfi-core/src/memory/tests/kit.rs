//! The kit: reads of few bytes, cut links, stalled links.

use super::*;

#[test]
fn reads_return_at_most_what_the_kit_allows_and_the_end_comes_with_the_last_byte() {
    let (client, server) = pair(MemoryOptions::default().max_read_bytes(1));
    let mut send = open_uni(&client);
    write(&mut send, "abc", true).unwrap();
    let mut recv = accept_uni(&server);
    assert_eq!(read(&mut recv), chunk("a", false));
    assert_eq!(read(&mut recv), chunk("b", false));
    assert_eq!(read(&mut recv), chunk("c", true));
}

#[test]
fn a_cut_delivers_every_byte_before_it_and_none_after_at_each_offset() {
    for cut in 0..=6 {
        let (client, server) = pair(MemoryOptions::default().cut_after_bytes(Side::Client, cut));
        let control = client.control();
        if cut > 0 {
            let mut send = open_uni(&client);
            write(&mut send, "ab", false).unwrap();
            let _lost_from_here = write(&mut send, "cde", true);
        }
        let lost = ConnectionError::lost(format!("the link was cut after {cut} bytes"));
        // Five bytes cross before a cut at six: the link holds.
        let expected = (cut < 6).then_some(lost);
        assert_eq!(client.close_reason(), expected, "cut at {cut}");
        assert_eq!(server.close_reason(), expected, "cut at {cut}");
        assert_eq!(control.bytes_crossed(Side::Client), cut.min(5));
    }
}

#[test]
fn a_cut_in_the_middle_of_a_stream_is_never_a_clean_end() {
    let (client, server) = pair(MemoryOptions::default().cut_after_bytes(Side::Client, 3));
    let mut send = open_uni(&client);
    write(&mut send, "ab", false).unwrap();
    let mut recv = accept_uni(&server);
    assert_eq!(read(&mut recv), chunk("ab", false));
    write(&mut send, "c", true).unwrap();
    let lost = ConnectionError::lost("the link was cut after 3 bytes");
    assert_eq!(read(&mut recv), Poll::Ready(Err(ReadError::Connection(lost.clone()))));
    // The FIN was taken and did not arrive: that is worth more to the writer than its own mistake.
    assert_eq!(write(&mut send, "d", false), Err(WriteError::Connection(lost.clone())));
    assert_eq!(ready(now(|cx| client.poll_accept_bi(cx))).unwrap_err(), lost);
}

#[test]
fn a_cut_that_is_ordered_later_counts_from_the_beginning() {
    let (client, server) = pair(MemoryOptions::default());
    let control = server.control();
    let mut send = open_uni(&client);
    write(&mut send, "abc", false).unwrap();
    control.cut_after(Side::Client, 5);
    assert_eq!(client.close_reason(), None);
    write(&mut send, "d", false).unwrap();
    assert_eq!(client.close_reason(), None);
    control.cut_after(Side::Client, 4);
    assert_eq!(client.close_reason(), Some(ConnectionError::lost("the link was cut after 4 bytes")));
}

#[test]
fn a_cut_keeps_what_had_arrived_whole() {
    let (client, server) = pair(MemoryOptions::default());
    let mut send = open_uni(&client);
    write(&mut send, "whole", true).unwrap();
    client.control().cut("somebody pulled the plug");
    assert_eq!(read(&mut accept_uni(&server)), chunk("whole", true));
    let lost = ConnectionError::lost("somebody pulled the plug");
    assert_eq!(server.close_reason(), Some(lost));
}

#[test]
fn nothing_crosses_a_stalled_link_and_everything_does_when_it_resumes() {
    let (client, server) = pair(small().stalled(Side::Client));
    let control = client.control();
    let mut send = open_uni(&client);
    assert_eq!(write(&mut send, "abcdef", true).unwrap(), "ef");
    assert!(now(|cx| server.poll_accept_uni(cx)).is_pending());
    control.resume(Side::Client);
    let mut recv = accept_uni(&server);
    control.stall(Side::Client);
    // What had arrived can be read, and the credit for it goes the other way.
    assert_eq!(read(&mut recv), chunk("abcd", false));
    assert_eq!(write(&mut send, "ef", true).unwrap(), "");
    assert!(read(&mut recv).is_pending());
    control.resume(Side::Client);
    assert_eq!(read(&mut recv), chunk("ef", true));
}

#[test]
fn a_stalled_link_holds_back_credit_resets_and_stops_too() {
    let (client, server) = pair(small());
    let control = client.control();
    let (mut send, mut answer) = open_bi(&client);
    assert_eq!(write(&mut send, "abcdef", false).unwrap(), "ef");
    let (mut response, mut request) = accept_bi(&server);
    control.stall(Side::Server);
    assert_eq!(read(&mut request), chunk("abcd", false));
    assert_eq!(write(&mut send, "ef", false).unwrap(), "ef");
    response.reset(StreamCode::DEADLINE);
    request.stop(StreamCode::CANCELLED);
    assert!(read(&mut answer).is_pending());
    assert!(now(|cx| send.poll_stopped(cx)).is_pending());
    // The credit, the reset and the stop, one after another.
    assert!(control.step(Side::Server));
    assert_eq!(write(&mut send, "e", false).unwrap(), "");
    assert!(control.step(Side::Server));
    assert_eq!(read(&mut answer), Poll::Ready(Err(ReadError::Reset(StreamCode::DEADLINE))));
    assert!(control.step(Side::Server));
    assert_eq!(now(|cx| send.poll_stopped(cx)), Poll::Ready(Ok(StreamCode::CANCELLED)));
    assert!(!control.step(Side::Server), "nothing else was under way");
}

#[test]
fn a_flush_waits_for_the_stalled_bytes_of_finished_streams_alone() {
    let (client, server) = pair(small());
    let control = client.control();
    control.stall(Side::Client);
    let (mut finished, mut unfinished) = (open_uni(&client), open_uni(&client));
    write(&mut unfinished, "ab", false).unwrap();
    ready(now(|cx| client.poll_flushed(cx)));
    write(&mut finished, "ab", true).unwrap();
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    assert!(client.poll_flushed(&mut Context::from_waker(&waker)).is_pending());
    control.resume(Side::Client);
    assert_eq!(count.woken(), 1);
    ready(now(|cx| client.poll_flushed(cx)));
    client.close(CloseCode::NO_ERROR, "");
    assert_eq!(read(&mut accept_uni(&server)), chunk("ab", true));
}

#[test]
fn a_reset_and_a_stop_take_back_a_fin_that_has_not_left() {
    let (client, server) = pair(small());
    let control = client.control();
    let (mut send, _recv) = open_bi(&client);
    write(&mut send, "a", false).unwrap();
    let (_answer, mut request) = accept_bi(&server);
    control.stall(Side::Client);
    write(&mut send, "bc", true).unwrap();
    send.reset(StreamCode::SHUTDOWN);
    ready(now(|cx| client.poll_flushed(cx)));
    control.resume(Side::Client);
    assert_eq!(read(&mut request), Poll::Ready(Err(ReadError::Reset(StreamCode::SHUTDOWN))));

    let (mut send, _recv) = open_bi(&client);
    write(&mut send, "a", false).unwrap();
    let (_answer, mut request) = accept_bi(&server);
    control.stall(Side::Client);
    write(&mut send, "bc", true).unwrap();
    request.stop(StreamCode::NO_ERROR);
    assert_eq!(now(|cx| send.poll_stopped(cx)), Poll::Ready(Ok(StreamCode::NO_ERROR)));
    ready(now(|cx| client.poll_flushed(cx)));
}

#[test]
fn dropping_a_finished_stream_on_a_stalled_link_does_not_reset_it() {
    let (client, server) = pair(small());
    let control = client.control();
    control.stall(Side::Client);
    let mut send = open_uni(&client);
    write(&mut send, "ab", true).unwrap();
    drop(send);
    control.resume(Side::Client);
    let mut recv = accept_uni(&server);
    assert_eq!(read(&mut recv), chunk("ab", true));
    drop(recv);
    assert_eq!(control.live_streams(), 0);
}

#[test]
fn a_close_on_a_stalled_link_discards_what_had_not_left_and_arrives_later() {
    let (client, server) = pair(small());
    let control = client.control();
    control.stall(Side::Client);
    let mut send = open_uni(&client);
    write(&mut send, "ab", true).unwrap();
    client.close(CloseCode::SHUTDOWN, "bye");
    assert_eq!(server.close_reason(), None);
    assert!(control.step(Side::Client));
    let cause = ConnectionError::PeerClosed { code: CloseCode::SHUTDOWN, reason: "bye".into() };
    assert_eq!(ready(now(|cx| server.poll_accept_uni(cx))).unwrap_err(), cause);
    drop(send);
    assert_eq!(control.live_streams(), 0);
}

#[test]
fn datagrams_under_way_are_bounded_by_the_senders_queue() {
    let limits = Limits { max_queued_datagrams: 2, ..Limits::default() };
    let (client, server) = pair(MemoryOptions::new(limits).stalled(Side::Client));
    client.send_datagram("a".into()).unwrap();
    client.send_datagram("b".into()).unwrap();
    assert_eq!(client.send_datagram("c".into()), Err(DatagramError::QueueFull));
    client.control().resume(Side::Client);
    client.send_datagram("d".into()).unwrap();
    for payload in ["a", "b"] {
        assert_eq!(now(|cx| server.poll_recv_datagram(cx)), Poll::Ready(Ok(payload.into())));
    }
}

#[test]
fn both_ends_may_go_in_any_order_while_the_link_stands_still() {
    for first in [Side::Client, Side::Server] {
        let (client, server) = pair(small().stalled(Side::Client).stalled(Side::Server));
        let control = client.control();
        let (mut ours, recv) = open_bi(&client);
        let mut theirs = open_uni(&server);
        write(&mut ours, "ab", true).unwrap();
        write(&mut theirs, "ab", false).unwrap();
        let (gone, left) = if first == Side::Client { (client, server) } else { (server, client) };
        gone.close(CloseCode::NO_ERROR, "");
        control.resume(first.peer());
        drop((ours, recv, theirs, left, gone));
        control.resume(first);
        assert_eq!(control.live_streams(), 0, "{first:?} first");
    }
}
