use serde_json::json;

use super::*;

/// Each type is found by its name: one comparison with each of them would make 3 600 000 000.
#[test]
fn a_long_chain_of_types_is_followed_to_its_end() {
    const LENGTH: usize = 60_000;
    let def = |n: usize| {
        let next = if n + 1 == LENGTH { json!("unit") } else { json!({ "type": format!("T{}", n + 1) }) };
        json!({ "name": format!("T{n}"), "doc": "", "closed": false, "form": { "struct": { "newtype": next } } })
    };
    let unused = json!({ "name": "Unused", "doc": "", "closed": false, "form": { "struct": "unit" } });
    let types: Vec<_> = (0..LENGTH).map(def).chain([unused]).collect();
    let method = json!({
        "name": "put", "doc": "", "index": 7, "kind": "procedure", "idempotent": false, "datagram": false, "timeout_ms": null,
        "parameters": [], "items": null, "answer": { "type": "T0" }, "error": null,
    });
    let description = json!({ "name": "Chain", "doc": "", "types": types, "methods": [method] });
    let description: Description = serde_json::from_value(description).expect("it is a description");
    let text = interface(&description, None);
    assert_eq!(text.lines().filter(|line| line.starts_with("struct T")).count(), LENGTH);
    assert!(!text.contains("Unused"));
}
