//! Identities made on the spot.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, UnixTime};

use super::error::TlsError;
use super::hash::CertificateHash;
use super::identity::Identity;
use super::validity;

/// Browsers take no more than 14 days of a certificate that is pinned by hash (WebTransport,
/// `serverCertificateHashes`).
const VALID: Duration = Duration::from_secs(13 * 24 * 60 * 60);

/// The peer's clock may be behind.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// A server that starts is to run for a while with what it shows.
const RENEWED_BEFORE: Duration = Duration::from_secs(24 * 60 * 60);

/// What the name of the certificates made here begins with.
const NAME: &str = "ipfi development ";

impl Identity {
    /// Makes a self-signed certificate with a new ECDSA P-256 key, for `names` (host names or IP addresses), or
    /// for `localhost`, `127.0.0.1` and `::1` if there are none. It is valid from an hour ago for 13 days and can
    /// be shown by a server and by a client. Nobody trusts it, except who pins its
    /// [`certificate_hash`](Self::certificate_hash) or takes it as a root.
    ///
    /// *Danger*: the key lives in this process alone, so each start has another certificate;
    /// [`development_files`](Self::development_files) keeps it.
    ///
    /// # Errors
    ///
    /// [`TlsError::Development`] when a name cannot stand in a certificate.
    pub fn development(names: &[&str]) -> Result<Self, TlsError> {
        let (certificate, key) = make(names)?;
        Self::from_der([certificate.der().to_vec()], key.serialize_der())
    }

    /// The same, kept in two PEM files, so that a client on this machine can take the first of them as its root
    /// (`Trust::roots_file`) and a restart changes nothing. They are made where both are missing, the key readable
    /// for its owner alone (on Unix), and made anew by who starts in their last day. A certificate from elsewhere is used as it is,
    /// as by [`from_pem_files`](Self::from_pem_files), and never written over: what is put in the place of these files for
    /// others to connect needs no change of the program.
    ///
    /// Blocks while it reads and writes. For one program at a time.
    ///
    /// # Errors
    ///
    /// [`TlsError::Write`] names the file that cannot be written; else as [`from_pem_files`](Self::from_pem_files),
    /// when one of them is missing or they do not belong together, and as [`development`](Self::development).
    pub fn development_files(
        certificate: impl AsRef<Path>,
        key: impl AsRef<Path>,
        names: &[&str],
    ) -> Result<Self, TlsError> {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        if certificate.exists() || key.exists() {
            let identity = Self::from_pem_files(certificate, key)?;
            if !identity.is_made_here() || identity.is_valid_for(RENEWED_BEFORE) {
                return Ok(identity);
            }
        }
        let (made, made_key) = make(names)?;
        write(key, &made_key.serialize_pem(), true)?;
        write(certificate, &made.pem(), false)?;
        Self::from_pem_files(certificate, key)
    }

    fn own(&self) -> &[u8] {
        // There is one: an identity is not made without.
        self.certificates().next().unwrap_or_default()
    }

    fn is_made_here(&self) -> bool {
        self.own().windows(NAME.len()).any(|bytes| bytes == NAME.as_bytes())
    }

    fn is_valid_for(&self, time: Duration) -> bool {
        let now = UnixTime::now().as_secs();
        let then = UnixTime::since_unix_epoch(Duration::from_secs(now.saturating_add(time.as_secs())));
        validity::check(&CertificateDer::from(self.own()), then).is_ok()
    }
}

fn write(path: &Path, text: &str, secret: bool) -> Result<(), TlsError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = secret;
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| TlsError::Write { path: path.to_owned(), source })
}

fn make(names: &[&str]) -> Result<(Certificate, KeyPair), TlsError> {
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
    params.distinguished_name.push(DnType::CommonName, format!("{NAME}{}", &unique[..16]));
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate, key))
}
