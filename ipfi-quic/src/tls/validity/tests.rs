use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error};

use super::check;
use crate::tls::{CertificateHash, Identity, Trust};

/// The first and the last second of an identity's time.
fn dates(identity: &Identity) -> (u64, u64) {
    let at = |seconds| check(identity.leaf(), UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
    let first = match at(0) {
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => not_before,
        other => unreachable!("{other:?}"),
    };
    let last = match at(1 << 40) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => not_after,
        other => unreachable!("{other:?}"),
    };
    let (first, last) = (first.as_secs(), last.as_secs());
    for (seconds, valid) in [(first - 1, false), (first, true), (last, true), (last + 1, false)] {
        assert_eq!(at(seconds).is_ok(), valid, "{seconds}");
    }
    (first, last)
}

#[test]
fn a_development_certificate_is_valid_for_less_than_the_14_days_that_browsers_allow() {
    let (first, last) = dates(&Identity::development(&[]).expect("three good names"));
    let now = UnixTime::now().as_secs();
    assert!(now - first < 3700 && last > now, "{first} {now} {last}");
    assert_eq!(last - first, 13 * 24 * 60 * 60);
}

#[test]
fn what_is_no_certificate_is_refused() {
    let nothing = rustls::pki_types::CertificateDer::from(vec![0x30, 0]);
    assert!(check(&nothing, UnixTime::now()).is_err());
    // And pinning it does not make it one.
    let pinned = Trust::pinned([CertificateHash::of(&nothing)]).verifier().expect("one is pinned");
    let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
    assert!(pinned.verify_server_cert(&nothing, &[], &name, &[], UnixTime::now()).is_err());
}
