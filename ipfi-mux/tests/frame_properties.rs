//! What holds of frames whatever the bytes: nothing panics, what is decoded can be encoded and
//! decoded again, and every error has a code that the documents allow.

// A test that cannot decode its own frames has failed: unwrapping says so.
#![allow(clippy::unwrap_used)]

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::{CloseCode, TransportCode};
use ipfi_core::varint;
use ipfi_mux::frame::{ConnectionClose, Frame};
use ipfi_mux::params::{MIN_MAX_RECORD_SIZE, TransportParameters};
use ipfi_mux::stream_id::{Dir, StreamId};
use proptest::prelude::*;

/// Numbers of every length of a varint, the boundaries often.
fn number() -> impl Strategy<Value = u64> {
    let boundaries = vec![0, 1, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, varint::MAX];
    prop_oneof![prop::sample::select(boundaries), 0..=63u64, 0..=16_383u64, 0..=varint::MAX]
}

fn id() -> impl Strategy<Value = StreamId> {
    number().prop_map(StreamId::from_u64)
}

fn dir() -> impl Strategy<Value = Dir> {
    prop_oneof![Just(Dir::Bi), Just(Dir::Uni)]
}

fn streams() -> impl Strategy<Value = u64> {
    number().prop_map(|streams| streams.min(1 << 60))
}

fn payload() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from)
}

fn parameters() -> impl Strategy<Value = TransportParameters> {
    (prop::array::uniform6(number()), streams(), streams(), number()).prop_map(|(n, bidi, uni, record)| {
        TransportParameters {
            max_idle_timeout_ms: n[0],
            initial_max_data: n[1],
            initial_max_stream_data_bidi_local: n[2],
            initial_max_stream_data_bidi_remote: n[3],
            initial_max_stream_data_uni: n[4],
            initial_max_streams_bidi: bidi,
            initial_max_streams_uni: uni,
            max_datagram_frame_size: n[5],
            max_record_size: record.max(MIN_MAX_RECORD_SIZE),
        }
    })
}

fn close() -> impl Strategy<Value = ConnectionClose> {
    prop_oneof![
        (number(), number(), payload()).prop_map(|(code, frame_type, reason)| ConnectionClose::Transport {
            code: TransportCode(code),
            frame_type,
            reason
        }),
        (number(), payload())
            .prop_map(|(code, reason)| ConnectionClose::Application { code: CloseCode(code), reason }),
    ]
}

/// Any frame but PADDING, whose runs join.
fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        (id(), number(), number()).prop_map(|(id, code, final_size)| Frame::ResetStream {
            id,
            code,
            final_size
        }),
        (id(), number()).prop_map(|(id, code)| Frame::StopSending { id, code }),
        (id(), number(), payload(), any::<bool>()).prop_map(|(id, offset, payload, fin)| Frame::Stream {
            id,
            offset: offset.min(varint::MAX - payload.len() as u64),
            payload,
            fin
        }),
        number().prop_map(|max| Frame::MaxData { max }),
        (id(), number()).prop_map(|(id, max)| Frame::MaxStreamData { id, max }),
        (dir(), streams()).prop_map(|(dir, max)| Frame::MaxStreams { dir, max }),
        number().prop_map(|limit| Frame::DataBlocked { limit }),
        (id(), number()).prop_map(|(id, limit)| Frame::StreamDataBlocked { id, limit }),
        (dir(), streams()).prop_map(|(dir, limit)| Frame::StreamsBlocked { dir, limit }),
        close().prop_map(Frame::ConnectionClose),
        payload().prop_map(|payload| Frame::Datagram { payload }),
        parameters().prop_map(Frame::TransportParameters),
        number().prop_map(|sequence| Frame::Ping { sequence }),
        number().prop_map(|sequence| Frame::Pong { sequence }),
    ]
}

fn record(frames: &[Frame]) -> Bytes {
    let mut out = BytesMut::new();
    for frame in frames {
        frame.encode(&mut out);
    }
    out.freeze()
}

/// Decodes a whole record. Each frame must take bytes, and survive being encoded and decoded.
fn decode(mut record: Bytes) -> Result<Vec<Frame>, TransportCode> {
    let mut frames = Vec::new();
    while !record.is_empty() {
        let before = record.len();
        let frame = Frame::decode(&mut record).map_err(|violation| {
            let allowed = [
                TransportCode::FRAME_ENCODING_ERROR,
                TransportCode::PROTOCOL_VIOLATION,
                TransportCode::TRANSPORT_PARAMETER_ERROR,
            ];
            assert!(allowed.contains(&violation.code), "{violation}");
            violation.code
        })?;
        assert!(record.len() < before, "{frame:?} took no bytes");
        assert_eq!(Frame::decode(&mut self::record(std::slice::from_ref(&frame))).as_ref(), Ok(&frame));
        frames.push(frame);
    }
    Ok(frames)
}

proptest! {
    #[test]
    fn frames_survive_in_order(frames in prop::collection::vec(frame(), 1..6)) {
        prop_assert_eq!(decode(record(&frames)), Ok(frames));
    }

    #[test]
    fn a_record_cut_inside_a_frame_is_a_frame_encoding_error(
        frames in prop::collection::vec(frame(), 1..4),
        cut: prop::sample::Index,
    ) {
        let whole = record(&frames);
        let cut = cut.index(whole.len());
        match decode(whole.slice(..cut)) {
            // The cut fell between two frames.
            Ok(fewer) => prop_assert_eq!(record(&fewer), whole.slice(..cut)),
            Err(code) => prop_assert_eq!(code, TransportCode::FRAME_ENCODING_ERROR),
        }
    }

    #[test]
    fn a_changed_byte_never_panics(
        frames in prop::collection::vec(frame(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = record(&frames).to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = decode(Bytes::from(bytes));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = decode(Bytes::from(bytes));
    }

    /// Most random bytes stop at their type; these get past it.
    #[test]
    fn a_known_type_before_random_bytes_never_panics(
        frame in frame(),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let whole = record(&[frame]);
        let (_, type_len) = varint::get(&whole).unwrap();
        let _ = decode(Bytes::from([&whole[..type_len], &bytes].concat()));
    }
}
