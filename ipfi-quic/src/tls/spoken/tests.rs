use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, Error, OtherError};

use crate::tls::{CertificateHash, PinMismatch, TlsFault};

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn wrong_name(presented: &[&str]) -> CertificateError {
    CertificateError::NotValidForNameContext {
        expected: ServerName::try_from("localhost").expect("a name"),
        presented: presented.iter().copied().map(str::to_owned).collect(),
    }
}

fn pins(expected: &[&str]) -> CertificateError {
    let expected = expected.iter().map(CertificateHash::of).collect();
    CertificateError::Other(OtherError(Arc::new(PinMismatch { expected, seen: CertificateHash::of("seen") })))
}

#[test]
fn of_every_certificate_error_its_text_says_the_same_as_the_error() {
    for error in [
        CertificateError::UnknownIssuer,
        CertificateError::ExpiredContext { time: at(1_790_000_000), not_after: at(1_780_000_000) },
        CertificateError::NotValidYetContext { time: at(1_780_000_000), not_before: at(1_790_000_000) },
        wrong_name(&[]),
        wrong_name(&["DnsName(\"example.org\")"]),
        wrong_name(&["DnsName(\"example.org\")", "IpAddress(192.0.2.1)"]),
        wrong_name(&["DnsName(\"*.example.org\")", "DnsName(\"b\")", "IpAddress(::1)"]),
        pins(&["one"]),
        pins(&["one", "two", "three"]),
    ] {
        let alert = u8::from(AlertDescription::from(error.clone()));
        let error = Error::from(error);
        let fault = TlsFault::from_rustls(&error);
        assert!(!matches!(fault, TlsFault::BadCertificate { .. } | TlsFault::Other { .. }), "{fault:?}");
        assert_eq!(TlsFault::sent_alert(alert, &error.to_string()), fault);
    }
}

#[test]
fn words_that_are_not_known_stay_as_they_are() {
    for text in [
        "Revoked",
        "certificate expired: some time ago",
        "certificate expired: verification time x (UNIX), not valid after 12",
        "certificate not valid for name \"localhost",
        "Other(OtherError(PinMismatch(expected 01, seen 02)))",
        "",
    ] {
        let fault = TlsFault::sent_alert(42, &format!("invalid peer certificate: {text}"));
        assert_eq!(fault, TlsFault::BadCertificate { what: text.to_owned() });
    }
}
