// A test that cannot decode its own bytes has failed: unwrapping says so.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn encode(parameters: &TransportParameters) -> BytesMut {
    let mut out = BytesMut::new();
    parameters.encode(&mut out);
    out
}

/// One parameter whose value is `value`.
fn parameter(id: u64, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint::put(&mut out, id);
    varint::put(&mut out, value.len() as u64);
    out.extend_from_slice(value);
    out
}

/// Decodes what must be refused, and gives the reason.
fn refusal(payload: &[u8]) -> String {
    let violation = TransportParameters::decode(payload).unwrap_err();
    assert_eq!(violation.code, TransportCode::TRANSPORT_PARAMETER_ERROR);
    violation.what.into_owned()
}

#[test]
fn defaults_encode_to_nothing_and_nothing_decodes_to_defaults() {
    assert!(encode(&TransportParameters::default()).is_empty());
    assert_eq!(TransportParameters::decode(&[]).unwrap(), TransportParameters::default());
}

#[test]
fn every_prohibited_parameter_is_refused_by_name_whatever_its_value() {
    for id in [0x00, 0x02, 0x03, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10] {
        let name = prohibited(id).unwrap();
        for value in [&[][..], &[1], &[0; 16]] {
            assert!(refusal(&parameter(id, value)).contains(name), "{name}");
        }
    }
}

#[test]
fn a_prohibited_parameter_is_refused_in_a_longer_spelling_of_its_id_too() {
    assert!(refusal(&[0x40, 0x02, 0x00]).contains("stateless_reset_token"));
}

#[test]
fn every_known_parameter_is_refused_twice_even_with_its_default_value() {
    for (id, value) in TransportParameters::default().all() {
        let mut bytes = Vec::new();
        varint::put(&mut bytes, value);
        let twice = parameter(id, &bytes).repeat(2);
        assert!(refusal(&twice).contains("is there twice"), "{id:#x}");
    }
}

#[test]
fn unknown_and_reserved_parameters_are_ignored_repeated_ones_too() {
    // 31 * N + 27 are reserved (RFC 9000 section 18.1); the last is reset_stream_at, not taken up here.
    for id in [0x11, 0x1f, 0x21, 27, 31 + 27, varint::MAX, 0x0017_f758_6d2c_b571] {
        let bytes = parameter(id, b"anything").repeat(2);
        assert_eq!(TransportParameters::decode(&bytes).unwrap(), TransportParameters::default());
    }
}

#[test]
fn a_value_that_is_not_exactly_one_integer_is_refused_naming_the_parameter() {
    for value in [&[][..], &[0x40], &[0x01, 0x02], &[0xc0; 7], &[0xc0; 9]] {
        assert!(refusal(&parameter(0x04, value)).contains("initial_max_data is not one integer"));
    }
}

#[test]
fn ranges_end_where_the_documents_say() {
    let with = |change: fn(&mut TransportParameters, u64), value| {
        let mut parameters = TransportParameters::default();
        change(&mut parameters, value);
        encode(&parameters)
    };
    let bidi = |p: &mut TransportParameters, v| p.initial_max_streams_bidi = v;
    let uni = |p: &mut TransportParameters, v| p.initial_max_streams_uni = v;
    let record = |p: &mut TransportParameters, v| p.max_record_size = v;
    assert!(TransportParameters::decode(&with(bidi, 1 << 60)).is_ok());
    assert!(TransportParameters::decode(&with(uni, 1 << 60)).is_ok());
    assert!(refusal(&with(bidi, (1 << 60) + 1)).contains("initial_max_streams_bidi"));
    assert!(refusal(&with(uni, (1 << 60) + 1)).contains("initial_max_streams_uni"));
    assert!(refusal(&with(record, 16_381)).contains("max_record_size is 16381"));
    assert!(TransportParameters::decode(&with(record, varint::MAX)).is_ok());
}

#[test]
fn a_length_that_no_machine_can_address_is_only_a_refusal() {
    let mut bytes = vec![0x04];
    varint::put(&mut bytes, varint::MAX);
    assert!(refusal(&bytes).contains("end inside initial_max_data"));
}

prop_compose! {
    fn valid()(values in prop::array::uniform8(0..=varint::MAX), record in MIN_MAX_RECORD_SIZE..=varint::MAX)
    -> TransportParameters {
        TransportParameters {
            max_idle_timeout_ms: values[0],
            initial_max_data: values[1],
            initial_max_stream_data_bidi_local: values[2],
            initial_max_stream_data_bidi_remote: values[3],
            initial_max_stream_data_uni: values[4],
            initial_max_streams_bidi: values[5] >> 2,
            initial_max_streams_uni: values[6] >> 2,
            max_datagram_frame_size: values[7],
            max_record_size: record,
        }
    }
}

proptest! {
    #[test]
    fn every_value_survives_and_has_the_announced_length(parameters in valid()) {
        let bytes = encode(&parameters);
        prop_assert_eq!(bytes.len(), parameters.encoded_len());
        prop_assert_eq!(TransportParameters::decode(&bytes), Ok(parameters));
    }

    #[test]
    fn a_cut_is_refused_unless_it_falls_between_two_parameters(parameters in valid(), cut: prop::sample::Index) {
        let bytes = encode(&parameters);
        let cut = cut.index(bytes.len() + 1);
        if let Ok(shorter) = TransportParameters::decode(&bytes[..cut]) {
            prop_assert_eq!(encode(&shorter), &bytes[..cut]);
        }
    }

    #[test]
    fn random_bytes_are_refused_with_the_one_code_or_accepted(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        match TransportParameters::decode(&bytes) {
            Ok(parameters) => {
                prop_assert!(parameters.max_record_size >= MIN_MAX_RECORD_SIZE);
                prop_assert_eq!(TransportParameters::decode(&encode(&parameters)), Ok(parameters));
            }
            Err(violation) => prop_assert_eq!(violation.code, TransportCode::TRANSPORT_PARAMETER_ERROR),
        }
    }
}
