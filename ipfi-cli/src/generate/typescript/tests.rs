//! What is written, and what becomes of what a hostile server says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that finds something else has failed")]

use serde_json::{Value, json};

use super::*;

/// A method named `put` with an argument of `shape`.
fn method(shape: &Value) -> Value {
    json!({
        "name": "put", "doc": "", "index": 7, "kind": "procedure", "idempotent": false, "datagram": false, "timeout_ms": null,
        "parameters": [{ "name": "it", "shape": shape }], "items": null, "answer": "unit", "error": null,
    })
}

fn interface(types: &Value, methods: &Value) -> Value {
    json!({ "name": "Store", "doc": "", "types": types, "methods": methods })
}

fn def(name: &str, form: &Value) -> Value {
    json!({ "name": name, "doc": "", "closed": false, "form": form })
}

fn field(name: &str, shape: &Value) -> Value {
    json!({ "name": name, "doc": "", "shape": shape, "default": false })
}

fn options(javascript: bool) -> Options {
    Options { runtime: "ipfi".into(), javascript }
}

fn typescript(description: &Value) -> Result<String, String> {
    let description: Description = serde_json::from_value(description.clone()).unwrap();
    files(&description, &options(false)).map(|files| files[0].text.clone()).map_err(|why| why.to_string())
}

/// With an argument of `shape`, which mentions `types`.
fn of(shape: &Value, types: &Value) -> Result<String, String> {
    typescript(&interface(types, &json!([method(shape)])))
}

fn refused(description: &Value) -> String {
    typescript(description).expect_err("it is refused")
}

#[test]
fn an_interface_reads_as_if_somebody_had_written_it() {
    let descriptions = include_str!("../../../../docs/vectors/descriptions.json");
    let descriptions: Value = serde_json::from_str(descriptions).unwrap();
    let mut greeter = descriptions["values"][1]["value"][0].clone();
    greeter["doc"] = json!("Greets, counts, adds.\n\nAnd nothing else.");
    assert_eq!(typescript(&greeter).unwrap(), include_str!("tests/greeter.ts"));
}

#[test]
fn javascript_has_its_types_beside_it() {
    let description: Description =
        serde_json::from_value(interface(&json!([]), &json!([method(&json!("u8"))]))).unwrap();
    let names: Vec<String> =
        files(&description, &options(true)).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["store.js", "store.d.ts"]);
}

#[test]
fn values_that_are_nothing_are_told_from_none() {
    let nothing = json!([
        def("Nothing", &json!({ "struct": "unit" })),
        def("Alias", &json!({ "struct": { "newtype": { "option": "u8" } } }))
    ]);
    for (shape, expected) in [
        (json!({ "option": "u8" }), "it: number | null,"),
        (json!({ "option": { "option": "u8" } }), "it: { Some: number | null } | null,"),
        (json!({ "option": "unit" }), "it: { Some: undefined } | null,"),
        (json!({ "option": { "type": "Nothing" } }), "it: { Some: Nothing } | null,"),
        (json!({ "option": { "type": "Alias" } }), "it: { Some: Alias } | null,"),
        (json!({ "seq": { "option": "u8" } }), "it: (number | null)[],"),
    ] {
        assert!(of(&shape, &nothing).unwrap().contains(expected), "{expected}");
    }
}

#[test]
fn types_come_after_what_they_are_made_of_or_name_it_later() {
    let tree = json!({ "struct": { "named": [field("children", &json!({ "seq": { "type": "Tree" } }))] } });
    let holder = json!({ "struct": { "named": [field("tree", &json!({ "type": "Tree" }))] } });
    let text =
        of(&json!({ "type": "Holder" }), &json!([def("Holder", &holder), def("Tree", &tree)])).unwrap();
    assert!(text.contains("const Tree: Type<Tree> = struct({ children: seq(lazy(() => Tree)) });"), "{text}");
    assert!(text.contains("const Holder: Type<Holder> = struct({ tree: Tree });"), "{text}");
    assert!(text.find("const Tree") < text.find("const Holder"));
}

#[test]
fn a_type_that_no_method_mentions_is_not_written() {
    let unused = json!([def("Unused", &json!({ "struct": "unit" }))]);
    assert!(!of(&json!("u8"), &unused).unwrap().contains("Unused"));
}

#[test]
fn names_that_mean_something_else_become_others() {
    let unit = json!({ "struct": "unit" });
    for (name, becomes) in [
        ("Promise", "PromiseType"),
        ("Store", "StoreType"),
        ("StoreClient", "StoreClientType"),
        ("Page<Vec<u8>>", "PageVecU8"),
        ("2 fast", "_2Fast"),
        ("<>", "Unnamed"),
    ] {
        let text = of(&json!({ "type": name }), &json!([def(name, &unit)])).unwrap();
        assert!(text.contains(&format!("export type {becomes} = undefined;")), "{becomes} in {text}");
    }
    // A type of the runtime steps back before one of the interface.
    let text = of(&json!({ "type": "Wire" }), &json!([def("Wire", &unit)])).unwrap();
    assert!(text.contains("Wire as IpfiWire") && text.contains("constructor(wire: IpfiWire)"), "{text}");
    // Before two of it, and before what is named after the interface.
    let both = json!([def("Wire", &unit), def("IpfiWire", &unit)]);
    let text = of(&json!({ "tuple": [{ "type": "Wire" }, { "type": "IpfiWire" }] }), &both).unwrap();
    assert!(text.contains("Wire as IpfiWire2") && text.contains("constructor(wire: IpfiWire2)"), "{text}");
    for name in ["Wire", "Answer", "Context", "CallOptions"] {
        let mut named = interface(&json!([]), &json!([method(&json!("u8"))]));
        named["name"] = json!(name);
        let text = typescript(&named).unwrap();
        assert!(text.contains(&format!("{name} as Ipfi{name}")), "{text}");
        assert!(text.contains(&format!("export const {name} = ")), "{text}");
    }
    // Two that would be one.
    let both = json!([def("A<B>", &unit), def("AB", &unit)]);
    let text = of(&json!({ "tuple": [{ "type": "A<B>" }, { "type": "AB" }] }), &both).unwrap();
    assert!(text.contains("it: [AB, ABType]"), "{text}");
}

#[test]
fn parameters_and_methods_are_names_of_javascript() {
    let parameter = |name: &str| json!({ "name": name, "shape": "u8" });
    let mut put = method(&json!("u8"));
    put["name"] = json!("constructor");
    put["parameters"] = json!([
        parameter("delete"),
        parameter("call"),
        parameter("methods"),
        parameter("a_b"),
        parameter("aB"),
        parameter("é"),
        parameter("options"),
    ]);
    let text = typescript(&interface(&json!([]), &json!([put]))).unwrap();
    assert!(text.contains("  constructor_(\n    delete_: number,\n    call_: number,\n    methods_: number,\n    aB: number,\n    aB_: number,\n    unnamed: number,\n    options: number,\n    options_?: CallOptions,\n  )"), "{text}");
}

#[test]
fn a_client_is_no_promise() {
    let mut put = method(&json!("u8"));
    put["name"] = json!("then");
    let text = typescript(&interface(&json!([]), &json!([put]))).unwrap();
    assert!(text.contains("  then_(it: number, options?: CallOptions): Promise<void> {"), "{text}");
}

#[test]
fn fields_that_are_numbers_keep_their_places() {
    let named = json!({ "struct": { "named": [field("b", &json!("u8")), field("1", &json!("u8"))] } });
    let text = of(&json!({ "type": "It" }), &json!([def("It", &named)])).unwrap();
    assert!(text.contains("struct([['b', u8], ['1', u8]])"), "{text}");
}

/// Whether `text` is nothing but what a client is: no comment, string or line is ended by what a peer says.
fn is_harmless(text: &str) {
    assert!(
        !text.contains("evil()") || text.lines().all(|line| !line.trim_start().starts_with("evil()")),
        "{text}"
    );
    for character in text.chars() {
        assert!(!character.is_control() || character == '\n', "{character:?}");
        assert!(
            !matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'),
            "{character:?}"
        );
    }
}

#[test]
fn nothing_that_a_server_says_ends_a_comment_a_string_or_a_line() {
    let hostile = "*/ evil() /* ' \" ` \\ ${evil()} \r\n evil()\n\u{2028}evil()\u{2029}\u{202e}\u{0}\u{1b}[2J </script><script>evil()";
    let named = json!([
        { "name": hostile, "doc": hostile, "shape": "u8", "default": false },
        { "name": "x", "doc": hostile, "shape": "u8", "default": false },
    ]);
    let variants = json!([
        { "name": hostile, "doc": hostile, "fields": "unit" },
        { "name": "B", "doc": hostile, "fields": { "named": named } },
    ]);
    let types = json!([
        { "name": hostile, "doc": hostile, "closed": false, "form": { "enum": variants } },
        { "name": "S", "doc": hostile, "closed": false, "form": { "struct": { "named": named } } },
    ]);
    let mut put = method(&json!({ "tuple": [{ "type": hostile }, { "type": "S" }] }));
    put["name"] = json!(hostile);
    put["doc"] = json!(hostile);
    put["parameters"][0]["name"] = json!(hostile);
    put["error"] = json!({ "type": hostile });
    let mut description = interface(&types, &json!([put]));
    description["name"] = json!(hostile);
    description["doc"] = json!(hostile);
    let description: Description = serde_json::from_value(description).unwrap();
    for javascript in [false, true] {
        for file in files(&description, &options(javascript)).unwrap() {
            is_harmless(&file.text);
            // As many comments are opened as are closed, and none inside another.
            let (mut depth, mut rest) = (0_i32, &*file.text);
            while let Some(at) = rest.find("/**").into_iter().chain(rest.find("*/")).min() {
                depth += if rest[at..].starts_with("/**") { 1 } else { -1 };
                assert!((0..=1).contains(&depth), "{}", &rest[at..]);
                rest = &rest[at + 2..];
            }
            assert_eq!(depth, 0);
            assert!(!file.text.contains("</script"), "{}", file.text);
            assert!(
                file.name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)),
                "{}",
                file.name
            );
        }
    }
}

#[test]
fn a_file_stays_in_its_folder() {
    for (name, file) in [
        ("../../etc/passwd", "etc-passwd.ts"),
        ("..", "unnamed.ts"),
        ("C:\\x", "cx.ts"),
        ("MyHTTPStore", "my-httpstore.ts"),
        ("/", "unnamed.ts"),
        ("snake_case", "snake-case.ts"),
    ] {
        let mut description = interface(&json!([]), &json!([]));
        description["name"] = json!(name);
        let description: Description = serde_json::from_value(description).unwrap();
        assert_eq!(files(&description, &options(false)).unwrap()[0].name, file);
    }
}

#[test]
fn what_has_no_form_is_refused_by_its_place_and_name() {
    let it = json!({ "type": "It" });
    let said = |shape: &Value, types: &Value| of(shape, types).expect_err("it is refused");
    assert!(
        said(&json!({ "opaque": "crate::User" }), &json!([]))
            .starts_with("Store: put, argument it: the type `crate::User` does not say what its values look like: `#[derive(ipfi::Schema)]`")
    );
    assert_eq!(said(&it, &json!([])), "Store: put, argument it: the type `It` is not described");
    let circle = json!([def("It", &json!({ "struct": { "newtype": it } }))]);
    assert_eq!(said(&it, &circle), "Store: put, argument it: the type It: it contains nothing but itself");
    let twice = json!([def("It", &json!({ "struct": "unit" })), def("It", &json!({ "struct": "unit" }))]);
    assert_eq!(said(&it, &twice), "Store: the type `It` is described twice");
    let proto = json!([def("It", &json!({ "struct": { "named": [field("__proto__", &json!("u8"))] } }))]);
    assert!(said(&it, &proto).contains("`__proto__`"));
    let same = json!([def(
        "It",
        &json!({ "struct": { "named": [field("a", &json!("u8")), field("a", &json!("u8"))] } })
    )]);
    assert!(said(&it, &same).contains("the name `a` is there twice"));
    assert!(said(&json!({ "seq": "raw" }), &json!([])).contains("`Raw`"));
}

#[test]
fn methods_that_contradict_themselves_are_refused() {
    let with = |key: &str, value: Value| {
        let mut put = method(&json!("u8"));
        put[key] = value;
        refused(&interface(&json!([]), &json!([put])))
    };
    assert_eq!(with("kind", json!("raw")), "Store: put: a raw procedure has no types");
    assert_eq!(with("index", json!(1 << 30)), "Store: put: its index 1073741824 is reserved");
    assert_eq!(with("items", json!("u8")), "Store: put: its kind and its items contradict each other");
    let put = method(&json!("u8"));
    assert_eq!(refused(&interface(&json!([]), &json!([put, put]))), "Store: put: put has the same index, 7");
}

#[test]
fn a_description_has_a_size() {
    let mut long = interface(&json!([]), &json!([]));
    long["name"] = json!("x".repeat(1001));
    assert!(refused(&long).ends_with("a name of 1001 bytes, of which 1000 are taken"));
    let types: Vec<Value> = (0..10_001).map(|n| def(&n.to_string(), &json!({ "struct": "unit" }))).collect();
    assert_eq!(
        refused(&interface(&json!(types), &json!([]))),
        "Store: 10001 types, of which 10000 are taken"
    );
    let methods: Vec<Value> = (0..10_001).map(|_| method(&json!("u8"))).collect();
    assert_eq!(
        refused(&interface(&json!([]), &json!(methods))),
        "Store: 10001 methods, of which 10000 are taken"
    );
}

#[test]
fn arrays_of_arrays_are_written_once() {
    let deep = (0..60).fold(json!("u16"), |inner, _| json!({ "array": [inner, 8] }));
    let text = of(&deep, &json!([])).unwrap();
    assert!(text.len() < 10_000, "{} bytes", text.len());
    assert!(
        of(&json!({ "array": ["u16", 3] }), &json!([])).unwrap().contains("it: [number, number, number]")
    );
    assert!(
        of(&json!({ "array": [{ "array": ["u16", 2] }, 2] }), &json!([]))
            .unwrap()
            .contains("it: [number, number][]")
    );
}

#[test]
fn a_long_chain_of_types_does_not_end_the_stack() {
    let link = |n: u64| json!({ "struct": { "newtype": { "seq": { "type": format!("T{}", n + 1) } } } });
    let mut types: Vec<Value> = (0..9_999).map(|n| def(&format!("T{n}"), &link(n))).collect();
    types.push(def("T9999", &json!({ "struct": "unit" })));
    let text = of(&json!({ "type": "T0" }), &json!(types)).unwrap();
    assert!(text.find("const T9999").unwrap() < text.find("const T0:").unwrap());
}

#[test]
fn text_of_libraries_types_is_text() {
    let octets = json!({ "enum": [
        { "name": "V4", "doc": "", "fields": { "newtype": { "array": ["u8", 4] } } },
        { "name": "V6", "doc": "", "fields": { "newtype": { "array": ["u8", 16] } } },
    ] });
    let binary = json!({ "text_or": { "type": "IpAddrOctets" } });
    let types =
        json!([def("IpAddr", &json!({ "struct": { "newtype": binary } })), def("IpAddrOctets", &octets)]);
    let text = of(&json!({ "type": "IpAddr" }), &types).unwrap();
    assert!(text.contains("export type IpAddr = string;") && text.contains("= ip;"), "{text}");
    assert!(!text.contains("IpAddrOctets"), "{text}");
    // Another type of that name is what it is.
    let text =
        of(&json!({ "type": "Uuid" }), &json!([def("Uuid", &json!({ "struct": { "newtype": "bytes" } }))]))
            .unwrap();
    assert!(text.contains("export type Uuid = Uint8Array;"), "{text}");
}
