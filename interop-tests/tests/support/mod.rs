//! The golden vectors of `docs/vectors/` that a wire must refuse (its README describes the schema).

// Test code: a vector that cannot be read is a failed test. Each test binary uses its own part.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub)]

use ipfi_core::{Code, Limits};
use serde_json::Value;

/// An input that is refused.
#[derive(Debug)]
pub struct Refused {
    pub name: String,
    pub hex: Vec<u8>,
    pub error: String,
    json: Value,
}

/// The refused inputs of a file.
pub fn refused(file: &str) -> Vec<Refused> {
    let path = format!("{}/../docs/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = json["vectors"].as_array().unwrap();
    let refused: Vec<_> = vectors.iter().filter(|json| json.get("error").is_some()).map(of).collect();
    assert!(!refused.is_empty(), "{file} has refused inputs");
    refused
}

fn of(json: &Value) -> Refused {
    let text = |key: &str| json[key].as_str().unwrap().to_owned();
    let hex = text("hex");
    let hex = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    Refused { name: text("name"), hex, error: text("error"), json: json.clone() }
}

impl Refused {
    pub fn is(&self, key: &str, value: &str) -> bool {
        self.json.get(key).is_some_and(|found| found == value)
    }

    pub fn fin(&self) -> bool {
        self.json.get("fin").is_some_and(|fin| fin.as_bool().unwrap())
    }

    /// Whether something comes out before the error.
    pub fn has_parts(&self) -> bool {
        self.json.get("parts").is_some_and(|parts| !parts.as_array().unwrap().is_empty())
    }

    /// The code of the status.
    pub fn status(&self) -> Code {
        let name = self.json["status"].as_str().unwrap();
        (1..=16).map(Code::from_u64).find(|code| code.name() == name).unwrap()
    }

    /// The name of the close code.
    pub fn close(&self) -> &str {
        self.json["close"].as_str().unwrap()
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
}
