//! Authorities, certificates of any time, and two ends of a handshake.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ipfi_quic::tls::{
    CertificateHash, Identity, TlsClient, TlsClientBuilder, TlsFault, TlsServer, TlsServerBuilder, TlsStream,
    Trust,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// A protocol of no carrier.
pub(crate) const TEST: &str = "test";

const DAY: Duration = Duration::from_secs(86_400);

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    Now,
    Past,
    Future,
}

fn params(names: &[&str], validity: Validity) -> CertificateParams {
    let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let now = SystemTime::now();
    let (from, to) = match validity {
        Validity::Now => (now - DAY, now + DAY),
        Validity::Past => (now - 10 * DAY, now - DAY),
        Validity::Future => (now + DAY, now + 10 * DAY),
    };
    params.not_before = from.into();
    params.not_after = to.into();
    params
}

/// One certificate and its key, as PEM.
#[derive(Clone)]
pub(crate) struct Pem {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pem {
    pub(crate) fn identity(&self) -> Identity {
        Identity::from_pem(&self.certificate, &self.key).unwrap()
    }
}

/// A certificate that issued itself.
pub(crate) fn self_signed(names: &[&str], validity: Validity) -> Pem {
    signed_by_itself(params(names, validity))
}

/// One as it was made for development, for `localhost`.
pub(crate) fn development(validity: Validity) -> Pem {
    let mut params = params(&["localhost"], validity);
    let key = KeyPair::generate().unwrap();
    let unique = CertificateHash::of(key.public_key_pem()).to_string();
    params.distinguished_name.push(DnType::CommonName, format!("ipfi development {}", &unique[..16]));
    Pem { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// One whose name begins as theirs do.
pub(crate) fn named(name: &str, validity: Validity) -> Pem {
    let mut params = params(&["localhost"], validity);
    params.distinguished_name.push(DnType::CommonName, name);
    signed_by_itself(params)
}

/// What `openssl req -x509` makes: a certificate that issued itself and may issue others.
pub(crate) fn self_signed_ca(names: &[&str], validity: Validity) -> Pem {
    let mut params = params(names, validity);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    signed_by_itself(params)
}

fn signed_by_itself(params: CertificateParams) -> Pem {
    let key = KeyPair::generate().unwrap();
    Pem { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// Who issues certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(&[], Validity::Now);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, names: &[&str], validity: Validity) -> Pem {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names, validity).signed_by(&key, &self.0).unwrap();
        Pem { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// What each side has of a handshake.
pub(crate) struct Ends {
    pub(crate) client: Result<TlsStream<DuplexStream>, TlsFault>,
    pub(crate) server: Result<TlsStream<DuplexStream>, TlsFault>,
}

impl Ends {
    /// Why the server did not let the client in: as the server has it, and as the client hears it, which takes
    /// its own handshake for done before the server has looked at its certificate.
    pub(crate) fn refused(self) -> (TlsFault, TlsFault) {
        (self.server.unwrap_err(), self.client.unwrap_err())
    }
}

pub(crate) fn client(trust: Trust) -> TlsClientBuilder {
    TlsClient::builder(trust)
}

/// Both ends at once. The client then reads a greeting of the server, which brings it the session tickets and
/// what the server thinks of its certificate.
pub(crate) async fn handshake_of(client: &TlsClient, server: &TlsServer, name: &str) -> Ends {
    let (near, far) = duplex(1 << 16);
    let connects = async {
        let mut stream = TlsStream::connect(near, name, client).await?;
        match stream.read_u8().await {
            Ok(_) => Ok(stream),
            Err(error) => Err(TlsFault::from_io(&error)),
        }
    };
    let accepts = async {
        let mut stream = TlsStream::accept(far, server).await?;
        // A client that has refused does not take it.
        let _ = stream.write_u8(b'!').await;
        let _ = stream.flush().await;
        Ok(stream)
    };
    let (client, server) = tokio::join!(connects, accepts);
    Ends { client, server }
}

/// The same with settings for [`TEST`] and the name `localhost`.
pub(crate) async fn handshake(client: &TlsClientBuilder, server: &TlsServerBuilder) -> Ends {
    handshake_of(&client.build(&[TEST]).unwrap(), &server.build(&[TEST]).unwrap(), "localhost").await
}

/// A folder that goes with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("ipfi-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Asserts that an error says all of this.
pub(crate) fn assert_says(error: &dyn std::fmt::Display, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
