//! What is off unless it is asked for.

use std::sync::Arc;

use ipfi_quic::tls::{Identity, TlsServer, TlsStream, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::TlsConnector;

#[cfg(feature = "aws-lc-rs")]
use crate::kit::handshake_of;
use crate::kit::{TEST, client};

#[test]
fn secrets_are_logged_only_where_it_was_asked_for() {
    let identity = Identity::development(&[]).unwrap();
    let (client, server) = (client(Trust::danger_accept_any()), TlsServer::builder(identity));
    let logs = |client: &ipfi_quic::tls::TlsClientBuilder, server: &ipfi_quic::tls::TlsServerBuilder| {
        let (client, server) = (client.build(&[TEST]).unwrap(), server.build(&[TEST]).unwrap());
        [client.as_rustls().key_log.will_log(""), server.as_rustls().key_log.will_log("")]
    };
    assert_eq!(logs(&client, &server), [false, false]);
    assert_eq!(logs(&client.key_log(true), &server.key_log(true)), [true, true]);
}

#[cfg(feature = "aws-lc-rs")]
#[tokio::test]
async fn the_key_exchange_is_post_quantum() {
    let identity = Identity::development(&[]).unwrap();
    let hybrid = rustls::NamedGroup::X25519MLKEM768;
    let client = client(Trust::pinned([identity.certificate_hash()])).build(&[TEST]).unwrap();
    let server = TlsServer::builder(identity).build(&[TEST]).unwrap();
    for groups in
        [&client.as_rustls().crypto_provider().kx_groups, &server.as_rustls().crypto_provider().kx_groups]
    {
        assert_eq!(groups[0].name(), hybrid);
        // Once, and not instead of the others.
        assert_eq!(groups.iter().filter(|group| group.name() == hybrid).count(), 1);
        assert!(groups.iter().any(|group| group.name() == rustls::NamedGroup::X25519));
    }
    handshake_of(&client, &server, "localhost").await.client.unwrap();
}

#[tokio::test]
async fn early_data_is_off_unless_it_is_asked_for_and_pipes_go_without_it() {
    let identity = Identity::development(&[]).unwrap();
    let trust = Trust::pinned([identity.certificate_hash()]);
    let (client, server) = (client(trust), TlsServer::builder(identity));
    assert_eq!(server.build(&[TEST]).unwrap().as_rustls().max_early_data_size, 0);
    assert!(!client.build(&[TEST]).unwrap().as_rustls().enable_early_data);

    let server = server.early_data(true).build(&[TEST]).unwrap();
    let client = client.early_data(true).build(&[TEST]).unwrap();
    assert_eq!(server.as_rustls().max_early_data_size, u32::MAX);
    assert!(client.as_rustls().enable_early_data);
    for resumed in [false, true] {
        let (near, far) = duplex(1 << 16);
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let connects = async {
            let connector = TlsConnector::from(Arc::clone(client.as_rustls()));
            let mut stream = connector.connect(name, near).await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'!');
            stream
        };
        let accepts = async {
            let mut stream = TlsStream::accept(far, &server).await.unwrap();
            stream.write_u8(b'!').await.unwrap();
            stream.flush().await.unwrap();
            stream
        };
        let (near, far) = tokio::join!(connects, accepts);
        assert_eq!(far.is_resumed(), resumed);
        assert!(!near.get_ref().1.is_early_data_accepted());
    }
}
