//! The pairs of `docs/vectors/compatible.json`, which the JavaScript client is held to as well: clause 15.4.
#![cfg(all(feature = "bincode", feature = "json"))]
#![allow(clippy::unwrap_used, reason = "a vector that cannot be read is a failed test")]

use std::collections::HashSet;

use ipfi_core::codec::CodecId;
use ipfi_core::typed::{Description, compatible};
use serde_json::{Value, json};

#[test]
fn what_does_not_fit_is_found_and_named() {
    let file: Value = serde_json::from_str(include_str!("../../docs/vectors/compatible.json")).unwrap();
    let pairs = file["pairs"].as_array().unwrap();
    assert!(pairs.len() > 40);
    let mut names = HashSet::new();
    for pair in pairs {
        let name = pair["name"].as_str().unwrap();
        assert!(names.insert(name), "{name} comes twice");
        let clause = format!("**{}**", pair["clause"].as_str().unwrap());
        assert!(include_str!("../../docs/protocol.md").contains(&clause), "{name}: no {clause}");
        let side = |side: &str| serde_json::from_value::<Description>(pair[side].clone()).unwrap();
        let found = compatible(&side("caller"), &side("callee"), CodecId::Bincode).err().unwrap_or_default();
        let found: Vec<Value> = found
            .iter()
            .map(|it| json!({ "method": it.method, "place": it.place, "caller": it.caller, "callee": it.callee }))
            .collect();
        assert_eq!(Value::Array(found), pair["mismatches"], "{name}");
    }
}
