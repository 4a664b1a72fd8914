//! Random values of random shapes, in every codec.

use bytes::Bytes;
use ipfi_core::codec::{CodecError, CodecId};
use ipfi_core::schema::{self, Shape, TypeTable};
use proptest::prelude::*;

use crate::random::{Random, shape, table, value};
use crate::{CODECS, limits, parameters};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_written_by_a_shape_is_read_by_it(seed: u64) {
        let random = &mut Random(seed);
        let defs = table(random);
        let types = TypeTable::new(&defs);
        let shape = shape(random, 4);
        for codec in CODECS {
            let value = value(random, &shape, &types, codec == CodecId::Json, 3);
            let bytes = schema::encode(codec, &shape, &types, &value).unwrap();
            let again = schema::decode(codec, &shape, &types, &bytes, &limits());
            prop_assert_eq!(again.as_ref(), Ok(&value), "{} as {}", &shape, codec);
        }
    }

    #[test]
    fn what_is_cut_off_or_followed_by_something_is_refused(seed: u64) {
        let random = &mut Random(seed);
        let defs = table(random);
        let types = TypeTable::new(&defs);
        let shape = shape(random, 3);
        for codec in CODECS {
            let value = value(random, &shape, &types, codec == CodecId::Json, 2);
            let bytes = schema::encode(codec, &shape, &types, &value).unwrap();
            let decode = |bytes: &[u8]| schema::decode(codec, &shape, &types, bytes, &limits());
            for end in 0..bytes.len() {
                // A number alone has no end of its own in JSON.
                let number = codec == CodecId::Json && bytes.iter().all(|it| !b"\"[{]}".contains(it));
                prop_assert!(number || decode(&bytes[..end]).is_err(), "{} as {}, cut at {}", &shape, codec, end);
            }
            let longer = [&bytes[..], if codec == CodecId::Json { b"," } else { b"\0" }].concat();
            let trailing = CodecError::Trailing { codec, bytes: 1 };
            prop_assert_eq!(decode(&longer).unwrap_err(), trailing, "{}", &shape);
        }
    }

    #[test]
    fn arguments_and_outcomes_are_tuples_and_results(seed: u64) {
        let random = &mut Random(seed);
        let defs = table(random);
        let types = TypeTable::new(&defs);
        let shapes: Vec<Shape> = (0..random.below(4)).map(|_| shape(random, 2)).collect();
        let (parameters, tuple) = (parameters(shapes.clone()), Shape::Tuple(shapes.clone()));
        for codec in CODECS {
            let human = codec == CodecId::Json;
            let values: Vec<_> =
                shapes.iter().map(|shape| value(random, shape, &types, human, 2)).collect();
            let bytes = schema::encode_arguments(codec, &parameters, &types, &values).unwrap();
            let whole = schema::Value::Tuple(values.clone());
            prop_assert_eq!(&schema::encode(codec, &tuple, &types, &whole).unwrap(), &bytes);
            let again = schema::decode_arguments(codec, &parameters, &types, &bytes, &limits());
            prop_assert_eq!(again, Ok(values.clone()));

            let (Some(shape), Some(value)) = (shapes.first(), values.first()) else { continue };
            for outcome in [Ok(value), Err(value)] {
                let bytes = schema::encode_answer(codec, shape, Some(shape), &types, outcome).unwrap();
                let again = schema::decode_answer(codec, shape, Some(shape), &types, &bytes, &limits()).unwrap();
                prop_assert_eq!(again.as_ref(), outcome);
            }
            let plain = schema::encode_answer(codec, shape, None, &types, Ok(value)).unwrap();
            prop_assert_eq!(&plain, &schema::encode(codec, shape, &types, value).unwrap());
            prop_assert!(schema::encode_answer(codec, shape, None, &types, Err(value)).is_err());
        }
    }

    /// As a peer's bytes may be anything: no panic, and what is made of them is a value.
    #[test]
    fn any_bytes_are_refused_or_a_value(seed: u64, bytes: Vec<u8>) {
        let random = &mut Random(seed);
        let defs = table(random);
        let types = TypeTable::new(&defs);
        let shape = shape(random, 3);
        for codec in CODECS {
            let Ok(value) = schema::decode(codec, &shape, &types, &bytes, &limits()) else { continue };
            // JSON has no infinities, but reads what is too large for a float as an error.
            let written = schema::encode(codec, &shape, &types, &value).unwrap();
            let again = schema::decode(codec, &shape, &types, &written, &limits()).unwrap();
            prop_assert_eq!(schema::encode(codec, &shape, &types, &again).unwrap(), written);
        }
    }
}

#[test]
fn a_raw_message_is_its_bytes_in_every_codec_and_no_part_of_a_value() {
    let (types, bytes) = (TypeTable::default(), Bytes::from_static(&[0, 1, 2]));
    for codec in CODECS {
        let value = schema::decode(codec, &Shape::Raw, &types, &bytes, &limits()).unwrap();
        assert_eq!(value, schema::Value::Bytes(bytes.to_vec()));
        assert_eq!(schema::encode(codec, &Shape::Raw, &types, &value), Ok(bytes.clone()));
        let inside = Shape::seq(Shape::Raw);
        let values = schema::Value::Seq(vec![value]);
        let error = schema::encode(codec, &inside, &types, &values).unwrap_err().to_string();
        assert!(error.ends_with("[0]: bytes that are a whole message cannot be inside a value"), "{error}");
    }
}
