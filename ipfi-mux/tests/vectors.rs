//! The golden bytes of `docs/vectors/qmux_frames.json`, which other languages' tests read too:
//! every accepted one decodes to its value and encodes back, every rejected one gives its error.

// A vector that does not have the shape it should is a failure: unwrapping says where.
#![allow(clippy::unwrap_used)]

use bytes::{Bytes, BytesMut};
use ipfi_core::close_code::{CloseCode, TransportCode};
use ipfi_mux::frame::{ConnectionClose, Frame};
use ipfi_mux::params::TransportParameters;
use ipfi_mux::record::{RecordError, RecordFraming, RecordReader};
use ipfi_mux::stream_id::{Dir, StreamId};
use serde_json::Value;

/// A first record, before which a reader takes no other.
const FIRST: &[u8] = b"\x09\xffQS0\r\n\r\n\x00";

/// The vectors whose hex is what `of` says.
fn vectors(of: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/qmux_frames.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| unreachable!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    let all = file["vectors"].as_array().unwrap();
    let known = ["frame", "record", "connection"];
    assert!(
        all.iter().all(|vector| known.contains(&text_of(&vector["of"]))),
        "a kind of vector nobody reads"
    );
    let found: Vec<_> = all.iter().filter(|vector| vector["of"] == of).cloned().collect();
    assert!(!found.is_empty(), "no vector is of {of}");
    found
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn hex(value: &Value) -> Bytes {
    let text = text_of(value);
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A number, as text where JavaScript's numbers cannot hold it.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| text_of(value).parse().unwrap())
}

fn parameters(value: &Value) -> TransportParameters {
    let get = |name: &str| number(&value[name]);
    TransportParameters {
        max_idle_timeout_ms: get("max_idle_timeout"),
        initial_max_data: get("initial_max_data"),
        initial_max_stream_data_bidi_local: get("initial_max_stream_data_bidi_local"),
        initial_max_stream_data_bidi_remote: get("initial_max_stream_data_bidi_remote"),
        initial_max_stream_data_uni: get("initial_max_stream_data_uni"),
        initial_max_streams_bidi: get("initial_max_streams_bidi"),
        initial_max_streams_uni: get("initial_max_streams_uni"),
        max_datagram_frame_size: get("max_datagram_frame_size"),
        max_record_size: get("max_record_size"),
    }
}

fn frame(value: &Value) -> Frame {
    let get = |name: &str| number(&value[name]);
    let id = || StreamId::from_u64(get("stream_id"));
    let dir = || if value["bidirectional"].as_bool().unwrap() { Dir::Bi } else { Dir::Uni };
    match text_of(&value["type"]) {
        "PADDING" => Frame::Padding { bytes: 1 },
        "RESET_STREAM" => Frame::ResetStream { id: id(), code: get("code"), final_size: get("final_size") },
        "STOP_SENDING" => Frame::StopSending { id: id(), code: get("code") },
        "STREAM" => Frame::Stream {
            id: id(),
            offset: get("offset"),
            payload: hex(&value["data"]),
            fin: value["fin"].as_bool().unwrap(),
        },
        "MAX_DATA" => Frame::MaxData { max: get("maximum") },
        "MAX_STREAM_DATA" => Frame::MaxStreamData { id: id(), max: get("maximum") },
        "MAX_STREAMS" => Frame::MaxStreams { dir: dir(), max: get("maximum") },
        "DATA_BLOCKED" => Frame::DataBlocked { limit: get("limit") },
        "STREAM_DATA_BLOCKED" => Frame::StreamDataBlocked { id: id(), limit: get("limit") },
        "STREAMS_BLOCKED" => Frame::StreamsBlocked { dir: dir(), limit: get("limit") },
        "CONNECTION_CLOSE" if value["layer"] == "transport" => {
            Frame::ConnectionClose(ConnectionClose::Transport {
                code: TransportCode(get("code")),
                frame_type: get("frame_type"),
                reason: hex(&value["reason"]),
            })
        }
        "CONNECTION_CLOSE" => Frame::ConnectionClose(ConnectionClose::Application {
            code: CloseCode(get("code")),
            reason: hex(&value["reason"]),
        }),
        "DATAGRAM" => Frame::Datagram { payload: hex(&value["data"]) },
        "QX_PING" if value["response"].as_bool().unwrap() => Frame::Pong { sequence: get("sequence") },
        "QX_PING" => Frame::Ping { sequence: get("sequence") },
        "QX_TRANSPORT_PARAMETERS" => Frame::TransportParameters(parameters(&value["parameters"])),
        other => unreachable!("no frame is called {other}"),
    }
}

/// All frames of a record, a run of PADDING one by one as the vectors list them.
fn decode(mut record: Bytes) -> Result<Vec<Frame>, TransportCode> {
    let mut frames = Vec::new();
    while !record.is_empty() {
        match Frame::decode(&mut record).map_err(|violation| violation.code)? {
            Frame::Padding { bytes } => frames.extend(vec![Frame::Padding { bytes: 1 }; bytes]),
            frame => frames.push(frame),
        }
    }
    Ok(frames)
}

/// The frames of each record of `bytes`.
fn read(reader: &mut RecordReader, mut bytes: BytesMut) -> Result<Vec<Vec<Frame>>, TransportCode> {
    let mut records = Vec::new();
    loop {
        match reader.next(&mut bytes) {
            Ok(Some(record)) => records.push(decode(record)?),
            Ok(None) => {
                assert!(bytes.is_empty(), "a part of a record is left");
                return Ok(records);
            }
            Err(RecordError::Violation(violation)) => return Err(violation.code),
            Err(foreign) => unreachable!("{foreign}"),
        }
    }
}

fn encode(frames: &[Frame]) -> Bytes {
    let mut out = BytesMut::new();
    for frame in frames {
        frame.encode(&mut out);
    }
    out.freeze()
}

/// A rejected vector gives its `error`, or `or_error` where the documents leave a choice of codes; an
/// accepted one its value, or `may_reject` where they leave it to the receiver.
fn check(vector: &Value, outcome: Result<Vec<Frame>, TransportCode>, encoded: &[u8]) {
    let name = text_of(&vector["name"]);
    match outcome {
        Err(code) => {
            let allowed = [&vector["error"], &vector["or_error"], &vector["may_reject"]];
            assert!(allowed.into_iter().any(|allowed| *allowed == code.to_string()), "{name}: {code}");
        }
        Ok(frames) => {
            assert!(vector["error"].is_null(), "{name}: accepted as {frames:?}");
            let value = &vector["value"];
            let expected: Vec<_> =
                value.as_array().map_or_else(|| vec![frame(value)], |v| v.iter().map(frame).collect());
            assert_eq!(frames, expected, "{name}");
            let again = encode(&frames);
            assert_eq!(decode(again.clone()), Ok(frames), "{name}");
            if vector["canonical"] != false {
                assert_eq!(again, encoded, "{name}");
            }
        }
    }
}

#[test]
fn every_frame_decodes_to_its_value_and_back_or_gives_its_error() {
    // Clause 8.3: the names are those of RFC 9000 section 20.1.
    for vector in vectors("frame") {
        let bytes = hex(&vector["hex"]);
        check(&vector, decode(bytes.clone()), &bytes);
    }
}

#[test]
fn every_record_decodes_to_its_frames_and_back_or_gives_its_error() {
    for vector in vectors("record") {
        let max_record_size = vector["max_record_size"].as_u64().unwrap_or(65_536);
        let mut reader = RecordReader::new(RecordFraming::Sized, max_record_size);
        assert!(reader.next(&mut BytesMut::from(FIRST)).unwrap().is_some());
        let bytes = hex(&vector["hex"]);
        let outcome = read(&mut reader, BytesMut::from(&bytes[..])).map(|records| records.concat());
        // The frames are compared, not Size: a sender that fills it in later spells it longer.
        let size_len = ipfi_core::varint::get(&bytes).unwrap().1;
        check(&vector, outcome, &bytes[size_len..]);
    }
}

/// What these connections do wrong is seen only by whoever knows their state, but for those
/// whose first frame is not QX_TRANSPORT_PARAMETERS: they are refused before a frame is decoded.
#[test]
fn every_connection_is_well_formed_but_for_its_first_frame() {
    let mut refused = 0;
    for vector in vectors("connection") {
        let bytes = hex(&vector["hex"]);
        let outcome = read(&mut RecordReader::new(RecordFraming::Sized, 65_536), BytesMut::from(&bytes[..]));
        let name = text_of(&vector["name"]);
        if bytes[1..].starts_with(&FIRST[1..9]) {
            assert!(outcome.unwrap().len() > 1, "{name}");
        } else {
            assert_eq!(outcome.unwrap_err().to_string(), text_of(&vector["error"]), "{name}");
            refused += 1;
        }
    }
    assert!(refused > 0, "no connection begins with another frame");
}
