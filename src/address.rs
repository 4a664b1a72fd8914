//! Where a peer is, as a URL.

use core::fmt;
use core::str::FromStr;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::path::PathBuf;

/// Where a peer is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// `tcp://host:port`: plain TCP, for trusted networks; nothing is encrypted.
    Tcp(String),
    /// `tls://host:port`: TLS over TCP.
    Tls(String),
    /// `quic://host:port`: QUIC, over UDP.
    Quic(String),
    /// `unix:/path`: a Unix socket.
    Unix(PathBuf),
    /// `stdio:`: the standard input and output of this process, to listen on.
    Stdio,
}

/// Why a URL is no address of ours.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It has no scheme.
    #[error("{url:?} has no scheme: write quic://host:port, tls://host:port, tcp://host:port or unix:/path")]
    NoScheme {
        /// The URL.
        url: String,
    },
    /// Its scheme is not one that ipfi knows.
    #[error("{url:?}: scheme {scheme:?} is unknown; known are quic, tls, tcp, unix and stdio")]
    UnknownScheme {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// What follows the scheme cannot be used.
    #[error("{url:?}: {what}")]
    Invalid {
        /// The URL.
        url: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// As it reads, not as it is built: `main` prints the `Debug` of the error that it returns.
impl fmt::Debug for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressError({self})")
    }
}

const TCP_FORM: &str = "needed are a host, a port up to 65535, and nothing else: tcp://host:port";
const TLS_FORM: &str = "needed are a host, a port up to 65535, and nothing else: tls://host:port";
const QUIC_FORM: &str = "needed are a host, a port up to 65535, and nothing else: quic://host:port";
const BARE_IPV6: &str = "an IPv6 address stands in brackets: [::1]:port";

impl Address {
    /// Why this build or this system does not have the carrier, if it does not.
    #[cfg(any(
        feature = "quic",
        feature = "tls",
        feature = "tcp",
        feature = "stdio",
        all(feature = "unix", unix)
    ))]
    pub(crate) fn missing(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "built without the feature tcp",
            Self::Tls(_) => "built without the feature tls",
            Self::Quic(_) => "built without the feature quic",
            Self::Unix(_) => "no Unix sockets in this build",
            Self::Stdio => "built without the feature stdio",
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let no_scheme = || AddressError::NoScheme { url: url.into() };
        let (scheme, rest) = url.split_once(':').ok_or_else(no_scheme)?;
        let invalid = |what| AddressError::Invalid { url: url.into(), what };
        match &*scheme.to_ascii_lowercase() {
            "tcp" => authority(rest, TCP_FORM).map(Self::Tcp).map_err(invalid),
            "tls" => authority(rest, TLS_FORM).map(Self::Tls).map_err(invalid),
            "quic" => authority(rest, QUIC_FORM).map(Self::Quic).map_err(invalid),
            "unix" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(invalid("a path is needed: unix:/path")),
                path => Ok(Self::Unix(path.into())),
            },
            "stdio" => match rest {
                "" => Ok(Self::Stdio),
                _ => Err(invalid("nothing stands after the colon: stdio:")),
            },
            // `host:port`, the host perhaps `[::1]`: what stands before the colon is no scheme.
            _ if !rest.starts_with("//")
                && url.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) =>
            {
                Err(no_scheme())
            }
            _ => Err(AddressError::UnknownScheme { url: url.into(), scheme: scheme.into() }),
        }
    }
}

/// The `host:port` of what stands after a scheme; `form` says how it should look.
fn authority(rest: &str, form: &'static str) -> Result<String, &'static str> {
    let authority = rest.strip_prefix("//").ok_or(form)?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = authority.rsplit_once(':').ok_or(form)?;
    // `parse` alone would take "+80".
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err() {
        return Err(form);
    }
    if host.starts_with('[') {
        return if authority.parse::<SocketAddrV6>().is_ok() { Ok(authority.into()) } else { Err(form) };
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return Err(BARE_IPV6);
    }
    let strange = |c: char| c.is_whitespace() || "/?#@[]:".contains(c);
    if host.is_empty() || host.contains(strange) { Err(form) } else { Ok(authority.into()) }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
            Self::Tls(authority) => write!(f, "tls://{authority}"),
            Self::Quic(authority) => write!(f, "quic://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Stdio => f.write_str("stdio:"),
        }
    }
}

#[cfg(test)]
mod tests;
