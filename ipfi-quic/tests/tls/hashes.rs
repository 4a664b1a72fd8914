use ipfi_quic::tls::{CertificateHash, HashParseError};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn the_hash_is_sha_256() {
    assert_eq!(CertificateHash::of(b"").to_string(), EMPTY);
}

#[test]
fn a_hash_prints_with_and_without_colons_and_parses_from_both_in_either_case() {
    let hash = CertificateHash::of(b"");
    let colons = format!("{hash:#}");
    assert!(colons.starts_with("e3:b0:c4:"), "{colons}");
    assert_eq!(colons.len(), 95);
    for text in [EMPTY, &colons, &EMPTY.to_uppercase(), &colons.to_uppercase()] {
        assert_eq!(text.parse(), Ok(hash), "{text}");
    }
    assert_eq!(CertificateHash::from_bytes(*hash.as_bytes()), hash);
    assert_eq!(format!("{hash:?}"), format!("CertificateHash({EMPTY})"));
}

#[test]
fn what_is_no_hash_is_refused_with_what_was_seen() {
    let parse = |text: &str| text.parse::<CertificateHash>().unwrap_err();
    let colons = format!("{:#}", CertificateHash::of(b""));
    assert_eq!(parse(""), HashParseError::Length { seen: 0 });
    assert_eq!(parse("ab"), HashParseError::Length { seen: 2 });
    assert_eq!(parse(&EMPTY[1..]), HashParseError::Length { seen: 63 });
    assert_eq!(parse(&format!("{EMPTY}a")), HashParseError::Length { seen: 65 });
    assert_eq!(parse(&format!("{EMPTY}{EMPTY}")), HashParseError::Length { seen: 128 });
    assert_eq!(parse(&format!("{colons}:")), HashParseError::Character { seen: ':', at: 96 });
    assert_eq!(parse("ab:cd:ef:"), HashParseError::Character { seen: ':', at: 9 });
    assert_eq!(parse("ab:cdef"), HashParseError::Character { seen: 'e', at: 6 });
    assert_eq!(parse("abcd:ef"), HashParseError::Character { seen: ':', at: 5 });
    assert_eq!(parse("ab cd"), HashParseError::Character { seen: ' ', at: 3 });
    assert_eq!(parse("xyz"), HashParseError::Character { seen: 'x', at: 1 });
    assert_eq!(parse("aé:"), HashParseError::Character { seen: 'é', at: 2 });
    assert_eq!(parse(":"), HashParseError::Character { seen: ':', at: 1 });
}
