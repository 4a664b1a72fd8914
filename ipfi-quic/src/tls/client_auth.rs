//! Which clients a server lets in (mutual TLS).

use core::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};

use super::error::{Origin, TlsError};
use super::hash::CertificateHash;
use super::pem;
use super::provider::provider;
use super::trust;
use super::verify::Pins;

/// Roots that issue the certificates of clients. Cheap to clone.
#[derive(Clone)]
pub struct ClientRoots(Arc<RootCertStore>);

impl ClientRoots {
    /// Reads roots from PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when there is none, or one cannot be used.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        Ok(Self(trust::roots(&Origin::Memory, pem.as_ref())?))
    }

    /// Reads roots from a PEM file. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem), naming the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let path = path.as_ref();
        Ok(Self(trust::roots(&Origin::file(path), &pem::read(path)?)?))
    }

    /// Takes roots as DER, one certificate each.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der<C: Into<Vec<u8>>>(certificates: impl IntoIterator<Item = C>) -> Result<Self, TlsError> {
        let certificates =
            certificates.into_iter().map(|certificate| CertificateDer::from(certificate.into()));
        Ok(Self(trust::store(&Origin::Memory, certificates)?))
    }
}

impl fmt::Debug for ClientRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientRoots({} of them)", self.0.len())
    }
}

/// Whether clients must show a certificate, and which. What they showed is in
/// [`Peer::certificates`](ipfi_core::Peer::certificates); who that is, the authentication hook decides.
#[derive(Clone, Debug, Default)]
pub struct ClientAuth(Kind);

#[derive(Clone, Debug, Default)]
enum Kind {
    #[default]
    None,
    Required(ClientRoots),
    Optional(ClientRoots),
    Pinned(Arc<[CertificateHash]>),
}

impl ClientAuth {
    /// Clients are not asked for a certificate: the default.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// Whether clients may show one.
    pub(super) fn asks(&self) -> bool {
        !matches!(self.0, Kind::None)
    }

    /// Only clients get in that show a certificate one of `roots` has issued.
    pub fn required(roots: ClientRoots) -> Self {
        Self(Kind::Required(roots))
    }

    /// Clients may show a certificate, which must then be good: a bad one is refused, not ignored.
    ///
    /// *Danger*: who shows none gets in too. Look at [`Peer::certificates`](ipfi_core::Peer::certificates).
    pub fn optional(roots: ClientRoots) -> Self {
        Self(Kind::Optional(roots))
    }

    /// Only clients get in that show one of these certificates, within its time and whoever issued it.
    pub fn pinned(hashes: impl IntoIterator<Item = CertificateHash>) -> Self {
        Self(Kind::Pinned(hashes.into_iter().collect()))
    }

    pub(super) fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let (roots, optional) = match &self.0 {
            Kind::None => return Ok(Arc::new(NoClientAuth)),
            Kind::Pinned(hashes) => return Ok(Arc::new(Pins::new(Arc::clone(hashes))?)),
            Kind::Required(roots) => (roots, false),
            Kind::Optional(roots) => (roots, true),
        };
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots.0), provider());
        let builder = if optional { builder.allow_unauthenticated() } else { builder };
        builder.build().map_err(|error| TlsError::TrustsNobody { what: error.to_string() })
    }
}
