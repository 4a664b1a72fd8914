//! Identities made on the spot.

use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};

use super::error::TlsError;
use super::hash::CertificateHash;
use super::identity::Identity;

/// Browsers take no more than 14 days of a certificate that is pinned by hash (WebTransport,
/// `serverCertificateHashes`).
const VALID: Duration = Duration::from_secs(13 * 24 * 60 * 60);

/// The peer's clock may be behind.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

impl Identity {
    /// Makes a self-signed certificate with a new ECDSA P-256 key, for `names` (host names or IP addresses), or
    /// for `localhost`, `127.0.0.1` and `::1` if there are none. It is valid from an hour ago for 13 days and can
    /// be shown by a server and by a client. Nobody trusts it, except who pins its
    /// [`certificate_hash`](Self::certificate_hash) or takes it as a root.
    ///
    /// *Danger*: the key lives in this process alone, so each start has another certificate.
    ///
    /// # Errors
    ///
    /// [`TlsError::Development`] when a name cannot stand in a certificate.
    pub fn development(names: &[&str]) -> Result<Self, TlsError> {
        let names = if names.is_empty() { &["localhost", "127.0.0.1", "::1"] } else { names };
        let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
        let failed =
            |error: rcgen::Error| TlsError::Development { names: names.clone(), what: error.to_string() };

        let mut params = CertificateParams::new(names.clone()).map_err(failed)?;
        let from = SystemTime::now() - BACKDATED;
        params.not_before = from.into();
        params.not_after = (from + VALID).into();
        params.distinguished_name = DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        // Each has a name of its own: a verifier that trusts one would else take another for a forgery of it.
        let unique = CertificateHash::of(key.public_key_pem()).to_string();
        params.distinguished_name.push(DnType::CommonName, format!("ipfi development {}", &unique[..16]));
        let certificate = params.self_signed(&key).map_err(failed)?;
        Self::from_der([certificate.der().to_vec()], key.serialize_der())
    }
}
