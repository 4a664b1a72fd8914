//! The one cryptography provider of this crate. It is passed by name to everything that asks for one: the
//! process' default belongs to whoever set it first, and with two compiled in there is none.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as chosen;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use rustls::crypto::ring as chosen;

/// aws-lc-rs if it is compiled in, else ring.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(make())))
}

/// Post-quantum key exchange comes first, in hybrid with X25519: what is recorded today must not be read by
/// tomorrow's machine. It costs about 1.2 KB each way per full handshake, and rustls sends the X25519 share
/// beside it, so that a peer without it needs no second round trip.
#[cfg(feature = "aws-lc-rs")]
fn make() -> CryptoProvider {
    let mut provider = chosen::default_provider();
    let hybrid = chosen::kx_group::X25519MLKEM768;
    provider.kx_groups.retain(|group| group.name() != hybrid.name());
    provider.kx_groups.insert(0, hybrid);
    provider
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn make() -> CryptoProvider {
    chosen::default_provider()
}

/// SHA-256 by the provider that is there anyway, rather than by one more crate.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let suite = chosen::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().expect("a TLS 1.3 suite by its name");
    let digest = suite.common.hash_provider.hash(bytes);
    digest.as_ref().try_into().expect("SHA-256 makes 32 bytes")
}
