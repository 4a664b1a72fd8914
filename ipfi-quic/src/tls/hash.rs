//! The hash by which a certificate is pinned.

use core::fmt;
use core::str::FromStr;

use super::provider::sha256;

/// SHA-256 of a certificate's DER: what [`Trust::pinned`](super::Trust::pinned) compares, what
/// `openssl x509 -fingerprint -sha256` prints and what a browser's `serverCertificateHashes` holds.
///
/// Prints as 64 hex digits, as pairs between colons with `{:#}`, and parses from either in either case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertificateHash([u8; 32]);

impl CertificateHash {
    /// The hash of a certificate, given as DER: [`Peer::certificates`](ipfi_core::Peer::certificates) has them so.
    pub fn of(certificate: impl AsRef<[u8]>) -> Self {
        Self(sha256(certificate.as_ref()))
    }

    /// A hash that was made elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if f.alternate() && index > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateHash({self})")
    }
}

/// The text is not a certificate hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashParseError {
    /// A character that does not belong there.
    #[error(
        "a certificate hash has hex digits, with a colon between all pairs or none: {seen:?} at character {at}"
    )]
    Character {
        /// The character.
        seen: char,
        /// Its place, from 1.
        at: usize,
    },
    /// Too few or too many digits.
    #[error("a certificate hash is SHA-256, 64 hex digits: {seen} seen")]
    Length {
        /// How many digits there are.
        seen: usize,
    },
}

impl FromStr for CertificateHash {
    type Err = HashParseError;

    fn from_str(text: &str) -> Result<Self, HashParseError> {
        let mut bytes = [0_u8; 32];
        let mut digits = 0;
        let colons = text.chars().nth(2) == Some(':');
        for (index, seen) in text.chars().enumerate() {
            let wrong = HashParseError::Character { seen, at: index + 1 };
            if colons && index % 3 == 2 {
                if seen != ':' {
                    return Err(wrong);
                }
                continue;
            }
            let digit = seen.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(wrong)?;
            if let Some(byte) = bytes.get_mut(digits / 2) {
                *byte = *byte << 4 | digit;
            }
            digits += 1;
        }
        // A colon at the end has no pair after it.
        match text.chars().last() {
            Some(':') => Err(HashParseError::Character { seen: ':', at: text.chars().count() }),
            _ if digits != 64 => Err(HashParseError::Length { seen: digits }),
            _ => Ok(Self(bytes)),
        }
    }
}
