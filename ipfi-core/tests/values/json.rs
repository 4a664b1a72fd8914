//! JSON as people write it, and what they are told.

use ipfi_core::codec::{CodecError, CodecId};
use ipfi_core::schema::{self, Field, Fields, Form, Shape, TypeDef, TypeTable, Value, Variant};

use crate::{def, enumeration, limits, named, newtype, parameters, ty};

fn types() -> Vec<TypeDef> {
    vec![
        named(
            "User",
            vec![
                Field::new("name", Shape::String),
                Field::new("age", Shape::option(Shape::U8)),
                Field::new("tags", Shape::seq(Shape::String)).or_default(),
            ],
        ),
        enumeration(
            "Role",
            vec![Variant::new("Admin", Fields::Unit), Variant::new("Guest", Fields::Newtype(Shape::U16))],
        ),
        newtype("Uuid", Shape::TextOr(Box::new(Shape::Bytes))),
        def("Opened", false, Form::Struct(Fields::Unit)),
    ]
}

fn read(shape: &Shape, text: &str) -> Result<Value, String> {
    let defs = types();
    schema::from_json(shape, &TypeTable::new(&defs), text, &limits()).map_err(|error| match error {
        CodecError::Decode { what, .. } => what.into(),
        other => other.to_string(),
    })
}

/// Read and written again.
fn again(shape: &Shape, text: &str) -> String {
    let defs = types();
    schema::to_json(shape, &TypeTable::new(&defs), &read(shape, text).unwrap()).unwrap()
}

#[test]
fn integers_of_every_width_are_exact() {
    for (shape, text) in [
        (Shape::U64, u64::MAX.to_string()),
        (Shape::U128, u128::MAX.to_string()),
        (Shape::I128, i128::MIN.to_string()),
        (Shape::I64, i64::MIN.to_string()),
        (Shape::U64, "9007199254740993".to_owned()),
    ] {
        assert_eq!(again(&shape, &text), text);
    }
}

#[test]
fn bytes_are_numbers_or_the_bytes_of_a_text() {
    assert_eq!(read(&Shape::Bytes, "[104, 105]"), Ok(Value::Bytes(b"hi".into())));
    assert_eq!(read(&Shape::Bytes, "\"hi\""), Ok(Value::Bytes(b"hi".into())));
    assert_eq!(again(&Shape::Bytes, "\"hi\""), "[104,105]");
    assert_eq!(again(&Shape::Raw, "\"hi\""), "[104,105]");
}

#[test]
fn what_may_be_missing_is_left_out_or_none() {
    assert_eq!(again(&ty("User"), r#"{"name": "Ada"}"#), r#"{"name":"Ada","age":null}"#);
    assert_eq!(again(&ty("User"), r#"["Ada", 3, []]"#), r#"{"name":"Ada","age":3,"tags":[]}"#);
    assert_eq!(again(&ty("Role"), "\"Admin\""), "\"Admin\"");
    assert_eq!(again(&ty("Role"), r#"{"Guest": 3}"#), r#"{"Guest":3}"#);
    assert_eq!(again(&ty("Opened"), "null"), "null");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let users = Shape::seq(ty("User"));
    for (text, said) in [
        (r#"[{"name": "Ada"}, {"name": 3}]"#, "[1].name: invalid type: integer `3`, expected a string"),
        (r#"[{"nam": "Ada"}]"#, "[0]: unknown field `nam`, expected name, age, tags"),
        ("[{}]", "[0]: missing field `name`"),
        (r#"[{"name": "A", "age": 256}]"#, "[0].age: invalid value: integer `256`, expected u8"),
        (r#"[{"name": "A", "name": "B"}]"#, "[0]: duplicate field `name`"),
        (r#"[{"name": "A", "tags": ["x", 1]}]"#, "[0].tags[1]: invalid type: integer `1`, expected a string"),
        ("[3]", "[0]: invalid type: integer `3`, expected User with 3 fields"),
    ] {
        let error = read(&users, text).unwrap_err();
        assert!(error.starts_with(said), "{text}: {error}");
    }
    let error = read(&ty("Role"), "\"Root\"").unwrap_err();
    assert!(error.starts_with("unknown variant `Root` of Role, expected Admin, Guest"), "{error}");
    let error = read(&ty("Role"), r#"{"Guest": -1}"#).unwrap_err();
    assert!(error.starts_with("Guest: invalid value: integer `-1`, expected u16"), "{error}");
}

#[test]
fn a_peer_may_have_fields_that_are_not_known_and_a_person_may_not() {
    let defs = types();
    let types = TypeTable::new(&defs);
    let text = r#"{"name": "Ada", "later": [1, {"x": null}], "age": 7}"#;
    let read = schema::decode(CodecId::Json, &ty("User"), &types, text.as_bytes(), &limits()).unwrap();
    assert_eq!(schema::to_json(&ty("User"), &types, &read).unwrap(), r#"{"name":"Ada","age":7}"#);
    assert!(schema::from_json(&ty("User"), &types, text, &limits()).is_err());
}

#[test]
fn an_argument_is_named_with_its_number() {
    let parameters = parameters(vec![ty("User"), Shape::U8]);
    let defs = types();
    let types = TypeTable::new(&defs);
    let decode = |text: &str| {
        let error = schema::decode_arguments(CodecId::Json, &parameters, &types, text.as_bytes(), &limits());
        error.unwrap_err().to_string()
    };
    let said = decode(r#"[{"name": "Ada"}, "x"]"#);
    assert!(said.contains("argument 2 (limit): invalid type: string \"x\", expected u8"), "{said}");
    let said = decode(r#"[{"name": 1}, 1]"#);
    assert!(said.contains("argument 1 (id).name: invalid type"), "{said}");
    let said = decode(r#"[{"name": "Ada"}]"#);
    assert!(said.contains("invalid length 1, expected 2 arguments"), "{said}");
    let strict = |text: &str| schema::arguments_from_json(&parameters, &types, text, &limits());
    let said = strict(r#"[{"name": "Ada", "nick": 1}, 1]"#).unwrap_err().to_string();
    assert!(said.contains("argument 1 (id): unknown field `nick`"), "{said}");
    assert_eq!(strict(r#"[{"name": "Ada"}, 7]"#).unwrap()[1], Value::Unsigned(7));
    let values = [Value::Struct(vec![Some(Value::String("Ada".into())), None, None]), Value::Unsigned(256)];
    let said = schema::encode_arguments(CodecId::Json, &parameters, &types, &values).unwrap_err();
    assert!(said.to_string().ends_with("argument 2 (limit): u8 expected, not the integer 256"), "{said}");
    let said = schema::encode_arguments(CodecId::Json, &parameters, &types, &values[..1]).unwrap_err();
    assert!(said.to_string().ends_with("2 arguments expected, not 1"), "{said}");
}

#[test]
fn a_default_is_left_out_only_where_fields_have_names() {
    let defs = types();
    let types = TypeTable::new(&defs);
    let value = schema::from_json(&ty("User"), &types, r#"{"name": "Ada"}"#, &limits()).unwrap();
    let bytes = schema::encode(CodecId::MessagePack, &ty("User"), &types, &value).unwrap();
    assert_eq!(bytes, [b"\x82\xa4name\xa3Ada\xa3age\xc0" as &[u8]].concat());
    for codec in [CodecId::Bincode, CodecId::Postcard] {
        let error = schema::encode(codec, &ty("User"), &types, &value).unwrap_err().to_string();
        assert!(error.contains("tags: is missing; its default is known to the receiver alone"), "{error}");
    }
}

#[test]
fn a_type_that_is_text_in_json_has_another_form_elsewhere() {
    let defs = types();
    let types = TypeTable::new(&defs);
    let shape = ty("Uuid");
    let text = schema::from_json(&shape, &types, "\"0a0b\"", &limits()).unwrap();
    assert_eq!(text, Value::String("0a0b".into()));
    let error = schema::encode(CodecId::Bincode, &shape, &types, &text).unwrap_err().to_string();
    assert!(error.ends_with("this is text in JSON only; its form in bincode is bytes"), "{error}");
    let binary = schema::decode(CodecId::Bincode, &shape, &types, &[2, 10, 11], &limits()).unwrap();
    assert_eq!(schema::to_json(&shape, &types, &binary).unwrap(), "[10,11]");
    assert!(schema::from_json(&shape, &types, "[10,11]", &limits()).is_err());
}
