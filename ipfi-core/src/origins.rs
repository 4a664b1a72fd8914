//! Whose pages may connect, over the carriers that browsers have: WebSocket and WebTransport.

use core::fmt;

/// Whose pages may connect to a server, by the header `Origin` (RFC 6454, RFC 6455 section 10.2), which browsers send and pages
/// cannot forge. Programs other than browsers send none, and are let in by all but their own means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// Pages from the host and port that the request names in `Host`. A proxy in between must hand that header on as it
    /// came; where it does not, list the origins. *Danger*: whoever can make a name lead to this server's address (DNS
    /// rebinding) has pages of the same origin. Where that matters, as it does for a server that only its own machine can
    /// reach and that asks nobody who they are, list the origins.
    #[default]
    Same,
    /// Pages of these origins alone, written as browsers do: `https://app.example`, `http://127.0.0.1:8080`, or `null`
    /// for pages from files.
    These(Vec<String>),
    /// Any page. *Danger*: a browser may send its user's cookies with the request, whatever page makes it, so that any page
    /// could call as that user.
    Any,
}

impl Origins {
    /// Whether a page of `origin` may connect to the server that its browser calls `host`, with its port unless that is the usual
    /// one of the page's scheme.
    pub fn allow(&self, origin: &str, host: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::These(listed) => listed.iter().any(|listed| same(listed, origin)),
            Self::Same => host.is_some_and(|host| is_of_host(origin, host)),
        }
    }
}

/// Schemes and hosts are written in lower case by browsers, and by people as they like.
fn same(listed: &str, origin: &str) -> bool {
    listed.trim_end_matches('/').eq_ignore_ascii_case(origin)
}

/// Whether `origin` is the page of `host`. Behind a proxy that speaks TLS the server cannot tell which scheme the page
/// was asked for by: a host without a port has that of the origin's scheme.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default = match scheme {
        "https" => "443",
        "http" => "80",
        _ => return false,
    };
    let (name, port) = split(authority, default);
    let (host_name, host_port) = split(host, default);
    name.eq_ignore_ascii_case(host_name) && port == host_port
}

/// A host, and its port or that of its scheme. The colons of an IPv6 address are inside brackets.
fn split<'a>(authority: &'a str, default: &'a str) -> (&'a str, &'a str) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (authority, default),
    }
}

/// As an error says what would have been allowed.
impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("same origin"),
            Self::These(listed) if listed.is_empty() => f.write_str("none"),
            Self::These(listed) => f.write_str(&listed.join(", ")),
            Self::Any => f.write_str("any"),
        }
    }
}

#[cfg(test)]
mod tests;
