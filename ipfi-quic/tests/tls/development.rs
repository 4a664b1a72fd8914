use ipfi_quic::tls::{Identity, TlsError, TlsServer, Trust};

use crate::kit::{Folder, Validity, assert_says, client, development, handshake, named, self_signed, shown};

#[tokio::test]
async fn development_files_are_made_once_and_are_a_root_for_clients() {
    let folder = Folder::new();
    let (certificate, key) = (folder.path("cert.pem"), folder.path("key.pem"));
    let first = Identity::development_files(&certificate, &key, &["localhost"]).unwrap();
    let again = Identity::development_files(&certificate, &key, &["localhost"]).unwrap();
    assert_eq!(first.certificate_hash(), again.certificate_hash());

    let trust = Trust::roots_file(&certificate).unwrap();
    let ends = handshake(&client(trust), &TlsServer::builder(again)).await;
    ends.client.unwrap();
    ends.server.unwrap();
    is_secret(&key);
}

#[test]
fn a_development_certificate_is_made_anew_when_its_time_is_over() {
    let folder = Folder::new();
    let old = development(Validity::Past);
    // Readable for everybody, as a file is that somebody copied.
    let (certificate, key) = (folder.write("cert.pem", &old.certificate), folder.write("key.pem", &old.key));
    let new = Identity::development_files(&certificate, &key, &[]).unwrap();
    assert_ne!(new.certificate_hash(), old.identity().certificate_hash());
    let kept = Identity::from_pem_files(&certificate, &key).unwrap();
    assert_eq!(kept.certificate_hash(), new.certificate_hash());
    is_secret(&key);
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 2, "nothing else is left there");
}

#[test]
fn a_development_certificate_is_made_anew_for_a_name_that_it_has_not() {
    let folder = Folder::new();
    let (certificate, key) = (folder.path("cert.pem"), folder.path("key.pem"));
    let made =
        |names: &[&str]| Identity::development_files(&certificate, &key, names).unwrap().certificate_hash();
    let first = made(&["localhost"]);
    let second = made(&["localhost", "192.0.2.1", "dev.example"]);
    assert_ne!(first, second);
    // Those that it has beside are no reason.
    assert_eq!(made(&["dev.example"]), second);
    assert_eq!(made(&["192.0.2.1"]), second);
}

/// Only its owner may read it, where there are such permissions.
fn is_secret(key: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    #[cfg(not(unix))]
    let _ = key;
}

#[test]
fn a_certificate_from_elsewhere_is_used_as_it_is_and_never_written_over() {
    // The second only sounds as if it were made here.
    let named = named("ipfi development 0123456789abcdef", Validity::Past);
    for real in [self_signed(&["example.com"], Validity::Past), named] {
        let folder = Folder::new();
        let certificate = folder.write("cert.pem", &real.certificate);
        let key = folder.write("key.pem", &real.key);
        let used = Identity::development_files(&certificate, &key, &[]).unwrap();
        assert_eq!(used.certificate_hash(), real.identity().certificate_hash());
        assert_eq!(std::fs::read_to_string(&certificate).unwrap(), real.certificate);
        assert_eq!(std::fs::read_to_string(&key).unwrap(), real.key);
    }
}

#[test]
fn one_of_the_two_development_files_alone_is_an_error_and_stays() {
    let folder = Folder::new();
    let real = self_signed(&["example.com"], Validity::Now);
    let (certificate, key) = (folder.path("cert.pem"), folder.write("key.pem", &real.key));
    let error = Identity::development_files(&certificate, &key, &[]).unwrap_err();
    assert!(matches!(error, TlsError::Read { .. }));
    assert_says(&error, &["cannot read", &shown(&certificate)]);
    assert_eq!(std::fs::read_to_string(&key).unwrap(), real.key);

    let nowhere = folder.path("no/such/folder/cert.pem");
    let error = Identity::development_files(&nowhere, folder.path("no/key.pem"), &[]).unwrap_err();
    assert!(matches!(error, TlsError::Write { .. }));
    assert_says(&error, &["cannot write", "no/key.pem"]);
}
