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
    /// `ws://host:port/path`: WebSocket; nothing is encrypted.
    Ws(WebAddress),
    /// `wss://host:port/path`: WebSocket over TLS.
    Wss(WebAddress),
    /// `https://host:port/path`: WebTransport, over UDP.
    Https(WebAddress),
    /// `unix:/path`: a Unix socket.
    Unix(PathBuf),
    /// `stdio:`: the standard input and output of this process, to listen on.
    Stdio,
}

/// What the URL of a WebSocket or of WebTransport says behind its scheme: `host:port`, the port written out, and then path and query if it has them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebAddress(String);

/// Why a URL is no address of ours.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It has no scheme.
    #[error(
        "{url:?} has no scheme: write quic://host:port, wss://host/path, tls://host:port, tcp://host:port or unix:/path"
    )]
    NoScheme {
        /// The URL.
        url: String,
    },
    /// Its scheme is not one that ipfi knows.
    #[error(
        "{url:?}: scheme {scheme:?} is unknown; known are quic, https, tls, tcp, wss, ws, unix and stdio"
    )]
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
const WS_FORM: &str =
    "needed are a host, and perhaps a port up to 65535, a path and a query: ws://host:port/path";
const WSS_FORM: &str =
    "needed are a host, and perhaps a port up to 65535, a path and a query: wss://host:port/path";
const HTTPS_FORM: &str =
    "needed are a host, and perhaps a port up to 65535, a path and a query: https://host:port/path";
const TARGET: &str = "a path and a query are printable ASCII, and nothing stands behind them: no #fragment";
const BARE_IPV6: &str = "an IPv6 address stands in brackets: [::1]:port";

impl Address {
    /// Why this build or this system does not have the carrier, if it does not.
    #[cfg(any(
        feature = "quic",
        feature = "tls",
        feature = "tcp",
        feature = "ws",
        feature = "stdio",
        all(feature = "unix", unix)
    ))]
    pub(crate) fn missing(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "built without the feature tcp",
            Self::Tls(_) => "built without the feature tls",
            Self::Quic(_) => "built without the feature quic",
            Self::Ws(_) => "built without the feature ws",
            Self::Wss(_) => "built without the feature wss",
            Self::Https(_) => "built without the feature webtransport",
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
            "ws" => WebAddress::parse(rest, "80", WS_FORM).map(Self::Ws).map_err(invalid),
            "wss" => WebAddress::parse(rest, "443", WSS_FORM).map(Self::Wss).map_err(invalid),
            "https" => WebAddress::parse(rest, "443", HTTPS_FORM).map(Self::Https).map_err(invalid),
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

impl WebAddress {
    /// What stands after the scheme, whose usual port is `port`; `form` says how it should look.
    fn parse(rest: &str, port: &str, form: &'static str) -> Result<Self, &'static str> {
        let rest = rest.strip_prefix("//").ok_or(form)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(end);
        if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(TARGET);
        }
        // The colons of an IPv6 address are inside brackets.
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let with_port = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        let authority = authority(&format!("//{with_port}"), form)?;
        let slash = if target.starts_with('?') { "/" } else { "" };
        Ok(Self(authority + slash + target))
    }

    /// Authority and target: no authority has a slash.
    fn split(&self) -> (&str, &str) {
        self.0.split_at(self.0.find('/').unwrap_or(self.0.len()))
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        self.split().0
    }

    /// Path and query as a request has them: `/` where the URL has neither.
    pub fn target(&self) -> &str {
        let (_, target) = self.split();
        if target.is_empty() { "/" } else { target }
    }

    /// What a request calls the host: without the port, if that is `usual`.
    #[cfg(any(feature = "ws", feature = "webtransport"))]
    pub(crate) fn host(&self, usual: &str) -> &str {
        let authority = self.authority();
        authority.strip_suffix(usual).and_then(|host| host.strip_suffix(':')).unwrap_or(authority)
    }

    /// The one path to be listened at; none where the URL has no path, which stands for all.
    #[cfg(feature = "ws")]
    pub(crate) fn path(&self) -> Option<&str> {
        let (_, target) = self.split();
        (!target.is_empty()).then_some(target)
    }

    /// The same where a listener has been bound.
    #[cfg(feature = "ws")]
    pub(crate) fn bound(&self, authority: &str) -> Self {
        Self(authority.to_owned() + self.split().1)
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
            Self::Ws(web) => write!(f, "ws://{}", web.0),
            Self::Wss(web) => write!(f, "wss://{}", web.0),
            Self::Https(web) => write!(f, "https://{}", web.0),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Stdio => f.write_str("stdio:"),
        }
    }
}

#[cfg(test)]
mod tests;
