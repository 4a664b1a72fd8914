//! What a peer's descriptions may say, and what its bytes may claim.

use ipfi_core::codec::{CodecError, CodecId, DecodeLimits};
use ipfi_core::schema::{self, Field, Fields, Form, Shape, TypeDef, TypeTable, Value, Variant};

use crate::{CODECS, def, enumeration, limits, named, newtype, ty};

fn decode(codec: CodecId, shape: &Shape, defs: &[TypeDef], bytes: &[u8]) -> Result<Value, CodecError> {
    schema::decode(codec, shape, &TypeTable::new(defs), bytes, &limits())
}

/// The binary codecs, in which a shape alone decides what is read.
const BY_PLACE: [CodecId; 2] = [CodecId::Bincode, CodecId::Postcard];

#[test]
fn names_that_are_missing_or_lead_in_circles_are_refused_by_name() {
    let circle = [newtype("A", ty("B")), newtype("B", Shape::TextOr(Box::new(ty("A"))))];
    for codec in CODECS {
        let error = decode(codec, &ty("Gone"), &circle, b"[0]").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("not a {codec} value of the expected type: the type Gone is not described")
        );
        // In JSON the second is a text, and a text is all that is looked for.
        if codec != CodecId::Json {
            let error = decode(codec, &ty("A"), &circle, b"[0]").unwrap_err();
            assert!(error.to_string().contains("leads in a circle"), "{error}");
        }
        let types = TypeTable::new(&circle);
        let error = schema::encode(codec, &ty("A"), &types, &Value::Unit).unwrap_err();
        assert!(error.to_string().contains("leads in a circle"), "{codec}: {error}");
        let error = schema::encode(codec, &ty("Gone"), &types, &Value::Unit).unwrap_err();
        assert!(error.to_string().contains("the type Gone is not described"), "{error}");
    }
}

#[test]
fn what_does_not_say_what_it_looks_like_is_refused_by_name() {
    let shape = Shape::seq(Shape::Opaque("other::Type".into()));
    for codec in CODECS {
        let bytes: &[u8] = match codec {
            CodecId::Json => b"[1]",
            CodecId::MessagePack => &[0x91, 1],
            _ => &[1, 1],
        };
        let error = decode(codec, &shape, &[], bytes).unwrap_err().to_string();
        assert!(error.ends_with("[0]: other::Type does not say what it looks like"), "{error}");
    }
}

#[test]
fn a_type_without_an_end_reaches_the_limit_of_depth() {
    let endless = [named("A", vec![Field::new("a", ty("A"))])];
    let boxed = [enumeration("E", vec![Variant::new("More", Fields::Newtype(ty("E")))])];
    for codec in BY_PLACE {
        assert_eq!(decode(codec, &ty("A"), &endless, &[]), Err(CodecError::Depth { limit: 64 }));
        let zeros = vec![0; 1 << 16];
        assert_eq!(decode(codec, &ty("E"), &boxed, &zeros), Err(CodecError::Depth { limit: 64 }));
        let some = vec![1; 1 << 16];
        let mut shape = Shape::U8;
        for _ in 0..1000 {
            shape = Shape::option(shape);
        }
        assert_eq!(decode(codec, &shape, &[], &some), Err(CodecError::Depth { limit: 64 }));
    }
    let deep = "[".repeat(100_000);
    let shape = [newtype("L", Shape::seq(ty("L")))];
    assert!(decode(CodecId::Json, &ty("L"), &shape, deep.as_bytes()).is_err());
    assert!(decode(CodecId::MessagePack, &ty("L"), &shape, &vec![0x91; 100_000]).is_err());
}

#[test]
fn what_a_shape_makes_out_of_no_bytes_is_charged_before_it_is_made() {
    let too_large = |result: Result<Value, CodecError>| match result.unwrap_err() {
        CodecError::DecodedSize { limit, seen } => assert!(limit == 16 << 20 && seen > limit),
        other => panic!("{other}"),
    };
    for codec in BY_PLACE {
        too_large(decode(codec, &Shape::Array(Box::new(Shape::Unit), u32::MAX), &[], &[]));
        // 2^40 units, by a table of forty types.
        let doubling: Vec<_> = (0..40)
            .map(|n| {
                let next = if n == 39 { Shape::Unit } else { ty(&format!("T{}", n + 1)) };
                def(&format!("T{n}"), false, Form::Struct(Fields::Tuple(vec![next.clone(), next])))
            })
            .collect();
        too_large(decode(codec, &ty("T0"), &doubling, &[]));
    }
    too_large(decode(CodecId::Bincode, &Shape::seq(Shape::Unit), &[], &[0xfd, 0, 0, 0, 0, 0, 0, 0, 1]));
}

/// 32 bytes and an allocation for each byte of a message: so the limit of memory must see boxes.
#[test]
fn boxes_are_charged_one_by_one() {
    let chain = [enumeration(
        "E",
        vec![Variant::new("End", Fields::Unit), Variant::new("More", Fields::Newtype(ty("E")))],
    )];
    // 1000 chains of 50 links each: over 2 MB of boxes, and 32 kB of elements.
    let mut bytes = vec![0xfb, 0xe8, 0x03];
    for _ in 0..1000 {
        bytes.extend([1; 49]);
        bytes.push(0);
    }
    let decode = |max_decoded_bytes: usize| {
        let limits = DecodeLimits { max_decoded_bytes, ..limits() };
        schema::decode(CodecId::Bincode, &Shape::seq(ty("E")), &TypeTable::new(&chain), &bytes, &limits)
    };
    assert!(decode(4 << 20).is_ok());
    let limit = 1 << 20;
    match decode(limit).unwrap_err() {
        CodecError::DecodedSize { seen, .. } => assert!(seen > limit && seen < limit + 100),
        other => panic!("{other}"),
    }
}

/// A list of names as long as a message, and values that name its last, or none of it: no value is compared with all of them.
/// Whether it is so shows in time alone: 20 000 times 20 000 comparisons would take minutes here.
#[test]
fn long_lists_of_names_are_not_looked_through_for_each_value() {
    const MANY: usize = 20_000;
    let variants = (0..MANY).map(|n| Variant::new(format!("a long beginning {n}"), Fields::Unit)).collect();
    let fields =
        (0..MANY).map(|n| Field::new(format!("a long beginning {n}"), Shape::U8).or_default()).collect();
    let defs = [enumeration("E", variants), named("S", fields)];
    let last = format!("\"a long beginning {}\"", MANY - 1);
    let values = format!("[{}]", vec![last; MANY].join(","));
    let seen = decode(CodecId::Json, &Shape::seq(ty("E")), &defs, values.as_bytes()).unwrap();
    let Value::Seq(seen) = seen else { panic!("{seen:?}") };
    assert_eq!(seen.len(), MANY);
    assert!(seen.iter().all(|value| matches!(value, Value::Variant(19_999, _))));
    let unknown: Vec<String> = (0..MANY).map(|n| format!("\"a long ending {n}\":0")).collect();
    let known: Vec<String> = (0..MANY).rev().map(|n| format!("\"a long beginning {n}\":1")).collect();
    let value = format!("{{{},{}}}", unknown.join(","), known.join(","));
    let seen = decode(CodecId::Json, &ty("S"), &defs, value.as_bytes()).unwrap();
    let Value::Struct(seen) = seen else { panic!("{seen:?}") };
    assert!(seen.iter().all(|value| *value == Some(Value::Unsigned(1))));
}

#[test]
fn names_of_a_peer_cannot_draw_on_a_terminal() {
    let error = decode(CodecId::Json, &Shape::Opaque("\u{1b}[2J\nfine".into()), &[], b"1").unwrap_err();
    assert!(error.to_string().ends_with("\\u{1b}[2J\\nfine does not say what it looks like"), "{error}");
}
