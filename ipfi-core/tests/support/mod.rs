//! The golden vectors of `docs/vectors/` (its README describes the schema), and the call protocol's
//! values as the JSON that the vectors use.

// Test code: a vector that cannot be read is a failed test. Each test binary uses its own part.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub)]

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use ipfi_core::limits::Limits;
use ipfi_core::metadata::Metadata;
use ipfi_core::proto::control::{put_goaway, put_preamble};
use ipfi_core::proto::{
    ControlDecoder, ControlMessage, Direction, ItemDecoder, ItemKind, Part, RequestHeader, Settings,
    StreamType, put_item_header, put_metadata, put_status,
};
use ipfi_core::status::{Code, LimitSeen, Origin, Status};
use serde_json::{Value, json};

/// One entry of a file of vectors.
#[derive(Debug)]
pub struct Vector {
    pub name: String,
    pub hex: Vec<u8>,
    pub json: Value,
}

impl Vector {
    pub fn error(&self) -> Option<&str> {
        self.json.get("error").map(|error| error.as_str().unwrap())
    }

    /// Whether an encoder writes exactly these bytes.
    pub fn canonical(&self) -> bool {
        self.json.get("canonical").is_none_or(|canonical| canonical.as_bool().unwrap())
    }

    pub fn fin(&self) -> bool {
        self.json.get("fin").is_some_and(|fin| fin.as_bool().unwrap())
    }

    pub fn direction(&self) -> Direction {
        match self.json["direction"].as_str().unwrap() {
            "request" => Direction::Request,
            "response" => Direction::Response,
            other => panic!("direction {other}"),
        }
    }

    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (name, value) in self.json.get("limits").and_then(Value::as_object).into_iter().flatten() {
            let value = u32::try_from(value.as_u64().unwrap()).unwrap();
            match name.as_str() {
                "max_message_bytes" => limits.max_message_bytes = value,
                "max_metadata_bytes" => limits.max_metadata_bytes = value,
                "max_metadata_entries" => limits.max_metadata_entries = value,
                other => panic!("limit {other}"),
            }
        }
        limits
    }

    /// The parts that come out, before the error if there is one.
    pub fn parts(&self) -> &Vec<Value> {
        self.json.get("parts").unwrap_or(&self.json["value"]).as_array().unwrap()
    }
}

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors")
}

pub fn load(file: &str) -> Vec<Vector> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let vectors: Vec<_> = json["vectors"].as_array().unwrap().iter().map(vector).collect();
    assert!(!vectors.is_empty(), "{file} has vectors");
    vectors
}

fn vector(json: &Value) -> Vector {
    let name = json["name"].as_str().unwrap().to_owned();
    let hex = unhex(json["hex"].as_str().unwrap());
    Vector { name, hex, json: json.clone() }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "whole bytes in {text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// An integer: a JSON number where every reader of JSON keeps it exact, a string of digits above.
pub fn number(value: u64) -> Value {
    if value < 1 << 53 { json!(value) } else { json!(value.to_string()) }
}

pub fn integer(json: &Value) -> u64 {
    json.as_u64().unwrap_or_else(|| json.as_str().unwrap().parse().unwrap())
}

pub fn metadata_json(metadata: &Metadata) -> Value {
    metadata.iter().map(|(key, value)| json!([key, hex(value)])).collect()
}

pub fn metadata(json: &Value) -> Metadata {
    let mut metadata = Metadata::new();
    for entry in json.as_array().unwrap() {
        metadata.insert(entry[0].as_str().unwrap(), unhex(entry[1].as_str().unwrap())).unwrap();
    }
    metadata
}

pub fn header_json(header: &RequestHeader) -> Value {
    json!({
        "procedure": number(header.procedure),
        "codec": header.codec,
        "timeout_ms": header.timeout.map(|timeout| number(u64::try_from(timeout.as_millis()).unwrap())),
        "metadata": metadata_json(&header.metadata),
        "priority": header.priority,
    })
}

pub fn header(json: &Value) -> RequestHeader {
    let timeout = &json["timeout_ms"];
    let mut header = RequestHeader::new(
        integer(&json["procedure"]),
        u8::try_from(json["codec"].as_u64().unwrap()).unwrap(),
    );
    header.timeout = (!timeout.is_null()).then(|| std::time::Duration::from_millis(integer(timeout)));
    header.metadata = metadata(&json["metadata"]);
    header.priority = i8::try_from(json["priority"].as_i64().unwrap()).unwrap();
    header
}

pub fn status_json(status: &Status) -> Value {
    json!({
        "code": status.code().name(),
        "origin": status.origin().name(),
        "message": status.message(),
        "limit": status.limit_seen().map(|limit| json!({
            "name": limit.name, "limit": number(limit.limit), "seen": number(limit.seen),
        })),
        "details": hex(status.details()),
    })
}

pub fn status(json: &Value) -> Status {
    let origin = match json["origin"].as_str().unwrap() {
        "caller" => Origin::Caller,
        "callee" => Origin::Callee,
        other => panic!("origin {other}"),
    };
    let code = Code::ALL.into_iter().find(|code| json["code"] == code.name()).unwrap();
    let mut status = Status::new(code, json["message"].as_str().unwrap())
        .with_origin(origin)
        .with_details(unhex(json["details"].as_str().unwrap()));
    if let Some(limit) = json["limit"].as_object() {
        status = status.with_limit(LimitSeen {
            name: limit["name"].as_str().unwrap().to_owned().into(),
            limit: integer(&limit["limit"]),
            seen: integer(&limit["seen"]),
        });
    }
    status
}

/// How a stream came out: its parts, and the error that ended it by name, with the status or the
/// close code it stands for.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub parts: Vec<Value>,
    pub error: Option<(&'static str, String)>,
}

/// Decodes one direction of a call that arrives in `chunks`, the last of which carries `fin`. What is
/// left of how it was cut is where fragments end, as the sender chose it.
pub fn decode_items(direction: Direction, limits: &Limits, chunks: &[&[u8]], fin: bool) -> Outcome {
    let mut decoder = ItemDecoder::new(direction, limits);
    let mut outcome = Outcome::default();
    // The message under way: its fragments, and whether the last of them goes on.
    let mut fragments: Vec<Vec<u8>> = Vec::new();
    let mut open = false;
    let unfinished = |fragments: &mut Vec<Vec<u8>>, outcome: &mut Outcome| {
        if !fragments.is_empty() {
            let list: Vec<_> = fragments.drain(..).map(|fragment| hex(&fragment)).collect();
            outcome.parts.push(json!({ "unfinished": list }));
        }
    };
    'stream: for (index, chunk) in chunks.iter().enumerate() {
        decoder.push(Bytes::copy_from_slice(chunk), fin && index + 1 == chunks.len());
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(Part::Data { bytes, end, fragment_end })) => {
                    assert!(fragment_end || !end, "the end of a message is the end of a fragment");
                    if !open {
                        fragments.push(Vec::new());
                    }
                    fragments.last_mut().unwrap().extend_from_slice(&bytes);
                    open = !fragment_end;
                    if end {
                        let list: Vec<_> = fragments.drain(..).map(|fragment| hex(&fragment)).collect();
                        outcome.parts.push(json!({ "message": list }));
                    }
                }
                Ok(Some(Part::Metadata(metadata))) => {
                    outcome.parts.push(json!({ "metadata": metadata_json(&metadata) }));
                }
                Ok(Some(Part::Status(status))) => {
                    unfinished(&mut fragments, &mut outcome);
                    outcome.parts.push(json!({ "status": status_json(&status) }));
                }
                Ok(Some(Part::End)) => outcome.parts.push(json!("end")),
                Err(error) => {
                    assert_eq!(decoder.next(), Err(error.clone()), "an error is for ever");
                    let name = error.name();
                    outcome.error = Some((name, Status::from(error).code().name().to_owned()));
                    break 'stream;
                }
            }
        }
        assert!(decoder.is_buffered_empty(), "everything that can be taken is");
    }
    unfinished(&mut fragments, &mut outcome);
    outcome
}

/// Encodes the parts of an `items` vector.
pub fn encode_items(parts: &[Value]) -> BytesMut {
    let mut out = BytesMut::new();
    for part in parts {
        if part == "end" {
            continue;
        }
        let (kind, value) = part.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "message" => {
                let fragments = value.as_array().unwrap();
                for (index, fragment) in fragments.iter().enumerate() {
                    let last = index + 1 == fragments.len();
                    let kind = if last { ItemKind::LastFragment } else { ItemKind::Fragment };
                    let bytes = unhex(fragment.as_str().unwrap());
                    put_item_header(&mut out, kind, bytes.len() as u64);
                    out.extend_from_slice(&bytes);
                }
            }
            "metadata" => put_metadata(&mut out, &metadata(value)),
            "status" => put_status(&mut out, &status(value), 16 << 10),
            "unfinished" => {
                for fragment in value.as_array().unwrap() {
                    let bytes = unhex(fragment.as_str().unwrap());
                    put_item_header(&mut out, ItemKind::Fragment, bytes.len() as u64);
                    out.extend_from_slice(&bytes);
                }
            }
            other => panic!("part {other}"),
        }
    }
    out
}

fn settings_json(settings: &Settings) -> Value {
    let mut json = json!({
        "max_message_bytes": number(settings.max_message_bytes),
        "max_metadata_bytes": number(settings.max_metadata_bytes),
        "serves": settings.serves,
        "shared_calls": settings.shared_calls,
    });
    if !settings.isolated.is_empty() {
        json["isolated"] = settings.isolated.iter().copied().map(number).collect();
    }
    if settings.max_inbound_calls != Settings::default().max_inbound_calls {
        json["max_inbound_calls"] = number(settings.max_inbound_calls);
    }
    json
}

/// Decodes a control stream, its type included, that arrives in `chunks`.
pub fn decode_control(chunks: &[&[u8]], fin: bool) -> Outcome {
    let mut decoder = ControlDecoder::new();
    let mut outcome = Outcome::default();
    let mut typed = false;
    let mut front = Vec::new();
    'stream: for (index, chunk) in chunks.iter().enumerate() {
        let fin = fin && index + 1 == chunks.len();
        if typed {
            decoder.push(chunk, fin);
        } else {
            front.extend_from_slice(chunk);
            let Some((kind, len)) = StreamType::decode(&front) else { continue };
            assert_eq!(kind, StreamType::Control);
            typed = true;
            decoder.push(&front[len..], fin);
        }
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(ControlMessage::Settings(settings))) => {
                    outcome.parts.push(json!({ "settings": settings_json(&settings) }));
                }
                Ok(Some(ControlMessage::GoAway)) => outcome.parts.push(json!("goaway")),
                Ok(Some(ControlMessage::Unknown { kind })) => {
                    outcome.parts.push(json!({ "unknown": number(kind) }));
                }
                Ok(Some(other)) => panic!("{other:?} has no place in the vectors"),
                Err(error) => {
                    assert_eq!(decoder.next(), Err(error.clone()), "an error is for ever");
                    outcome.error = Some((error.name(), error.close_code().to_string()));
                    break 'stream;
                }
            }
        }
    }
    outcome
}

/// Encodes the parts of a `control` vector.
pub fn encode_control(parts: &[Value]) -> BytesMut {
    let mut out = BytesMut::new();
    for part in parts {
        match part.get("settings") {
            Some(json) => {
                let mut settings = Settings::default();
                settings.max_message_bytes = integer(&json["max_message_bytes"]);
                settings.max_metadata_bytes = integer(&json["max_metadata_bytes"]);
                settings.serves = json["serves"].as_bool().unwrap();
                settings.shared_calls = json["shared_calls"].as_bool().unwrap();
                if let Some(isolated) = json.get("isolated") {
                    settings.isolated = isolated.as_array().unwrap().iter().map(integer).collect();
                }
                if let Some(calls) = json.get("max_inbound_calls") {
                    settings.max_inbound_calls = integer(calls);
                }
                put_preamble(&mut out, &settings);
            }
            None => {
                assert_eq!(part, "goaway");
                put_goaway(&mut out);
            }
        }
    }
    out
}
