//! Reads rustls' sentences about certificates back into what they say: of an error, QUIC keeps the text alone.
//!
//! A test holds each of them against the error itself, so that other words of another release cannot go unseen;
//! whoever meets them meanwhile gets the text as it is.

use super::fault::{PinMismatch, TlsFault, moment, plain_name};
use super::hash::CertificateHash;

/// What is wrong with the peer's certificate, by the text after "invalid peer certificate: ".
pub(super) fn certificate(text: &str) -> TlsFault {
    known(text).unwrap_or_else(|| TlsFault::BadCertificate { what: text.to_owned() })
}

fn known(text: &str) -> Option<TlsFault> {
    if text == "UnknownIssuer" {
        return Some(TlsFault::UnknownIssuer);
    }
    if let Some(rest) = text.strip_prefix("certificate expired: ") {
        let (now, not_after) = times(rest, "not valid after ")?;
        return Some(TlsFault::Expired { not_after: moment(not_after), now: moment(now) });
    }
    if let Some(rest) = text.strip_prefix("certificate not valid yet: ") {
        let (now, not_before) = times(rest, "not valid before ")?;
        return Some(TlsFault::NotYetValid { not_before: moment(not_before), now: moment(now) });
    }
    if let Some(rest) = text.strip_prefix("certificate not valid for name \"") {
        return names(rest);
    }
    pins(text).map(TlsFault::PinMismatch)
}

/// `verification time 17 (UNIX), but certificate is not valid after 16 (1 seconds ago)`
fn times(text: &str, before: &str) -> Option<(u64, u64)> {
    let number = |before: &str| text.split_once(before)?.1.split(' ').next()?.parse().ok();
    Some((number("verification time ")?, number(before)?))
}

/// `localhost"; certificate is only valid for DnsName("a"), DnsName("b") or DnsName("c")`
fn names(text: &str) -> Option<TlsFault> {
    let (expected, rest) = text.split_once("\"; certificate is ")?;
    let presented = match rest.strip_prefix("only valid for ") {
        Some(list) => list.split(", ").flat_map(|names| names.split(" or ")).map(plain_name).collect(),
        None => Vec::new(),
    };
    Some(TlsFault::WrongName { expected: expected.to_owned(), presented })
}

/// `Other(OtherError(PinMismatch(… expected 01… or 02…, seen 03…)))`
fn pins(text: &str) -> Option<PinMismatch> {
    let (_, rest) = text.split_once("PinMismatch(")?;
    let (_, rest) = rest.split_once("expected ")?;
    let (expected, seen) = rest.split_once(", seen ")?;
    let expected: Result<Vec<CertificateHash>, _> = expected.split(" or ").map(str::parse).collect();
    Some(PinMismatch { expected: expected.ok()?.into(), seen: seen.trim_end_matches(')').parse().ok()? })
}

#[cfg(test)]
mod tests;
