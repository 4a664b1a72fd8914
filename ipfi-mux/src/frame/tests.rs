// A test that cannot decode its own frames has failed: unwrapping says so.
#![allow(clippy::unwrap_used)]

use ipfi_core::close_code::CloseCode;

use super::*;

fn bytes(frame: &Frame) -> Bytes {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    out.freeze()
}

fn violation(record: &'static [u8]) -> Violation {
    Frame::decode(&mut Bytes::from_static(record)).unwrap_err()
}

/// A frame of each kind, with every field there.
fn one_of_each() -> Vec<Frame> {
    let id = StreamId::from_u64(400);
    let reason = Bytes::from_static(b"reason");
    let parameters =
        TransportParameters { initial_max_data: 70_000, max_record_size: 65_536, ..Default::default() };
    vec![
        Frame::ResetStream { id, code: 2, final_size: 70_000 },
        Frame::StopSending { id, code: 300 },
        Frame::Stream { id, offset: 70_000, payload: Bytes::from_static(b"hello"), fin: true },
        Frame::MaxData { max: 70_000 },
        Frame::MaxStreamData { id, max: 70_000 },
        Frame::MaxStreams { dir: Dir::Bi, max: 256 },
        Frame::MaxStreams { dir: Dir::Uni, max: 256 },
        Frame::DataBlocked { limit: 70_000 },
        Frame::StreamDataBlocked { id, limit: 70_000 },
        Frame::StreamsBlocked { dir: Dir::Bi, limit: 256 },
        Frame::StreamsBlocked { dir: Dir::Uni, limit: 256 },
        Frame::ConnectionClose(ConnectionClose::Transport {
            code: TransportCode::FRAME_ENCODING_ERROR,
            frame_type: ping::PING,
            reason: reason.clone(),
        }),
        Frame::ConnectionClose(ConnectionClose::Application { code: CloseCode::SHUTDOWN, reason }),
        Frame::Datagram { payload: Bytes::from_static(b"tick") },
        Frame::TransportParameters(parameters),
        Frame::Ping { sequence: 300 },
        Frame::Pong { sequence: 300 },
    ]
}

/// RFC 9000 section 12.4 and QMux section 3.2: frames with all their lengths have no valid prefix.
#[test]
fn every_prefix_of_every_frame_is_a_frame_encoding_error() {
    for frame in one_of_each() {
        let whole = bytes(&frame);
        for cut in 0..whole.len() {
            let violation = Frame::decode(&mut whole.slice(..cut)).unwrap_err();
            assert_eq!(
                violation.code,
                TransportCode::FRAME_ENCODING_ERROR,
                "{frame:?} cut at {cut}: {violation}"
            );
        }
        assert_eq!(Frame::decode(&mut whole.clone()).unwrap(), frame);
    }
}

#[test]
fn a_frame_is_taken_off_exactly_and_the_next_one_is_left() {
    for frame in one_of_each() {
        let mut record = BytesMut::new();
        frame.encode(&mut record);
        Frame::MaxData { max: 5 }.encode(&mut record);
        let mut record = record.freeze();
        assert_eq!(Frame::decode(&mut record).unwrap(), frame);
        assert_eq!(record, [0x10, 5][..]);
    }
}

#[test]
fn payloads_are_slices_of_the_record() {
    let record = Bytes::from_static(b"\x0a\x04\x05hello\x31\x04tick\x0d\x04\x05to the end");
    let mut rest = record.clone();
    for (place, text) in [(3, &b"hello"[..]), (10, b"tick"), (17, b"to the end")] {
        let (Frame::Stream { payload, .. } | Frame::Datagram { payload }) = Frame::decode(&mut rest).unwrap()
        else {
            unreachable!()
        };
        assert_eq!(payload, text);
        assert_eq!(payload.as_ptr(), record[place..].as_ptr());
    }
    assert!(rest.is_empty());
}

/// RFC 9000 section 19.8: each bit alone and together, with the data to the record's end or not.
#[test]
fn all_eight_stream_types_are_written_and_read() {
    for (offset, fin, with_len) in [0, 300]
        .into_iter()
        .flat_map(|o| [false, true].map(|f| (o, f)))
        .flat_map(|(o, f)| [false, true].map(|l| (o, f, l)))
    {
        let id = StreamId::from_u64(4);
        let mut out = BytesMut::new();
        stream::put_header(&mut out, id, offset, with_len.then_some(5), fin);
        let expected = 0x08 | u8::from(offset != 0) << 2 | u8::from(with_len) << 1 | u8::from(fin);
        assert_eq!(out[0], expected);
        if with_len {
            assert_eq!(out.len(), stream::header_len(id, offset, 5));
        }
        out.extend_from_slice(b"hello");
        let payload = Bytes::from_static(b"hello");
        assert_eq!(Frame::decode(&mut out.freeze()).unwrap(), Frame::Stream { id, offset, payload, fin });
    }
}

#[test]
fn the_header_length_of_a_datagram_is_what_is_written() {
    for len in [None, Some(0), Some(63), Some(64), Some(16_384)] {
        let mut out = BytesMut::new();
        datagram::put_header(&mut out, len);
        assert_eq!(out.len(), datagram::header_len(len));
    }
}

/// RFC 9000 section 19.1: each zero byte is a frame; a run is handed on as one.
#[test]
fn a_run_of_padding_is_one_frame() {
    let mut record = Bytes::from_static(&[0, 0, 0, 0x10, 5, 0]);
    assert_eq!(Frame::decode(&mut record).unwrap(), Frame::Padding { bytes: 3 });
    assert_eq!(Frame::decode(&mut record).unwrap(), Frame::MaxData { max: 5 });
    assert_eq!(Frame::decode(&mut record).unwrap(), Frame::Padding { bytes: 1 });
    assert_eq!(bytes(&Frame::Padding { bytes: 3 }), [0, 0, 0][..]);
}

/// RFC 9000 section 12.4.
#[test]
fn a_frame_type_in_more_bytes_than_it_needs_is_a_protocol_violation() {
    for record in
        [&[0x40, 0x00][..], &[0x40, 0x10, 5], &[0x80, 0, 0, 0x10, 5], &[0xc0, 0, 0, 0, 0, 0, 0, 0x10, 5]]
    {
        let violation = violation(record);
        assert_eq!(violation.code, TransportCode::PROTOCOL_VIOLATION);
        assert!(violation.what.contains("longer than needed"), "{violation}");
    }
}

/// QMux section 4, the full list of prohibited frames.
#[test]
fn every_prohibited_frame_is_refused_by_name() {
    for (kind, name) in [
        (0x01, "PING"),
        (0x02, "ACK"),
        (0x03, "ACK"),
        (0x06, "CRYPTO"),
        (0x07, "NEW_TOKEN"),
        (0x18, "NEW_CONNECTION_ID"),
        (0x19, "RETIRE_CONNECTION_ID"),
        (0x1a, "PATH_CHALLENGE"),
        (0x1b, "PATH_RESPONSE"),
        (0x1e, "HANDSHAKE_DONE"),
    ] {
        let violation = Frame::decode(&mut Bytes::from(vec![kind; 64])).unwrap_err();
        assert_eq!(violation.code, TransportCode::FRAME_ENCODING_ERROR);
        assert_eq!(violation.what, format!("prohibited frame {name} (type {kind:#x})"));
    }
}

/// RFC 9000 section 12.4. RESET_STREAM_AT (0x24) is an extension that is not negotiated here.
#[test]
fn every_other_type_of_one_byte_is_unknown_or_known_and_nothing_between() {
    let known: Vec<u64> =
        [0x00, 0x04, 0x05].into_iter().chain(0x08..=0x17).chain([0x1c, 0x1d, 0x30, 0x31]).collect();
    let prohibited = [0x01, 0x02, 0x03, 0x06, 0x07, 0x18, 0x19, 0x1a, 0x1b, 0x1e];
    for kind in 0..64u8 {
        let outcome = Frame::decode(&mut Bytes::from([&[kind][..], &[0; 63]].concat()));
        match outcome {
            Ok(_) => assert!(known.contains(&u64::from(kind)), "{kind:#x}"),
            Err(violation) => {
                assert_eq!(violation.code, TransportCode::FRAME_ENCODING_ERROR);
                let unknown = violation.what == format!("unknown frame type {kind:#x}");
                assert_eq!(unknown, !prohibited.contains(&kind), "{violation}");
                assert!(!known.contains(&u64::from(kind)), "{violation}");
            }
        }
    }
    assert_eq!(violation(&[0xff; 8]).what, "unknown frame type 0x3fffffffffffffff");
    assert_eq!(violation(&[0x40, 0x40]).what, "unknown frame type 0x40");
}

/// RFC 9000 sections 19.11 and 19.14.
#[test]
fn more_than_2_to_the_60_streams_are_refused_and_2_to_the_60_are_not() {
    for kind in [0x12, 0x13, 0x16, 0x17] {
        let mut record = vec![kind];
        varint::put(&mut record, 1 << 60);
        assert!(Frame::decode(&mut Bytes::from(record)).is_ok());
        let mut record = vec![kind];
        varint::put(&mut record, (1 << 60) + 1);
        let violation = Frame::decode(&mut Bytes::from(record)).unwrap_err();
        assert_eq!(violation.code, TransportCode::FRAME_ENCODING_ERROR);
        assert!(violation.what.contains("1152921504606846977"), "{violation}");
    }
}

/// RFC 9000 section 19.8.
#[test]
fn a_stream_ends_at_2_to_the_62_minus_1() {
    let stream = |offset, payload: &'static [u8]| Frame::Stream {
        id: StreamId::from_u64(0),
        offset,
        payload: Bytes::from_static(payload),
        fin: true,
    };
    for fits in [stream(varint::MAX, b""), stream(varint::MAX - 1, b"a")] {
        assert_eq!(Frame::decode(&mut bytes(&fits)).unwrap(), fits);
    }
    let violation = Frame::decode(&mut bytes(&stream(varint::MAX, b"a"))).unwrap_err();
    assert_eq!(violation.code, TransportCode::FRAME_ENCODING_ERROR);
    assert!(violation.what.contains("reach past 2^62 - 1"), "{violation}");
}

#[test]
fn a_truncated_frame_names_itself_and_the_field() {
    assert_eq!(violation(&[0x40]).what, "the record ends inside a frame type");
    assert_eq!(violation(&[0x04, 0x04, 0x01]).what, "RESET_STREAM: the record ends inside Final Size");
    assert_eq!(
        violation(b"\x0a\x04\x05hel").what,
        "STREAM: Stream Data of 5 bytes, 3 are left in the record"
    );
}

/// RFC 9000 section 20.1: what is wrong inside the parameters has a code of its own.
#[test]
fn wrong_parameters_keep_their_own_code() {
    let violation = violation(b"\xffQS0\r\n\r\n\x03\x04\x05\x01");
    assert_eq!(violation.code, TransportCode::TRANSPORT_PARAMETER_ERROR);
}

#[test]
fn a_violation_reads_as_what_happened_and_the_code() {
    assert_eq!(violation(&[0x01]).to_string(), "prohibited frame PING (type 0x1) (FRAME_ENCODING_ERROR)");
}
