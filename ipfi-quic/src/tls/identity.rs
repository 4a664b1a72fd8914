//! Who this side is: a certificate chain and its private key.

use core::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::error::{Origin, TlsError};
use super::hash::CertificateHash;
use super::pem;
use super::provider::provider;

/// A certificate chain, this side's own certificate first, and the private key of that one. Checked to belong
/// together when it is made. Cheap to clone; prints without the key.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    origin: Origin,
}

impl Identity {
    /// Reads two PEM files, which may be the same one. The key is PKCS#8 (`PRIVATE KEY`), PKCS#1
    /// (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`), not encrypted.
    ///
    /// Blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the file and what is there instead.
    pub fn from_pem_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let (certificates, key) = (certificates.as_ref(), key.as_ref());
        Self::parse(
            (Origin::file(certificates), &pem::read(certificates)?),
            (Origin::file(key), &pem::read(key)?),
        )
    }

    /// The same from PEM in memory.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says what is there instead.
    pub fn from_pem(certificates: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        Self::parse((Origin::Memory, certificates.as_ref()), (Origin::Memory, key.as_ref()))
    }

    /// The same from DER: the chain, this side's own certificate first, and the key as PKCS#8, PKCS#1 or SEC 1.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says which of them cannot be used.
    pub fn from_der<C>(chain: impl IntoIterator<Item = C>, key: impl Into<Vec<u8>>) -> Result<Self, TlsError>
    where
        C: Into<Vec<u8>>,
    {
        let chain = chain.into_iter().map(|certificate| CertificateDer::from(certificate.into())).collect();
        let key = PrivateKeyDer::try_from(key.into())
            .map_err(|what| TlsError::Key { origin: Origin::Memory, what: what.to_owned() })?;
        Self::new(Origin::Memory, chain, Origin::Memory, key)
    }

    fn parse(certificates: (Origin, &[u8]), key: (Origin, &[u8])) -> Result<Self, TlsError> {
        let chain = pem::certificates(&certificates.0, certificates.1)?;
        let private = pem::key(&key.0, key.1)?;
        Self::new(certificates.0, chain, key.0, private)
    }

    fn new(
        origin: Origin,
        chain: Vec<CertificateDer<'static>>,
        key_origin: Origin,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        if chain.is_empty() {
            return Err(TlsError::NoCertificate { origin, found: super::error::Found::Empty });
        }
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(|error| TlsError::Key { origin: key_origin.clone(), what: error.to_string() })?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            // A key that cannot say its public half is taken on trust, as rustls does.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self { certified: Arc::new(certified), origin })
            }
            Err(Error::InconsistentKeys(_)) => Err(TlsError::KeyMismatch {
                belongs_to: belongs_to(&certified),
                certificate: origin,
                key: key_origin,
            }),
            Err(error) => Err(TlsError::Certificate { origin, number: 1, what: error.to_string() }),
        }
    }

    /// The hash of this side's own certificate, by which a peer may pin it.
    pub fn certificate_hash(&self) -> CertificateHash {
        CertificateHash::of(self.leaf())
    }

    /// The chain as DER, this side's own certificate first.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certified.cert.iter().map(AsRef::as_ref)
    }

    pub(super) fn leaf(&self) -> &CertificateDer<'static> {
        self.certified.cert.first().expect("an identity is never made of an empty chain")
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }
}

/// The certificate of the chain that the key belongs to: a chain in the wrong order is the usual mistake.
fn belongs_to(certified: &CertifiedKey) -> Option<usize> {
    let place = certified.cert.iter().position(|certificate| {
        CertifiedKey::new(vec![certificate.clone()], Arc::clone(&certified.key)).keys_match().is_ok()
    })?;
    Some(place + 1)
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("origin", &self.origin)
            .field("certificates", &self.certified.cert.len())
            .field("certificate_hash", &self.certificate_hash())
            .finish_non_exhaustive()
    }
}
