//! What a peer MUST NOT do, rule by rule, and what it is told when it does.

use bytes::Bytes;
use ipfi_core::close_code::{CloseCode, TransportCode};
use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_mux::frame::{ConnectionClose, Frame};
use ipfi_mux::params::TransportParameters;
use ipfi_mux::stream_id::{Dir, StreamId};
use ipfi_mux::{Config, ConfigError, Connection};

use crate::support::{Hostile, bi, data, generous, last, reset, stop, timeless, uni};

#[test]
fn the_first_frame_sent_is_the_transport_parameters_and_nothing_else_before_the_peers() {
    // Clause 12.2.
    // qmux-02 "QX_TRANSPORT_PARAMETERS Frames".
    let mut peer = Hostile::unshaken(timeless());
    let said = peer.receive();
    assert!(matches!(said[..], [Frame::TransportParameters(_)]), "{said:?}");
}

#[test]
fn parameters_carry_the_limits() {
    let mut peer = Hostile::unshaken(Limits::default());
    let Some(Frame::TransportParameters(parameters)) = peer.receive().pop() else { panic!() };
    assert_eq!(
        parameters,
        TransportParameters {
            max_idle_timeout_ms: 20_000,
            initial_max_data: 24 << 20,
            initial_max_stream_data_bidi_local: 64 << 10,
            initial_max_stream_data_bidi_remote: 64 << 10,
            initial_max_stream_data_uni: 16 << 10,
            initial_max_streams_bidi: 256,
            initial_max_streams_uni: 64,
            max_datagram_frame_size: 16_382,
            max_record_size: 64 << 10,
        }
    );
}

#[test]
fn a_first_frame_that_is_not_the_parameters_is_a_protocol_violation() {
    let mut peer = Hostile::unshaken(timeless());
    peer.send(&[Frame::MaxData { max: 9 }]);
    peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "QX_TRANSPORT_PARAMETERS");
}

#[test]
fn parameters_sent_again_are_a_protocol_violation() {
    let mut peer = Hostile::new(timeless());
    peer.send(&[Frame::TransportParameters(generous())]);
    peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "other than as the first");
}

#[test]
fn text_before_the_handshake_is_quoted() {
    let mut peer = Hostile::unshaken(timeless());
    peer.send_bytes(b"Loading config\n");
    assert_eq!(
        peer.victim.close_reason().map(ToString::to_string).unwrap(),
        "the peer printed text before the handshake: \"Loading config \""
    );
}

#[test]
fn bytes_that_do_not_follow_the_last_are_a_protocol_violation() {
    // qmux-02 "Ordering of STREAM Frames".
    for offset in [2, 4] {
        let mut peer = Hostile::new(timeless());
        peer.send(&[data(bi(0), 0, b"abc"), data(bi(0), offset, b"d")]);
        peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "follow 3");
    }
}

#[test]
fn bytes_beyond_the_streams_credit_are_a_flow_control_error_rfc_9000_section_4_1() {
    let mut limits = timeless();
    limits.stream_window_bytes = 4;
    let mut peer = Hostile::new(limits.clone());
    peer.send(&[data(bi(0), 0, b"1234")]).expect_alive();
    peer.send(&[data(bi(0), 4, b"5")]);
    peer.expect_violation(TransportCode::FLOW_CONTROL_ERROR, "limit 4");

    let mut peer = Hostile::new(limits);
    peer.send(&[reset(bi(0), 5)]);
    peer.expect_violation(TransportCode::FLOW_CONTROL_ERROR, "limit 4");
}

#[test]
fn a_stream_beyond_the_limit_is_a_stream_limit_error_rfc_9000_section_4_6() {
    for (id, frame) in [(bi(256), data(bi(256), 0, b"")), (uni(64), reset(uni(64), 0))] {
        let mut peer = Hostile::new(timeless());
        peer.send(&[frame]);
        peer.expect_violation(TransportCode::STREAM_LIMIT_ERROR, &format!("stream {id}"));
    }
    let mut peer = Hostile::new(timeless());
    peer.send(&[data(bi(255), 0, b"")]).expect_alive();
    assert_eq!(peer.victim.peer_streams(Dir::Bi), 256, "lower ones are opened too, RFC 9000 section 3.2");
}

#[test]
fn frames_in_the_wrong_direction_are_a_stream_state_error() {
    // RFC 9000 sections 19.4, 19.5, 19.8, 19.10, 19.13. Stream 3 is the server's own, one-way.
    let ours = StreamId::new(Side::Server, Dir::Uni, 0);
    let frames = [
        data(ours, 0, b"x"),
        reset(ours, 0),
        Frame::StreamDataBlocked { id: ours, limit: 0 },
        stop(uni(0)),
        Frame::MaxStreamData { id: uni(0), max: 9 },
    ];
    for frame in frames {
        let mut peer = Hostile::new(timeless());
        peer.send(&[frame]);
        peer.expect_violation(TransportCode::STREAM_STATE_ERROR, "cannot send on it");
    }
}

#[test]
fn frames_for_a_stream_that_this_side_never_opened_are_a_stream_state_error() {
    let ours = StreamId::new(Side::Server, Dir::Bi, 0);
    let frames = [
        data(ours, 0, b"x"),
        reset(ours, 0),
        stop(ours),
        Frame::MaxStreamData { id: ours, max: 9 },
        Frame::StreamDataBlocked { id: ours, limit: 0 },
    ];
    for frame in frames {
        let mut peer = Hostile::new(timeless());
        peer.send(&[frame]);
        peer.expect_violation(TransportCode::STREAM_STATE_ERROR, "has not opened it");
    }
}

#[test]
fn a_final_size_that_changes_or_is_overrun_is_a_final_size_error_rfc_9000_section_4_5() {
    let scripts: [&[Frame]; 6] = [
        &[last(bi(0), 0, b"abc"), data(bi(0), 3, b"d")],
        &[last(bi(0), 0, b"abc"), last(bi(0), 3, b"d")],
        &[last(bi(0), 0, b"abc"), last(bi(0), 0, b"ab")],
        &[last(bi(0), 0, b"abc"), reset(bi(0), 4)],
        &[data(bi(0), 0, b"abc"), reset(bi(0), 2)],
        &[reset(bi(0), 3), reset(bi(0), 4)],
    ];
    for script in scripts {
        let mut peer = Hostile::new(timeless());
        peer.send(script);
        peer.expect_violation(TransportCode::FINAL_SIZE_ERROR, "final size");
    }
}

#[test]
fn an_end_said_twice_with_the_same_size_is_no_fault() {
    let mut peer = Hostile::new(timeless());
    peer.send(&[last(bi(0), 0, b"abc"), last(bi(0), 3, b""), reset(bi(0), 3)]).expect_alive();
}

#[test]
fn ping_numbers_must_increase_and_the_largest_is_answered_once() {
    // qmux-02 "QX_PING Frames".
    let mut peer = Hostile::new(timeless());
    peer.send(&[Frame::Ping { sequence: 0 }, Frame::Ping { sequence: 5 }]);
    assert_eq!(peer.receive(), [Frame::Pong { sequence: 5 }]);
    peer.send(&[Frame::Ping { sequence: 5 }]);
    peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "does not increase");
}

#[test]
fn a_pong_that_answers_no_ping_is_a_protocol_violation() {
    let mut peer = Hostile::new(timeless());
    peer.send(&[Frame::Pong { sequence: 1 }]);
    peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "pong 1");
}

#[test]
fn a_datagram_larger_than_offered_is_a_protocol_violation_rfc_9221_section_3() {
    let mut limits = timeless();
    limits.max_datagram_frame_bytes = 10;
    let mut peer = Hostile::new(limits.clone());
    peer.send(&[Frame::Datagram { payload: Bytes::from_static(b"12345678") }]).expect_alive();
    peer.send(&[Frame::Datagram { payload: Bytes::from_static(b"123456789") }]);
    peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "max_datagram_frame_bytes = 10");
    limits.max_datagram_frame_bytes = 0;
    let mut peer = Hostile::new(limits);
    peer.send(&[Frame::Datagram { payload: Bytes::new() }]);
    peer.expect_violation(TransportCode::PROTOCOL_VIOLATION, "datagram");
}

#[test]
fn a_record_larger_than_offered_is_refused_by_its_size_alone() {
    // qmux-02 "max_record_size".
    let mut peer = Hostile::new(timeless());
    peer.send_bytes(&[0x80, 1, 0, 1]);
    peer.expect_violation(TransportCode::FRAME_ENCODING_ERROR, "max_record_size");
}

#[test]
fn after_the_peers_close_nothing_is_said_and_nothing_is_heard() {
    // qmux-02 "Responding to a Connection Close".
    let mut peer = Hostile::new(timeless());
    let reason = Bytes::from(vec![b'x'; 1000]);
    let close = ConnectionClose::Application { code: CloseCode(77), reason };
    peer.send(&[data(bi(0), 0, b"x"), Frame::ConnectionClose(close), Frame::Padding { bytes: 1 }]);
    match peer.victim.close_reason() {
        Some(ConnectionError::PeerClosed { code: CloseCode(77), reason }) => assert_eq!(reason.len(), 256),
        other => panic!("{other:?}"),
    }
    assert_eq!(peer.receive(), []);
    assert!(peer.victim.is_finished());
}

#[test]
fn a_reason_that_is_no_utf_8_is_made_so() {
    let mut peer = Hostile::new(timeless());
    let reason = Bytes::from_static(b"\xff\xfe ok");
    let (code, frame_type) = (TransportCode::INTERNAL_ERROR, 0);
    peer.send(&[Frame::ConnectionClose(ConnectionClose::Transport { code, frame_type, reason })]);
    match peer.victim.close_reason() {
        Some(ConnectionError::PeerTransport { reason, .. }) => assert_eq!(&**reason, "\u{fffd}\u{fffd} ok"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_end_of_the_pipe_without_a_close_says_where_it_happened() {
    let ended = |mut peer: Hostile| {
        peer.victim.handle_end_of_input(peer.now);
        assert!(peer.victim.is_finished() && peer.victim.is_write_closed());
        peer.victim.close_reason().map(ToString::to_string).unwrap()
    };
    assert!(ended(Hostile::unshaken(timeless())).contains("during the handshake"));
    assert!(ended(Hostile::new(timeless())).contains("without saying goodbye"));
    let mut peer = Hostile::new(timeless());
    peer.send_bytes(&[0x05, 0x00]);
    assert!(ended(peer).contains("in the middle of a record"));
}

#[test]
fn limits_that_would_let_unread_streams_freeze_the_wire_are_refused_by_name() {
    let refuse = |change: fn(&mut Limits)| {
        let mut config = Config::new(Side::Client);
        change(&mut config.limits);
        Connection::new(config, ipfi_core::time::Time::ZERO).unwrap_err()
    };
    let error = refuse(|limits| limits.window_pool_bytes = (1 << 20) - 1);
    assert_eq!(error, ConfigError::WindowSum { notifications: 64, window: 16 << 10, pool: (1 << 20) - 1 });
    let text = error.to_string();
    for part in
        ["max_inbound_notifications = 64", "notification_window_bytes = 16384", "window_pool_bytes = 1048575"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(
        refuse(|limits| limits.max_stream_window_bytes = 1000).to_string(),
        "max_stream_window_bytes = 1000 is below stream_window_bytes = 65536 (no window may grow to less \
         than it starts with)"
    );
    assert!(
        refuse(|limits| limits.max_record_bytes = 16_381).to_string().contains("max_record_bytes = 16381")
    );
    assert!(refuse(|limits| limits.stream_window_bytes = 0).to_string().contains("stream_window_bytes = 0"));
    let error = refuse(|limits| {
        limits.max_inbound_calls = u32::MAX;
        limits.stream_window_bytes = u32::MAX;
        limits.max_stream_window_bytes = u32::MAX;
    });
    let text = error.to_string();
    for part in ["max_inbound_calls = 4294967295", "stream_window_bytes = 4294967295"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // Clause 13.5: whoever cancels all that it has open must keep the connection.
    assert_eq!(
        refuse(|limits| limits.max_inbound_calls = 500).to_string(),
        "abuse_budget = 1000 is too small: at least 1129, since max_inbound_calls = 500 + \
         max_inbound_notifications = 64 of them, cancelled at once, hold 2 tokens each"
    );
    let mut config = Config::new(Side::Client);
    (config.limits.max_inbound_calls, config.limits.abuse_budget) = (500, 1129);
    assert!(Connection::new(config, ipfi_core::time::Time::ZERO).is_ok());
    let mut config = Config::new(Side::Client);
    config.limits.window_pool_bytes = 0;
    assert!(Connection::new(config, ipfi_core::time::Time::ZERO).is_ok(), "0 keeps windows fixed");
}
