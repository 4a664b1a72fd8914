//! Time: handshake, pings, idleness, stalls and the wait at the end. No test sleeps.

use core::time::Duration;

use bytes::Bytes;
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::time::Time;
use ipfi_mux::connection::Transmit;
use ipfi_mux::frame::Frame;
use ipfi_mux::stream_id::Dir;

use crate::support::{Counter, Hostile, Pair, generous, timeless};

fn secs(secs: u64) -> Time {
    Time::ZERO + Duration::from_secs(secs)
}

#[test]
fn a_peer_that_never_sends_its_parameters_times_out_and_opens_nothing() {
    let mut peer = Hostile::unshaken(Limits::default());
    peer.receive();
    let (counter, waker) = Counter::new();
    assert!(peer.victim.poll_open(Dir::Bi, &mut None, &waker).is_pending());
    assert_eq!(peer.victim.poll_timeout(), Some(secs(10)));
    peer.victim.handle_timeout(secs(9));
    peer.expect_alive();
    peer.victim.handle_timeout(secs(10));
    peer.victim.take_wakes().fire();
    assert_eq!(counter.count(), 1);
    let cause = peer.victim.close_reason().unwrap();
    assert_eq!(cause.to_string(), "handshake timeout: the peer did not complete its handshake within 10s");
    assert!(peer.victim.is_finished());
}

#[test]
fn a_byte_now_and_then_does_not_stretch_the_handshake() {
    let mut peer = Hostile::unshaken(Limits::default());
    for (second, byte) in [0x40, 0x10, 0xff].into_iter().enumerate() {
        peer.now = secs(3 * second as u64);
        peer.send_bytes(&[byte]);
    }
    peer.victim.handle_timeout(secs(10));
    assert!(matches!(peer.victim.close_reason(), Some(ConnectionError::HandshakeTimeout { .. })));
}

#[test]
fn pings_keep_a_silent_connection_alive_and_their_numbers_increase() {
    let mut pair = Pair::connected(Limits::default());
    for _ in 0..100 {
        pair.advance(Duration::from_secs(60));
    }
    assert_eq!(pair.client.connection.close_reason(), None);
    assert_eq!(pair.server.connection.close_reason(), None);
    assert!(pair.server.connection.abuse_tokens() >= 998, "time earns back what the pings cost");
}

#[test]
fn a_peer_that_falls_silent_is_pinged_once_and_dead_after_the_idle_timeout_whatever_we_send() {
    let mut peer = Hostile::new(Limits::default());
    peer.receive();
    peer.now = secs(15);
    peer.victim.handle_timeout(peer.now);
    assert_eq!(peer.receive(), [Frame::Ping { sequence: 1 }]);
    peer.now = secs(17);
    peer.victim.handle_timeout(peer.now);
    assert_eq!(peer.receive(), [], "one ping is enough");
    peer.victim.handle_timeout(secs(19));
    peer.expect_alive();
    peer.victim.handle_timeout(secs(20));
    let cause = ConnectionError::IdleTimeout { after: Duration::from_secs(20) };
    assert_eq!(peer.victim.close_reason(), Some(&cause));
    // qmux-02 "Initiating a Connection Close": no frame is sent, our side is shut, and we wait a little.
    assert_eq!(peer.receive(), []);
    assert!(peer.victim.is_write_closed() && !peer.victim.is_finished());
    peer.victim.handle_timeout(secs(23));
    assert!(peer.victim.is_finished());
}

#[test]
fn the_negotiated_idle_timeout_is_the_smaller_and_pings_come_sooner_for_it() {
    let mut peer = Hostile::unshaken(Limits::default());
    let mut parameters = generous();
    parameters.max_idle_timeout_ms = 4000;
    peer.send(&[Frame::TransportParameters(parameters)]);
    peer.receive();
    assert_eq!(peer.victim.poll_timeout(), Some(secs(2)), "RFC 9000 section 10.1.2");
    peer.victim.handle_timeout(secs(2));
    peer.now = secs(2);
    assert_eq!(peer.receive(), [Frame::Ping { sequence: 1 }]);
    // qmux-02 "Idle Timeout": what was sent whole resets the negotiated timer.
    peer.victim.handle_timeout(secs(4));
    peer.expect_alive();
    assert_eq!(peer.victim.poll_timeout(), Some(secs(6)));
    peer.victim.handle_timeout(secs(6));
    let cause = ConnectionError::IdleTimeout { after: Duration::from_secs(4) };
    assert_eq!(peer.victim.close_reason(), Some(&cause));
}

#[test]
fn an_answered_ping_brings_no_deadline_nearer_than_the_one_that_the_driver_sleeps_until() {
    let mut limits = Limits::default();
    limits.ping_interval = Some(Duration::from_secs(1));
    let mut peer = Hostile::new(limits);
    peer.receive();
    for sequence in 1..10 {
        let told = peer.victim.poll_timeout().unwrap();
        peer.now = told;
        peer.victim.handle_timeout(told);
        assert_eq!(peer.receive(), [Frame::Ping { sequence }], "at {told:?}");
        let sleeps_until = peer.victim.poll_timeout().unwrap();
        peer.now = told + Duration::from_millis(10);
        peer.send(&[Frame::Pong { sequence }]);
        assert!(peer.victim.poll_timeout().unwrap() >= sleeps_until);
        // It wakes, and finds the deadline moved.
        peer.victim.handle_timeout(sleeps_until);
        assert_eq!(peer.receive(), []);
        assert_eq!(peer.victim.poll_timeout(), Some(peer.now + Duration::from_secs(1)));
    }
}

#[test]
fn without_timeouts_there_are_no_deadlines() {
    let peer = Hostile::new(timeless());
    assert_eq!(peer.victim.poll_timeout(), None);
}

#[test]
fn a_pipe_that_takes_nothing_is_a_write_stall_and_one_that_takes_a_little_is_not() {
    let mut peer = Hostile::against_client(timeless());
    peer.receive();
    let key = match peer.victim.poll_open(Dir::Bi, &mut None, core::task::Waker::noop()) {
        core::task::Poll::Ready(Ok((key, _))) => key,
        other => panic!("{other:?}"),
    };
    let mut data = Bytes::from(vec![0; 50_000]);
    assert!(peer.victim.poll_write(key, core::task::Waker::noop(), &mut data, true).is_ready());
    let mut out = bytes::BytesMut::new();
    assert!(matches!(peer.victim.poll_transmit(secs(100), &mut out, 1 << 16), Transmit::Appended(_)));
    for second in (100..200).step_by(9) {
        peer.victim.handle_write_progress(secs(second));
        peer.victim.handle_timeout(secs(second + 9));
        peer.expect_alive();
    }
    peer.victim.handle_timeout(secs(209));
    let cause = ConnectionError::WriteStall { after: Duration::from_secs(10) };
    assert_eq!(peer.victim.close_reason(), Some(&cause));
    assert!(peer.victim.is_finished());
}

#[test]
fn a_goodbye_that_nobody_takes_is_given_up_after_the_drain_timeout() {
    let mut peer = Hostile::new(timeless());
    peer.now = secs(50);
    peer.victim.close(CloseCode::NO_ERROR, "bye");
    assert!(peer.victim.poll_timeout().is_some_and(|at| at <= secs(50)), "the clock is to be started");
    peer.victim.handle_timeout(secs(50));
    assert_eq!(peer.victim.poll_timeout(), Some(secs(53)));
    peer.victim.handle_timeout(secs(53));
    assert!(peer.victim.is_finished());
    assert_eq!(peer.receive(), []);
}

#[test]
fn after_the_goodbye_the_connection_waits_for_the_peer_to_shut_its_side() {
    let mut peer = Hostile::new(timeless());
    peer.victim.close(CloseCode::SHUTDOWN, "bye");
    assert!(!peer.victim.is_write_closed(), "the goodbye has not left");
    let said = peer.receive();
    assert!(matches!(said[..], [Frame::ConnectionClose(_)]), "{said:?}");
    assert!(peer.victim.is_write_closed() && !peer.victim.is_finished());
    peer.send_bytes(b"whatever comes is discarded");
    peer.victim.handle_end_of_input(peer.now);
    assert!(peer.victim.is_finished());
    assert!(peer.victim.close_reason().is_some_and(ConnectionError::is_orderly));
}

#[test]
fn a_goodbye_before_the_handshake_follows_our_parameters() {
    let mut peer = Hostile::unshaken(timeless());
    peer.victim.close(CloseCode::VERSION, "no");
    let said = peer.receive();
    assert!(matches!(said[..], [Frame::TransportParameters(_), Frame::ConnectionClose(_)]), "{said:?}");
}
