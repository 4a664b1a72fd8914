//! Names of application protocols (ALPN, RFC 7301).

use super::error::TlsError;

/// The names as rustls takes them: at least one, or any protocol would pass for ours.
pub(super) fn checked(protocols: &[&str]) -> Result<Vec<Vec<u8>>, TlsError> {
    if protocols.is_empty() || protocols.iter().any(|name| name.is_empty() || name.len() > 255) {
        return Err(TlsError::Protocols { seen: protocols.iter().copied().map(str::to_owned).collect() });
    }
    Ok(protocols.iter().map(|name| name.as_bytes().to_vec()).collect())
}
