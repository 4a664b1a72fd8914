//! Identities that change while connections live.

use std::path::Path;

use ipfi_quic::tls::{CertificateHash, ClientAuth, Identity, ReloadableIdentity, TlsError, TlsServer, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::kit::{
    Ends, Folder, TEST, Validity, assert_says, client, handshake, handshake_of, self_signed, shown,
};

fn seen(ends: Ends) -> CertificateHash {
    CertificateHash::of(&ends.client.unwrap().certificates()[0])
}

#[tokio::test]
async fn new_handshakes_show_the_new_certificate_and_old_connections_go_on() {
    let (old, new) = (Identity::development(&[]).unwrap(), Identity::development(&[]).unwrap());
    let hashes = [old.certificate_hash(), new.certificate_hash()];
    let handle = ReloadableIdentity::new(old);
    let server = TlsServer::builder(handle.clone()).build(&[TEST]).unwrap();
    let client = || client(Trust::pinned(hashes)).build(&[TEST]).unwrap();
    let first = handshake_of(&client(), &server, "localhost").await;
    let (mut near, mut far) = (first.client.unwrap(), first.server.unwrap());
    assert_eq!(CertificateHash::of(&near.certificates()[0]), hashes[0]);

    handle.replace(new);
    assert_eq!(handle.current().certificate_hash(), hashes[1]);
    assert_eq!(seen(handshake_of(&client(), &server, "localhost").await), hashes[1]);
    near.write_all(b"still here").await.unwrap();
    near.flush().await.unwrap();
    let mut text = [0; 10];
    far.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"still here");
}

#[tokio::test]
async fn a_client_shows_its_new_certificate_too() {
    let server = Identity::development(&[]).unwrap();
    let (old, new) = (Identity::development(&[]).unwrap(), Identity::development(&[]).unwrap());
    let pinned = ClientAuth::pinned([new.certificate_hash()]);
    let handle = ReloadableIdentity::new(old);
    let client = client(Trust::pinned([server.certificate_hash()])).identity(handle.clone());
    let server = TlsServer::builder(server).client_auth(pinned);
    handshake(&client, &server).await.server.unwrap_err();
    handle.replace(new);
    handshake(&client, &server).await.server.unwrap();
}

#[test]
fn good_files_are_taken() {
    let (old, new) = (Identity::development(&[]).unwrap(), self_signed(&["localhost"], Validity::Now));
    let folder = Folder::new();
    let (certificate, key) = (folder.write("cert.pem", &new.certificate), folder.write("key.pem", &new.key));
    let handle = ReloadableIdentity::from(old);
    handle.reload_from_files(certificate, key).unwrap();
    assert_eq!(handle.current().certificate_hash(), new.identity().certificate_hash());
}

#[test]
fn bad_files_are_an_error_and_the_old_identity_stays() {
    let old = Identity::development(&[]).unwrap();
    let hash = old.certificate_hash();
    let handle = ReloadableIdentity::new(old);
    let folder = Folder::new();
    let new = self_signed(&["localhost"], Validity::Now);
    let certificate = folder.write("cert.pem", &new.certificate);
    let key = folder.write("key.pem", &new.key);
    let other = folder.write("other.pem", self_signed(&["localhost"], Validity::Now).key);
    let half = folder.write("half.pem", &new.certificate[..new.certificate.len() / 2]);
    let missing = folder.path("missing.pem");

    let reload = |certificate: &Path, key: &Path| {
        let error = handle.reload_from_files(certificate, key).unwrap_err();
        assert_eq!(handle.current().certificate_hash(), hash, "{error}");
        error
    };
    assert!(matches!(reload(&missing, &key), TlsError::Read { .. }));
    assert!(matches!(reload(&certificate, &missing), TlsError::Read { .. }));
    assert!(matches!(reload(&half, &key), TlsError::Pem { .. }));
    assert!(matches!(reload(&key, &key), TlsError::NoCertificate { .. }));
    assert!(matches!(reload(&certificate, &certificate), TlsError::NoKey { .. }));
    assert!(matches!(reload(&certificate, &other), TlsError::KeyMismatch { .. }));

    for (validity, says) in [(Validity::Past, "expired"), (Validity::Future, "not yet valid")] {
        let pem = self_signed(&["localhost"], validity);
        let certificate = folder.write("wrong-time.pem", &pem.certificate);
        let key = folder.write("wrong-time-key.pem", &pem.key);
        let error = reload(&certificate, &key);
        assert!(matches!(error, TlsError::NotCurrent { .. }));
        assert_says(&error, &[&shown(&certificate), "the old one stays", says]);
    }
}
