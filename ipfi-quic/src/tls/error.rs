//! What is wrong with this side's own TLS settings.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::TlsFault;

/// This side's certificates, keys or settings cannot be used: always this program's or its files' fault, found
/// before anything is sent. What goes wrong with a peer is a [`TlsFault`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not PEM all through.
    #[error("{origin} is not valid PEM: {what}")]
    Pem {
        /// Where it came from.
        origin: Origin,
        /// What is wrong with it.
        what: String,
    },
    /// No item `CERTIFICATE` where there must be one.
    #[error("no CERTIFICATE in {origin}: {found}")]
    NoCertificate {
        /// Where it was looked for.
        origin: Origin,
        /// What is there instead.
        found: Found,
    },
    /// No private key where there must be one.
    #[error("no PRIVATE KEY in {origin}: {found}")]
    NoKey {
        /// Where it was looked for.
        origin: Origin,
        /// What is there instead.
        found: Found,
    },
    /// A certificate cannot be used.
    #[error("certificate {number} of {origin} cannot be used: {what}")]
    Certificate {
        /// Where it came from.
        origin: Origin,
        /// Which of those there, from 1.
        number: usize,
        /// Why not.
        what: String,
    },
    /// The private key cannot be used.
    #[error("the private key of {origin} cannot be used: {what}")]
    Key {
        /// Where it came from.
        origin: Origin,
        /// Why not.
        what: String,
    },
    /// The key is not that of the first certificate.
    #[error(
        "the key of {key} does not belong to the certificate of {certificate}{}",
        .belongs_to.map(|number| format!(", but to number {number} there: the peer's own must come first"))
            .unwrap_or_default()
    )]
    KeyMismatch {
        /// Where the certificates came from.
        certificate: Origin,
        /// Where the key came from.
        key: Origin,
        /// The certificate of the chain that the key does belong to, from 1.
        belongs_to: Option<usize>,
    },
    /// The new certificate could not be used now, so the old one stays.
    #[error("the new certificate of {origin} is not taken, and the old one stays: {fault}")]
    NotCurrent {
        /// Where it came from.
        origin: Origin,
        /// Expired, or not yet valid.
        fault: TlsFault,
    },
    /// Nobody would be trusted, so that no connection could ever be made.
    #[error("nobody would be trusted: {what}")]
    TrustsNobody {
        /// What is empty.
        what: String,
    },
    /// The system's store of roots cannot be used.
    #[error("the system's certificates cannot be used: {what}")]
    System {
        /// What the verifier said.
        what: String,
    },
    /// This build has not the feature.
    #[error("{what} needs ipfi-quic's feature `{feature}`, which this build has not")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// The feature.
        feature: &'static str,
    },
    /// A protocol name (ALPN) must have 1 to 255 bytes, and there must be one.
    #[error("protocol names (ALPN) have 1 to 255 bytes, and at least one is needed: {seen:?} given")]
    Protocols {
        /// What was given.
        seen: Vec<String>,
    },
    /// rustls refuses the settings.
    #[error("the TLS settings cannot be used: {what}")]
    Settings {
        /// What it said.
        what: String,
    },
    /// The development identity could not be made.
    #[error("no development certificate could be made for {names:?}: {what}")]
    Development {
        /// The names that were asked for.
        names: Vec<String>,
        /// What the generator said.
        what: String,
    },
}

/// Where certificates or a key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file.
    File(Arc<Path>),
    /// Bytes the program gave.
    Memory,
}

impl Origin {
    pub(crate) fn file(path: &Path) -> Self {
        Self::File(path.into())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Memory => f.write_str("the given bytes"),
        }
    }
}

/// What a text has in it, where something else was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// Nothing at all.
    Empty,
    /// These PEM items, at most 8 of them.
    Items(Vec<String>),
    /// No PEM, but what looks like DER.
    Der,
    /// No PEM.
    NoPem,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Items(items) if items.iter().any(|item| item == "ENCRYPTED PRIVATE KEY") => {
                write!(f, "found {}; decrypt the key first", items.join(", "))
            }
            Self::Items(items) => write!(f, "found {}", items.join(", ")),
            Self::Der => f.write_str("found no PEM item, but what looks like DER"),
            Self::NoPem => f.write_str("found no PEM item"),
        }
    }
}
