//! Each kind of trust against each kind of server.

use std::time::SystemTime;

use ipfi_quic::tls::{CertificateHash, Identity, TlsError, TlsFault, TlsServer, Trust};

use crate::kit::{
    Authority, Folder, Pem, TEST, Validity, assert_says, client, handshake, handshake_of, self_signed,
    self_signed_ca, shown,
};

fn pinned(pem: &Pem) -> Trust {
    Trust::pinned([pem.identity().certificate_hash()])
}

/// What the client makes of the server, and what the server hears of it.
async fn outcome(trust: Trust, pem: &Pem) -> Result<(), (TlsFault, TlsFault)> {
    let ends = handshake(&client(trust), &TlsServer::builder(pem.identity())).await;
    match ends.client {
        Ok(_) => {
            ends.server.unwrap();
            Ok(())
        }
        Err(fault) => Err((fault, ends.server.unwrap_err())),
    }
}

#[tokio::test]
async fn roots_accept_what_they_have_issued_and_a_chain_that_leads_to_them() {
    let authority = Authority::new("roots");
    let pem = authority.issue(&["localhost"], Validity::Now);
    outcome(Trust::roots_pem(authority.pem()).unwrap(), &pem).await.unwrap();
    let folder = Folder::new();
    let two = folder.write("roots.pem", Authority::new("other").pem() + &authority.pem());
    outcome(Trust::roots_file(two).unwrap(), &pem).await.unwrap();

    let development = Identity::development(&[]).unwrap();
    let roots = Trust::roots_der(development.certificates()).unwrap();
    let server = TlsServer::builder(development).build(&[TEST]).unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "[::1]"] {
        let client = client(roots.clone()).build(&[TEST]).unwrap();
        handshake_of(&client, &server, name).await.client.unwrap();
    }
}

#[tokio::test]
async fn roots_refuse_an_unknown_issuer() {
    let pem = Authority::new("unknown").issue(&["localhost"], Validity::Now);
    let roots = Trust::roots_pem(Authority::new("known").pem()).unwrap();
    let (client, server) = outcome(roots, &pem).await.unwrap_err();
    assert_eq!(client, TlsFault::UnknownIssuer);
    assert_eq!(server, TlsFault::RefusedByPeer { alert: 48 });
    assert_says(&server, &["the peer refused", "issuer of this side's certificate"]);
}

#[tokio::test]
async fn roots_refuse_a_wrong_name_and_say_which_names_there_are() {
    let authority = Authority::new("names");
    let pem = authority.issue(&["example.org", "192.0.2.1"], Validity::Now);
    let (client, server) = outcome(Trust::roots_pem(authority.pem()).unwrap(), &pem).await.unwrap_err();
    match &client {
        TlsFault::WrongName { expected, presented } => {
            assert_eq!(expected, "localhost");
            assert_eq!(presented[0], "example.org");
            assert_eq!(presented.len(), 2);
        }
        other => panic!("{other}"),
    }
    assert_says(&client, &["not for localhost", "example.org"]);
    assert_says(&server, &["not for the name that was asked for"]);
}

#[tokio::test]
async fn every_trust_but_the_dangerous_one_refuses_certificates_out_of_their_time() {
    let authority = Authority::new("time");
    let roots = Trust::roots_pem(authority.pem()).unwrap();
    for validity in [Validity::Past, Validity::Future] {
        let issued = authority.issue(&["localhost"], validity);
        let alone = self_signed(&["localhost"], validity);
        let ca = self_signed_ca(&["localhost"], validity);
        let cases = [
            (roots.clone(), &issued),
            (pinned(&issued), &issued),
            (pinned(&alone), &alone),
            (pinned(&ca), &ca),
        ];
        for (trust, pem) in cases {
            let (client, server) = outcome(trust.clone(), pem).await.unwrap_err();
            let now = SystemTime::now();
            match (&client, validity) {
                (TlsFault::Expired { not_after: Some(at), now: Some(_) }, Validity::Past) => {
                    assert!(*at < now);
                    assert_says(&client, &["expired at 20", "UTC (this side's clock: 20"]);
                }
                (TlsFault::NotYetValid { not_before: Some(at), now: Some(_) }, Validity::Future) => {
                    assert!(*at > now);
                    assert_says(&client, &["not yet valid, but from 20"]);
                }
                (other, _) => panic!("{trust:?}: {other}"),
            }
            assert_says(&server, &["expired or not yet valid"]);
        }
        outcome(Trust::danger_accept_any(), &alone).await.unwrap();
    }
}

#[tokio::test]
async fn pins_accept_their_certificates_whatever_the_name_and_the_issuer() {
    let other = CertificateHash::of(b"another");
    for pem in [
        self_signed(&["example.org"], Validity::Now),
        self_signed_ca(&["example.org"], Validity::Now),
        Authority::new("unknown").issue(&["example.org"], Validity::Now),
    ] {
        outcome(Trust::pinned([other, pem.identity().certificate_hash()]), &pem).await.unwrap();
    }
}

#[tokio::test]
async fn pins_refuse_every_other_certificate_and_say_both_hashes() {
    let pem = self_signed(&["localhost"], Validity::Now);
    let (pins, seen) = ([CertificateHash::of(b"1"), CertificateHash::of(b"2")], pem.identity());
    let (client, server) = outcome(Trust::pinned(pins), &pem).await.unwrap_err();
    match &client {
        TlsFault::PinMismatch(mismatch) => {
            assert_eq!(*mismatch.expected, pins);
            assert_eq!(mismatch.seen, seen.certificate_hash());
        }
        other => panic!("{other}"),
    }
    let expected = format!("expected {} or {}", pins[0], pins[1]);
    assert_says(&client, &[&expected, &format!("seen {}", seen.certificate_hash())]);
    assert_eq!(server, TlsFault::RefusedByPeer { alert: 46 });
}

#[tokio::test]
async fn a_pinned_certificate_without_its_key_is_refused() {
    // The thief has the certificate, which is public, and another key. Identity refuses to be made of them.
    let pem = self_signed(&["localhost"], Validity::Now);
    let key = rcgen::KeyPair::generate().unwrap();
    let provider = thief::provider();
    let stolen = rustls::sign::CertifiedKey::new(
        pem.identity().certificates().map(|der| der.to_vec().into()).collect(),
        provider.key_provider.load_private_key(key.serialize_der().try_into().unwrap()).unwrap(),
    );
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(std::sync::Arc::new(rustls::sign::SingleCertAndKey::from(stolen)));
    config.alpn_protocols = vec![TEST.into()];
    let server = TlsServer::from_rustls(config.into());
    for trust in [pinned(&pem), Trust::danger_accept_any()] {
        let client = client(trust).build(&[TEST]).unwrap();
        let fault = handshake_of(&client, &server, "localhost").await.client.unwrap_err();
        assert_says(&fault, &["BadSignature"]);
    }
}

mod thief {
    #[cfg(feature = "aws-lc-rs")]
    use rustls::crypto::aws_lc_rs as chosen;
    #[cfg(not(feature = "aws-lc-rs"))]
    use rustls::crypto::ring as chosen;

    pub(super) fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
        chosen::default_provider().into()
    }
}

#[tokio::test]
async fn only_the_trust_that_is_named_dangerous_accepts_anything() {
    let pem = self_signed(&["example.org"], Validity::Past);
    outcome(Trust::danger_accept_any(), &pem).await.unwrap();
    assert_eq!(format!("{:?}", Trust::danger_accept_any()), "Trust::danger_accept_any");
}

#[test]
fn trust_in_nobody_is_refused_before_anything_is_sent() {
    let error = client(Trust::pinned([])).build(&[TEST]).unwrap_err();
    assert_says(&error, &["nobody would be trusted", "no certificate hash"]);
    let error = Trust::roots_der(Vec::<Vec<u8>>::new()).unwrap_err();
    assert_says(&error, &["nobody would be trusted"]);
    let folder = Folder::new();
    let path = folder.write("roots.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let error = Trust::roots_file(&path).unwrap_err();
    assert!(matches!(error, TlsError::Certificate { number: 1, .. }), "{error}");
    assert_says(&error, &[&shown(&path)]);
}

#[cfg(not(feature = "platform-verifier"))]
#[test]
fn trusting_the_system_without_its_feature_names_the_feature() {
    assert_says(&client(Trust::system()).build(&[TEST]).unwrap_err(), &["platform-verifier"]);
}

#[cfg(feature = "platform-verifier")]
#[tokio::test]
async fn the_system_does_not_know_a_certificate_of_ones_own() {
    let pem = self_signed(&["localhost"], Validity::Now);
    match client(Trust::system()).build(&[TEST]) {
        Ok(client) => {
            let server = TlsServer::builder(pem.identity()).build(&[TEST]).unwrap();
            let fault = handshake_of(&client, &server, "localhost").await.client.unwrap_err();
            assert!(!matches!(fault, TlsFault::Other { .. }), "{fault}");
        }
        // A container may have no roots at all.
        Err(error) => assert!(matches!(error, TlsError::System { .. }), "{error}"),
    }
}
