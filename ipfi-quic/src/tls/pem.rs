//! Reading PEM, and saying what is there when something else was wanted.

use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::{Found, Origin, TlsError};

/// Items named in an error.
const MAX_NAMED: usize = 8;

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

/// Every certificate, of which there is at least one.
pub(super) fn certificates(origin: &Origin, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(origin, &error))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { origin: origin.clone(), found: found(text) });
    }
    Ok(certificates)
}

/// The first private key.
pub(super) fn key(origin: &Origin, text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey { origin: origin.clone(), found: found(text) },
        error => malformed(origin, &error),
    })
}

/// The parser's own words may hold a line of the text, and the text may be a key.
fn malformed(origin: &Origin, error: &pem::Error) -> TlsError {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "an item has no END line",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line does not end in five hyphens",
        pem::Error::Base64Decode(_) => "an item is not base64",
        pem::Error::SectionTooLarge => "an item is larger than 256 MB",
        _ => "it cannot be parsed",
    };
    TlsError::Pem { origin: origin.clone(), what: what.to_owned() }
}

fn found(text: &[u8]) -> Found {
    let items: Vec<String> = text
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .filter_map(|line| line.trim_ascii().strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----"))
        .take(MAX_NAMED)
        .map(|label| String::from_utf8_lossy(&label[..label.len().min(40)]).escape_debug().to_string())
        .collect();
    match text.first() {
        None => Found::Empty,
        Some(_) if !items.is_empty() => Found::Items(items),
        // A SEQUENCE, as certificates and keys are.
        Some(0x30) => Found::Der,
        Some(_) => Found::NoPem,
    }
}
