use ipfi_quic::tls::{CertificateHash, Found, Identity, TlsError};

use crate::kit::{Authority, Folder, Validity, assert_says, self_signed, shown};

#[test]
fn an_identity_is_the_same_from_files_from_pem_and_from_der() {
    let pem = self_signed(&["localhost"], Validity::Now);
    let identity = pem.identity();
    let folder = Folder::new();
    let (certificate, key) = (folder.write("cert.pem", &pem.certificate), folder.write("key.pem", &pem.key));
    let both = folder.write("both.pem", format!("{}{}", pem.key, pem.certificate));
    let from_files = Identity::from_pem_files(certificate, key).unwrap();
    let from_one = Identity::from_pem_files(&both, &both).unwrap();
    assert_eq!(from_files.certificate_hash(), identity.certificate_hash());
    assert_eq!(from_one.certificate_hash(), identity.certificate_hash());

    let key = rcgen::KeyPair::from_pem(&pem.key).unwrap().serialize_der();
    let chain: Vec<Vec<u8>> = identity.certificates().map(<[u8]>::to_vec).collect();
    let from_der = Identity::from_der(chain.clone(), key).unwrap();
    assert_eq!(from_der.certificate_hash(), CertificateHash::of(&chain[0]));
    assert_eq!(from_der.certificate_hash(), identity.certificate_hash());
}

#[test]
fn a_missing_file_is_named() {
    let folder = Folder::new();
    let path = folder.path("nowhere.pem");
    let error = Identity::from_pem_files(&path, &path).unwrap_err();
    assert!(matches!(error, TlsError::Read { .. }));
    assert_says(&error, &["cannot read", &shown(&path)]);
}

#[test]
fn a_file_without_a_certificate_or_a_key_is_named_with_what_it_has() {
    let pem = self_signed(&["localhost"], Validity::Now);
    let folder = Folder::new();
    let certificate = folder.write("cert.pem", &pem.certificate);
    let key = folder.write("key.pem", &pem.key);

    let error = Identity::from_pem_files(&key, &key).unwrap_err();
    assert_says(&error, &["no CERTIFICATE in", &shown(&key), "found PRIVATE KEY"]);
    let error = Identity::from_pem_files(&certificate, &certificate).unwrap_err();
    assert_says(&error, &["no PRIVATE KEY in", &shown(&certificate), "found CERTIFICATE"]);
}

#[test]
fn what_is_no_pem_is_called_what_it_looks_like() {
    let pem = self_signed(&["localhost"], Validity::Now);
    let identity = pem.identity();
    let der = identity.certificates().next().unwrap();
    let found = |text: &[u8]| match Identity::from_pem(text, &pem.key).unwrap_err() {
        TlsError::NoCertificate { found, .. } => found,
        other => panic!("{other}"),
    };
    assert_eq!(found(b""), Found::Empty);
    assert_eq!(found(b"hello"), Found::NoPem);
    assert_eq!(found(der), Found::Der);
    let error = Identity::from_pem(
        &pem.certificate,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    assert_says(&error.unwrap_err(), &["no PRIVATE KEY", "ENCRYPTED PRIVATE KEY; decrypt the key first"]);
}

#[test]
fn broken_pem_is_an_error_that_repeats_nothing_of_the_key() {
    let pem = self_signed(&["localhost"], Validity::Now);
    let body: Vec<&str> = pem.key.lines().collect();
    let cut = body[..body.len() - 1].join("\n");
    let error = Identity::from_pem(&pem.certificate, &cut).unwrap_err();
    assert!(matches!(error, TlsError::Pem { .. }), "{error}");
    assert_says(&error, &["the given bytes", "no END line"]);
    let garbled = pem.key.replacen(&body[1][..8], "!!!!!!!!", 1);
    let error = Identity::from_pem(&pem.certificate, &garbled).unwrap_err();
    assert!(matches!(error, TlsError::Pem { .. }), "{error}");
    for secret in &body[1..body.len() - 1] {
        assert!(!format!("{error} {error:?}").contains(&secret[8..]), "{error:?}");
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (one, other) =
        (self_signed(&["localhost"], Validity::Now), self_signed(&["localhost"], Validity::Now));
    let folder = Folder::new();
    let certificate = folder.write("cert.pem", &one.certificate);
    let key = folder.write("key.pem", &other.key);
    let error = Identity::from_pem_files(&certificate, &key).unwrap_err();
    assert!(matches!(error, TlsError::KeyMismatch { belongs_to: None, .. }), "{error}");
    assert_says(&error, &[&shown(&key), "does not belong to the certificate of", &shown(&certificate)]);
}

#[test]
fn a_chain_in_the_wrong_order_is_told_apart_from_a_wrong_key() {
    let authority = Authority::new("first");
    let pem = authority.issue(&["localhost"], Validity::Now);
    let error = Identity::from_pem(format!("{}{}", authority.pem(), pem.certificate), &pem.key).unwrap_err();
    assert!(matches!(error, TlsError::KeyMismatch { belongs_to: Some(2), .. }), "{error}");
    assert_says(&error, &["number 2 there", "must come first"]);
}

#[test]
fn der_that_is_no_key_or_no_certificate_is_refused() {
    let pem = self_signed(&["localhost"], Validity::Now);
    let identity = pem.identity();
    let certificate = identity.certificates().next().unwrap().to_vec();
    let key = rcgen::KeyPair::from_pem(&pem.key).unwrap().serialize_der();
    let error = Identity::from_der([certificate], vec![1, 2, 3]).unwrap_err();
    assert!(matches!(error, TlsError::Key { .. }), "{error}");
    let error = Identity::from_der([vec![1, 2, 3]], key.clone()).unwrap_err();
    assert!(matches!(error, TlsError::Certificate { number: 1, .. }), "{error}");
    let error = Identity::from_der(Vec::<Vec<u8>>::new(), key).unwrap_err();
    assert!(matches!(error, TlsError::NoCertificate { .. }), "{error}");
}

#[test]
fn an_identity_prints_without_its_key() {
    let identity = Identity::development(&[]).unwrap();
    let text = format!("{identity:?}");
    assert!(text.contains(&identity.certificate_hash().to_string()) && text.contains(".."), "{text}");
}

#[test]
fn a_development_identity_takes_names_and_addresses_and_refuses_what_is_neither() {
    let (one, other) = (Identity::development(&["example.org", "::1"]), Identity::development(&[]));
    assert_ne!(one.unwrap().certificate_hash(), other.unwrap().certificate_hash());
    let error = Identity::development(&["not ascii: ü"]).unwrap_err();
    assert_says(&error, &["development certificate", "not ascii"]);
}
