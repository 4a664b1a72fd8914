//! An identity that can be changed while connections live.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::UnixTime;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::error::TlsError;
use super::fault::TlsFault;
use super::identity::Identity;
use super::validity;

/// A handle on the identity that new handshakes show. Clones share it: keep one, give another to
/// [`TlsServer::builder`](super::TlsServer::builder) or
/// [`TlsClientBuilder::identity`](super::TlsClientBuilder::identity), and change it when the certificate is
/// renewed. Connections that exist are not touched, and neither are sessions that resume one.
#[derive(Clone, Debug)]
pub struct ReloadableIdentity(Arc<RwLock<Identity>>);

impl ReloadableIdentity {
    /// Shows `identity` until it is changed.
    pub fn new(identity: Identity) -> Self {
        Self(Arc::new(RwLock::new(identity)))
    }

    /// What new handshakes show now.
    pub fn current(&self) -> Identity {
        // Only whole identities are written, so a poisoned lock holds one too.
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows `identity` from the next handshake on.
    pub fn replace(&self, identity: Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// Reads two PEM files as [`Identity::from_pem_files`] does and shows what they hold from the next handshake
    /// on. Blocks while it reads; handshakes go on meanwhile.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when the files cannot be used, or when their certificate has expired or is not yet valid.
    /// The old identity then stays: files that are being written, or the wrong ones, take no server down.
    pub fn reload_from_files(
        &self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<(), TlsError> {
        let new = Identity::from_pem_files(certificates, key)?;
        if let Err(error) = validity::check(new.leaf(), UnixTime::now()) {
            let fault = TlsFault::from_rustls(&error);
            return Err(TlsError::NotCurrent { origin: new.origin().clone(), fault });
        }
        self.replace(new);
        Ok(())
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(self.0.read().unwrap_or_else(PoisonError::into_inner).certified())
    }
}

impl From<Identity> for ReloadableIdentity {
    fn from(identity: Identity) -> Self {
        Self::new(identity)
    }
}

/// What rustls asks at each handshake. Apart from the handle, so that no trait of rustls is public.
#[derive(Debug)]
pub(super) struct Resolver(pub(super) ReloadableIdentity);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.certified())
    }
}

impl ResolvesClientCert for Resolver {
    /// Shown whatever issuers the server hints at: a server that pins names none, and one that refuses says so.
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let certified = self.0.certified();
        certified.key.choose_scheme(schemes).is_some().then_some(certified)
    }

    fn has_certs(&self) -> bool {
        true
    }
}
