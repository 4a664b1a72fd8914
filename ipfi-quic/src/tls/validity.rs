//! Whether a certificate is valid now, whoever issued it.

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// Refuses a certificate outside of its time, and one that cannot be parsed.
///
/// webpki does not give a certificate's dates, but its path building looks at them before it looks at anything
/// else, so it is asked for a path to no root: what is left when the dates are good is that there is none,
/// which does not matter to who asks here. It costs no second parser of what a peer sent; the tests hold it
/// against self-signed, issued and CA certificates, so that another order in webpki cannot go unseen.
pub(super) fn check(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    match verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], now, &[]) {
        Err(
            error @ Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
                | CertificateError::BadEncoding,
            ),
        ) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(all(test, feature = "development"))]
mod tests;
