//! Sessions that are resumed.

use ipfi_quic::tls::{CertificateHash, ClientAuth, ClientRoots, Identity, TlsServer, Trust};

use crate::kit::{Authority, TEST, Validity, client, handshake_of};

#[tokio::test]
async fn a_client_that_comes_back_resumes_its_session_and_both_still_see_the_certificates() {
    let (identity, authority) = (Identity::development(&[]).unwrap(), Authority::new("clients"));
    let hash = identity.certificate_hash();
    let ada = authority.issue(&["ada"], Validity::Now).identity();
    let roots = ClientRoots::from_pem(authority.pem()).unwrap();
    let server =
        TlsServer::builder(identity).client_auth(ClientAuth::required(roots)).build(&[TEST]).unwrap();
    let client = client(Trust::pinned([hash])).identity(ada.clone()).build(&[TEST]).unwrap();
    for resumed in [false, true, true] {
        let ends = handshake_of(&client, &server, "localhost").await;
        let (near, far) = (ends.client.unwrap(), ends.server.unwrap());
        assert_eq!((near.is_resumed(), far.is_resumed()), (resumed, resumed));
        assert_eq!(CertificateHash::of(&near.certificates()[0]), hash);
        assert_eq!(CertificateHash::of(&far.certificates()[0]), ada.certificate_hash());
    }
}

#[tokio::test]
async fn a_session_is_not_resumed_by_another_client_or_for_another_name() {
    let identity = Identity::development(&[]).unwrap();
    let client = client(Trust::pinned([identity.certificate_hash()]));
    let server = TlsServer::builder(identity).build(&[TEST]).unwrap();
    let first = client.build(&[TEST]).unwrap();
    for (client, name) in
        [(&first, "localhost"), (&client.build(&[TEST]).unwrap(), "localhost"), (&first, "127.0.0.1")]
    {
        let ends = handshake_of(client, &server, name).await;
        assert!(!ends.client.unwrap().is_resumed(), "{name}");
    }
}
