//! Mutual TLS.

use std::time::Duration;

use ipfi_quic::tls::{
    CertificateHash, ClientAuth, ClientRoots, Identity, TlsFault, TlsServer, TlsStream, Trust,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::{Instant, sleep};

use crate::kit::{Authority, Ends, Pem, TEST, Validity, assert_says, client, handshake, self_signed};

struct Scene {
    server: Identity,
    authority: Authority,
}

impl Scene {
    fn new() -> Self {
        Self { server: Identity::development(&[]).unwrap(), authority: Authority::new("clients") }
    }

    fn roots(&self) -> ClientRoots {
        ClientRoots::from_pem(self.authority.pem()).unwrap()
    }

    async fn meets(&self, client_auth: ClientAuth, shown: Option<&Pem>) -> Ends {
        let trust = Trust::pinned([self.server.certificate_hash()]);
        let client = match shown {
            Some(pem) => client(trust).identity(pem.identity()),
            None => client(trust),
        };
        handshake(&client, &TlsServer::builder(self.server.clone()).client_auth(client_auth)).await
    }
}

#[tokio::test]
async fn a_server_that_asks_for_nothing_sees_nothing() {
    let scene = Scene::new();
    let pem = scene.authority.issue(&["ada"], Validity::Now);
    let ends = scene.meets(ClientAuth::none(), Some(&pem)).await;
    ends.client.unwrap();
    assert!(ends.server.unwrap().certificates().is_empty());
}

#[tokio::test]
async fn a_required_certificate_of_the_roots_gets_in_and_is_seen_by_the_server() {
    let scene = Scene::new();
    let pem = scene.authority.issue(&["ada"], Validity::Now);
    for client_auth in [ClientAuth::required(scene.roots()), ClientAuth::optional(scene.roots())] {
        let ends = scene.meets(client_auth, Some(&pem)).await;
        let seen = ends.server.unwrap().certificates();
        assert_eq!(seen.len(), 1);
        assert_eq!(CertificateHash::of(&seen[0]), pem.identity().certificate_hash());
        let seen = ends.client.unwrap().certificates();
        assert_eq!(CertificateHash::of(&seen[0]), scene.server.certificate_hash());
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_required_and_told_so() {
    let scene = Scene::new();
    for client_auth in [ClientAuth::required(scene.roots()), ClientAuth::pinned([CertificateHash::of(b"1")])]
    {
        let (server, client) = scene.meets(client_auth, None).await.refused();
        assert_eq!(server, TlsFault::NoClientCertificate);
        assert_eq!(client, TlsFault::RefusedByPeer { alert: 116 });
        assert_says(&server, &["client certificate required"]);
        assert_says(&client, &["client certificate required"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_may_go_on_speaking_for_a_second_and_hears_why() {
    let (server, authority) = (Identity::development(&[]).unwrap(), Authority::new("clients"));
    let client = client(Trust::pinned([server.certificate_hash()])).build(&[TEST]).unwrap();
    let required = ClientAuth::required(ClientRoots::from_pem(authority.pem()).unwrap());
    let server = TlsServer::builder(server).client_auth(required).build(&[TEST]).unwrap();
    for leaves in [true, false] {
        let (near, far) = duplex(1 << 10);
        let server = server.clone();
        let accepts = tokio::spawn(async move { TlsStream::accept(far, &server).await.unwrap_err() });
        let mut stream = TlsStream::connect(near, "localhost", &client).await.unwrap();
        let began = Instant::now();
        sleep(Duration::from_millis(500)).await;
        stream.write_all(&[0; 8 << 10]).await.unwrap();
        stream.flush().await.unwrap();
        let heard = TlsFault::from_io(&stream.read_u8().await.unwrap_err());
        assert_eq!(heard, TlsFault::RefusedByPeer { alert: 116 });
        if leaves {
            drop(stream);
            assert_eq!(accepts.await.unwrap(), TlsFault::NoClientCertificate);
            assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
        } else {
            assert_eq!(accepts.await.unwrap(), TlsFault::NoClientCertificate);
            assert!(began.elapsed() < Duration::from_millis(1100), "{:?}", began.elapsed());
        }
    }
}

#[tokio::test]
async fn an_optional_certificate_may_be_absent() {
    let scene = Scene::new();
    let ends = scene.meets(ClientAuth::optional(scene.roots()), None).await;
    ends.client.unwrap();
    assert!(ends.server.unwrap().certificates().is_empty());
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_refused_even_where_it_is_optional() {
    let scene = Scene::new();
    let pem = Authority::new("others").issue(&["eve"], Validity::Now);
    for client_auth in [ClientAuth::required(scene.roots()), ClientAuth::optional(scene.roots())] {
        let (server, client) = scene.meets(client_auth, Some(&pem)).await.refused();
        assert_eq!(server, TlsFault::UnknownIssuer);
        assert_eq!(client, TlsFault::RefusedByPeer { alert: 48 });
    }
}

#[tokio::test]
async fn a_client_certificate_out_of_its_time_is_refused() {
    let scene = Scene::new();
    let pem = scene.authority.issue(&["ada"], Validity::Past);
    for client_auth in [
        ClientAuth::required(scene.roots()),
        ClientAuth::optional(scene.roots()),
        ClientAuth::pinned([pem.identity().certificate_hash()]),
    ] {
        let (server, client) = scene.meets(client_auth, Some(&pem)).await.refused();
        assert!(matches!(server, TlsFault::Expired { not_after: Some(_), .. }), "{server}");
        assert_eq!(client, TlsFault::RefusedByPeer { alert: 45 });
    }
}

#[tokio::test]
async fn a_pinned_client_gets_in_whoever_issued_its_certificate_and_others_do_not() {
    let scene = Scene::new();
    let (ada, eve) = (self_signed(&["ada"], Validity::Now), self_signed(&["eve"], Validity::Now));
    let pinned = ClientAuth::pinned([ada.identity().certificate_hash()]);
    scene.meets(pinned.clone(), Some(&ada)).await.server.unwrap();
    let (server, client) = scene.meets(pinned, Some(&eve)).await.refused();
    match server {
        TlsFault::PinMismatch(mismatch) => assert_eq!(mismatch.seen, eve.identity().certificate_hash()),
        other => panic!("{other}"),
    }
    assert_eq!(client, TlsFault::RefusedByPeer { alert: 46 });
}

#[test]
fn a_server_that_could_let_nobody_in_is_not_made() {
    let server = TlsServer::builder(Identity::development(&[]).unwrap()).client_auth(ClientAuth::pinned([]));
    assert_says(&server.build(&[TEST]).unwrap_err(), &["no certificate hash was pinned"]);
    assert_says(&ClientRoots::from_pem("").unwrap_err(), &["no CERTIFICATE", "it is empty"]);
}
