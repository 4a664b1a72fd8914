//! Identities made on the spot.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::error::TlsError;
use super::hash::CertificateHash;
use super::identity::Identity;
use super::{pem, validity};

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
    /// for its owner alone (on Unix), and made anew by who starts in their last day, or for a name that is not in them. A certificate from elsewhere is used as it is,
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
            let serves = identity.is_valid_for(RENEWED_BEFORE) && identity.has(or_local(names));
            if serves || !identity.is_made_here(&pem::read(key)?) {
                return Ok(identity);
            }
        }
        let (made, made_key) = make(names)?;
        // The key first: whoever has read it alone has nothing that is shown to anybody.
        write(key, &made_key.serialize_pem(), true)?;
        write(certificate, &made.pem(), false)?;
        Self::from_pem_files(certificate, key)
    }

    fn own(&self) -> &[u8] {
        // There is one: an identity is not made without.
        self.certificates().next().unwrap_or_default()
    }

    /// Whether its name is made of its key, as only those are that are made here.
    fn is_made_here(&self, key: &[u8]) -> bool {
        let key = core::str::from_utf8(key).ok().and_then(|pem| KeyPair::from_pem(pem).ok());
        let name = key.map(|key| name_of(&key));
        name.is_some_and(|name| self.own().windows(name.len()).any(|bytes| bytes == name.as_bytes()))
    }

    fn has(&self, names: &[&str]) -> bool {
        let own = CertificateDer::from(self.own());
        ParsedCertificate::try_from(&own).is_ok_and(|own| {
            names.iter().all(|name| {
                ServerName::try_from(*name).is_ok_and(|name| verify_server_name(&own, &name).is_ok())
            })
        })
    }

    fn is_valid_for(&self, time: Duration) -> bool {
        let now = UnixTime::now().as_secs();
        let then = UnixTime::since_unix_epoch(Duration::from_secs(now.saturating_add(time.as_secs())));
        validity::check(&CertificateDer::from(self.own()), then).is_ok()
    }
}

/// A file with this text, in the place of one that is there: never half of it, nor with the permissions of that one.
fn write(path: &Path, text: &str, secret: bool) -> Result<(), TlsError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = Path::new(&beside);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = secret;
    let written = options.open(beside).and_then(|mut file| {
        let placed = file.write_all(text.as_bytes()).and_then(|()| fs::rename(beside, path));
        // What could not be placed is of no use.
        placed.inspect_err(|_| drop(fs::remove_file(beside)))
    });
    written.map_err(|source| TlsError::Write { path: path.to_owned(), source })
}

/// Each has a name of its own: a verifier that trusts one would else take another for a forgery of it.
fn name_of(key: &KeyPair) -> String {
    let unique = CertificateHash::of(key.public_key_pem()).to_string();
    format!("{NAME}{}", &unique[..16])
}

fn or_local<'a>(names: &'a [&'a str]) -> &'a [&'a str] {
    if names.is_empty() { &["localhost", "127.0.0.1", "::1"] } else { names }
}

fn make(names: &[&str]) -> Result<(Certificate, KeyPair), TlsError> {
    let names: Vec<String> = or_local(names).iter().copied().map(str::to_owned).collect();
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
    params.distinguished_name.push(DnType::CommonName, name_of(&key));
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate, key))
}
