//! Whom a client trusts.

use core::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;

use super::error::{Origin, TlsError};
use super::hash::CertificateHash;
use super::pem;
use super::provider::provider;
use super::verify::{AnyCertificate, Pins};

/// Which servers a client believes to be who they say they are. Cheap to clone.
#[derive(Clone)]
pub struct Trust(Kind);

#[derive(Clone)]
enum Kind {
    System,
    Roots(Arc<RootCertStore>),
    Pinned(Arc<[CertificateHash]>),
    Any,
}

impl Trust {
    /// Whom the operating system trusts: for servers with a public certificate. Needs the feature
    /// `platform-verifier`, without which [`TlsClientBuilder::build`](super::TlsClientBuilder::build) fails and
    /// says so.
    ///
    /// On Linux the roots are read from files when the client is built, which blocks for some milliseconds; macOS
    /// and Windows are asked at each handshake.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// Whom these roots have issued, given as PEM: for an authority of one's own. Nobody else is trusted.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when there is none, or one cannot be used: a root that is left out silently would show up as
    /// an unknown issuer much later.
    pub fn roots_pem(pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        Ok(Self(Kind::Roots(roots(&Origin::Memory, pem.as_ref())?)))
    }

    /// The same from a PEM file. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// As [`roots_pem`](Self::roots_pem), naming the file.
    pub fn roots_file(path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let path = path.as_ref();
        Ok(Self(Kind::Roots(roots(&Origin::file(path), &pem::read(path)?)?)))
    }

    /// The same from DER, one certificate each.
    ///
    /// # Errors
    ///
    /// As [`roots_pem`](Self::roots_pem).
    pub fn roots_der<C: Into<Vec<u8>>>(certificates: impl IntoIterator<Item = C>) -> Result<Self, TlsError> {
        let certificates =
            certificates.into_iter().map(|certificate| CertificateDer::from(certificate.into()));
        Ok(Self(Kind::Roots(store(&Origin::Memory, certificates)?)))
    }

    /// Exactly the servers that show one of these certificates and have its key, whatever their name and issuer:
    /// for self-signed certificates. Give two while a certificate is being replaced. The time of the certificate
    /// is still checked, and so is the handshake's signature.
    pub fn pinned(hashes: impl IntoIterator<Item = CertificateHash>) -> Self {
        Self(Kind::Pinned(hashes.into_iter().collect()))
    }

    /// Anybody at all.
    ///
    /// *Danger*: whoever sits on the way can read and change everything. Only for looking at a server whose
    /// certificate is broken; to try things out, [`pinned`](Self::pinned) is as easy. This is the one way to turn
    /// verification off.
    pub fn danger_accept_any() -> Self {
        Self(Kind::Any)
    }

    pub(super) fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        match &self.0 {
            Kind::System => system(),
            Kind::Roots(roots) => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider()).build();
                Ok(verifier.map_err(|error| TlsError::TrustsNobody { what: error.to_string() })?)
            }
            Kind::Pinned(hashes) => Ok(Arc::new(Pins::new(Arc::clone(hashes))?)),
            Kind::Any => Ok(Arc::new(AnyCertificate)),
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::System => f.write_str("Trust::system"),
            Kind::Roots(roots) => write!(f, "Trust::roots({} of them)", roots.len()),
            Kind::Pinned(hashes) => write!(f, "Trust::pinned({hashes:?})"),
            Kind::Any => f.write_str("Trust::danger_accept_any"),
        }
    }
}

#[cfg(feature = "platform-verifier")]
fn system() -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let verifier = rustls_platform_verifier::Verifier::new(provider())
        .map_err(|error| TlsError::System { what: error.to_string() })?;
    Ok(Arc::new(verifier))
}

#[cfg(not(feature = "platform-verifier"))]
fn system() -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    Err(TlsError::Unsupported { what: "trusting what the system trusts", feature: "platform-verifier" })
}

/// The roots in a PEM text, all of them.
pub(super) fn roots(origin: &Origin, text: &[u8]) -> Result<Arc<RootCertStore>, TlsError> {
    store(origin, pem::certificates(origin, text)?)
}

pub(super) fn store(
    origin: &Origin,
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates.into_iter().enumerate() {
        store.add(certificate).map_err(|error| TlsError::Certificate {
            origin: origin.clone(),
            number: index + 1,
            what: error.to_string(),
        })?;
    }
    if store.is_empty() {
        return Err(TlsError::TrustsNobody { what: "no root certificate was given".to_owned() });
    }
    Ok(Arc::new(store))
}
