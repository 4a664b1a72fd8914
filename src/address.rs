//! Where a peer is, as a URL.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

/// Where a peer is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// `tcp://host:port`: plain TCP, for trusted networks; nothing is encrypted.
    Tcp(String),
    /// `unix:/path`: a Unix socket.
    Unix(PathBuf),
}

/// Why a URL is no address of ours.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It has no scheme.
    #[error("{url:?} has no scheme: write tcp://host:port or unix:/path")]
    NoScheme {
        /// The URL.
        url: String,
    },
    /// Its scheme is not one that ipfi knows.
    #[error("{url:?}: scheme {scheme:?} is unknown; known are tcp and unix")]
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

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let no_scheme = || AddressError::NoScheme { url: url.into() };
        let (scheme, rest) = url.split_once(':').ok_or_else(no_scheme)?;
        let invalid = |what| Err(AddressError::Invalid { url: url.into(), what });
        match &*scheme.to_ascii_lowercase() {
            "tcp" => {
                let Some(authority) = rest.strip_prefix("//") else { return invalid(TCP_FORM) };
                let authority = authority.strip_suffix('/').unwrap_or(authority);
                match authority.rsplit_once(':') {
                    Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                        Ok(Self::Tcp(authority.into()))
                    }
                    _ => invalid(TCP_FORM),
                }
            }
            "unix" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => invalid("a path is needed: unix:/path"),
                path => Ok(Self::Unix(path.into())),
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

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
