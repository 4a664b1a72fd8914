//! What went wrong between the two sides of a handshake, in one sentence.

use core::fmt;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::alert;
use super::hash::CertificateHash;
use super::spoken;
use super::utc::Utc;

/// Why a TLS handshake failed, or a connection broke off: a sentence that says which side refused what, and what
/// it saw. What is wrong before any peer is asked is a [`TlsError`](super::TlsError).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The peer's certificate is too old.
    #[error("the peer's certificate expired{}", When(" at ", .not_after, .now))]
    Expired {
        /// The last moment of its validity, where it is known.
        not_after: Option<SystemTime>,
        /// This side's clock then.
        now: Option<SystemTime>,
    },
    /// The peer's certificate is not valid yet; often one of the clocks is wrong.
    #[error("the peer's certificate is not yet valid{}", When(", but from ", .not_before, .now))]
    NotYetValid {
        /// The first moment of its validity, where it is known.
        not_before: Option<SystemTime>,
        /// This side's clock then.
        now: Option<SystemTime>,
    },
    /// Nobody this side trusts has issued the peer's certificate.
    #[error("the peer's certificate has an unknown issuer: it leads to none of the roots this side trusts")]
    UnknownIssuer,
    /// The server's certificate is for other names.
    #[error("the server's certificate is not for {expected}, but for {}", Names(.presented))]
    WrongName {
        /// The name this side asked for.
        expected: String,
        /// The names it has.
        presented: Vec<String>,
    },
    /// The peer's certificate is not one of those that were pinned.
    #[error(transparent)]
    PinMismatch(#[from] PinMismatch),
    /// The peer's certificate cannot be accepted for another reason.
    #[error("the peer's certificate was refused: {what}")]
    BadCertificate {
        /// Why.
        what: String,
    },
    /// The client showed no certificate, and this server requires one.
    #[error("client certificate required: the client showed none")]
    NoClientCertificate,
    /// The two sides have no protocol in common (ALPN).
    #[error("no application protocol (ALPN) in common: this side has {}, the peer {}", Names(.ours), Theirs(.theirs))]
    NoCommonProtocol {
        /// What this side offered or takes; empty if it is not known here.
        ours: Vec<String>,
        /// What the peer offered; `None` if it did not say.
        theirs: Option<Vec<String>>,
    },
    /// The peer refused, by this alert.
    #[error("the peer refused: {} (alert {alert})", alert::meaning(*.alert))]
    RefusedByPeer {
        /// The number of the TLS alert.
        alert: u8,
    },
    /// What the peer sent is not TLS.
    #[error("the peer does not speak TLS")]
    NotTls,
    /// The connection ended before the handshake did.
    #[error("the connection ended during the TLS handshake")]
    Ended,
    /// The connection ended without TLS's goodbye: what was read may not be all.
    #[error("the connection was cut: it ended without a TLS close_notify")]
    Cut,
    /// The name cannot be asked for.
    #[error("{name:?} is neither a host name nor an IP address that a certificate could have")]
    BadServerName {
        /// What was given.
        name: String,
    },
    /// Something else.
    #[error("{what}")]
    Other {
        /// What TLS or the system said.
        what: String,
    },
}

/// The certificate's hash is none of those that were pinned.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the peer's certificate is not a pinned one: expected {}, seen {seen}", Hashes(.expected))]
#[non_exhaustive]
pub struct PinMismatch {
    /// The pinned hashes.
    pub expected: Arc<[CertificateHash]>,
    /// The hash of the certificate the peer showed.
    pub seen: CertificateHash,
}

/// As it reads, not as it is built: of a verifier's error, rustls prints the `Debug`.
impl fmt::Debug for PinMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinMismatch({self})")
    }
}

impl TlsFault {
    /// Explains an error of rustls.
    pub fn from_rustls(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => Self::from_certificate(error),
            Error::NoCertificatesPresented => Self::NoClientCertificate,
            Error::NoApplicationProtocol => Self::NoCommonProtocol { ours: Vec::new(), theirs: None },
            Error::AlertReceived(alert) => Self::received_alert(u8::from(*alert)),
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            error => Self::Other { what: error.to_string() },
        }
    }

    /// Explains an error of a stream over which TLS runs: rustls' own is looked for inside.
    pub fn from_io(error: &io::Error) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = error.get_ref().map(|inner| inner as _);
        while let Some(error) = cause {
            if let Some(fault) = error.downcast_ref::<Self>() {
                return fault.clone();
            }
            if let Some(error) = error.downcast_ref::<Error>() {
                return Self::from_rustls(error);
            }
            cause = error.source();
        }
        Self::Other { what: error.to_string() }
    }

    /// Explains a TLS alert that the peer sent.
    pub fn received_alert(alert: u8) -> Self {
        match AlertDescription::from(alert) {
            AlertDescription::NoApplicationProtocol => {
                Self::NoCommonProtocol { ours: Vec::new(), theirs: None }
            }
            _ => Self::RefusedByPeer { alert },
        }
    }

    /// Explains a TLS alert that this side sent, where only its number and the text of rustls are left: so it is
    /// with QUIC, whose error has no room for more. What the text does not say in the words known here stays text.
    pub fn sent_alert(alert: u8, text: &str) -> Self {
        match (AlertDescription::from(alert), text.strip_prefix("invalid peer certificate: ")) {
            (_, Some(reason)) => spoken::certificate(reason),
            (AlertDescription::CertificateRequired, None) => Self::NoClientCertificate,
            (AlertDescription::NoApplicationProtocol, None) => {
                Self::NoCommonProtocol { ours: Vec::new(), theirs: None }
            }
            (_, None) => Self::Other { what: text.to_owned() },
        }
    }

    /// The TLS alert in a transport error code of QUIC, if it is one (RFC 9001 section 4.8: 0x0100 to 0x01ff).
    pub fn alert_of_quic_code(code: u64) -> Option<u8> {
        match code {
            0x0100..=0x01ff => u8::try_from(code & 0xff).ok(),
            _ => None,
        }
    }

    /// The same with what this side offered, if the fault is that nothing is in common.
    #[must_use]
    pub fn with_protocols<'a>(self, offered: impl IntoIterator<Item = &'a [u8]>) -> Self {
        match self {
            Self::NoCommonProtocol { theirs, .. } => {
                Self::NoCommonProtocol { ours: printable(offered), theirs }
            }
            other => other,
        }
    }

    fn from_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired => Self::Expired { not_after: None, now: None },
            CertificateError::ExpiredContext { time, not_after } => {
                Self::Expired { not_after: moment(not_after.as_secs()), now: moment(time.as_secs()) }
            }
            CertificateError::NotValidYet => Self::NotYetValid { not_before: None, now: None },
            CertificateError::NotValidYetContext { time, not_before } => {
                Self::NotYetValid { not_before: moment(not_before.as_secs()), now: moment(time.as_secs()) }
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForNameContext { expected, presented } => Self::WrongName {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| plain_name(name)).collect(),
            },
            CertificateError::Other(error) => match error.0.downcast_ref::<PinMismatch>() {
                Some(mismatch) => Self::PinMismatch(mismatch.clone()),
                None => Self::BadCertificate { what: error.to_string() },
            },
            error => Self::BadCertificate { what: error.to_string() },
        }
    }
}

/// Protocol names as text: they are bytes, and the peer's may be any.
pub(super) fn printable<'a>(protocols: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    protocols.into_iter().map(|name| String::from_utf8_lossy(name).escape_debug().to_string()).collect()
}

/// webpki writes names as `DnsName("localhost")`.
pub(super) fn plain_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

/// Seconds since 1970 as the system counts.
pub(super) fn moment(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

struct When<'a>(&'static str, &'a Option<SystemTime>, &'a Option<SystemTime>);

impl fmt::Display for When<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.1 {
            write!(f, "{}{}", self.0, Utc(*at))?;
        }
        if let Some(now) = self.2 {
            write!(f, " (this side's clock: {})", Utc(*now))?;
        }
        Ok(())
    }
}

struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none") } else { f.write_str(&self.0.join(", ")) }
    }
}

struct Theirs<'a>(&'a Option<Vec<String>>);

impl fmt::Display for Theirs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(names) => Names(names).fmt(f),
            None => f.write_str("none of these"),
        }
    }
}

struct Hashes<'a>(&'a [CertificateHash]);

impl fmt::Display for Hashes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, hash) in self.0.iter().enumerate() {
            write!(f, "{}{hash}", if index > 0 { " or " } else { "" })?;
        }
        Ok(())
    }
}
