//! Native and WebTransport clients on one port, and what the server knows of each.

use bytes::BytesMut;
use interop_tests::quic_pair::SERVER;
use ipfi_core::proto::control::put_preamble;
use ipfi_core::{Interface, Limits, Origins};
use ipfi_quic::{ALPN, WebTransportOptions};
use web_transport_proto::{ConnectRequest, ConnectResponse, Settings};

use super::kit::{Lab, Said};

#[tokio::test(start_paused = true)]
async fn native_and_webtransport_clients_share_a_port() {
    let lab = Lab::new(WebTransportOptions::default());
    let native = lab.client(2, ALPN);
    let native = native.connect(SERVER.into(), "localhost", Interface::new()).await.unwrap();
    let web =
        lab.connect(3, "https://localhost/chat?user=Ada%20L", &WebTransportOptions::default()).await.unwrap();
    let (one, other) = tokio::join!(native.call::<Said>(0, ()), web.call::<Said>(0, ()));
    assert_eq!(one.unwrap(), ("quic".to_owned(), None, None));
    assert_eq!(other.unwrap(), ("webtransport".to_owned(), Some("/chat".into()), Some("Ada L".into())));
}

#[tokio::test(start_paused = true)]
async fn a_page_of_the_same_origin_is_let_in_and_so_is_a_listed_one() {
    for (origins, origin) in [
        (Origins::Same, "https://localhost"),
        (Origins::Same, "https://LOCALHOST:443"),
        (Origins::These(vec!["http://127.0.0.1:8080".into()]), "http://127.0.0.1:8080"),
        (Origins::Any, "null"),
    ] {
        let mut server = WebTransportOptions::default();
        server.origins = origins;
        let lab = Lab::new(server);
        let mut client = WebTransportOptions::default();
        client.headers = vec![("origin".into(), origin.into())];
        let wire = lab.connect(2, "https://localhost/", &client).await.unwrap();
        wire.call::<Said>(0, ()).await.unwrap();
    }
}

/// Browsers open the streams of QPACK and send nothing on them; what they open later announces them by its number.
#[tokio::test(start_paused = true)]
async fn streams_of_http_3_that_never_say_what_they_are_stay_open() {
    let lab = Lab::new(WebTransportOptions::default());
    let client = lab.client(2, "h3");
    let connecting = client.quinn().connect_with(client.config().clone(), SERVER.into(), "localhost");
    let connection = connecting.unwrap().await.unwrap();
    let mut http = connection.open_uni().await.unwrap();
    let mut bytes = BytesMut::new();
    Settings::default().encode(&mut bytes);
    http.write_all(&bytes).await.unwrap();
    let (mut request, mut answer) = connection.open_bi().await.unwrap();
    let mut bytes = BytesMut::new();
    let asked = ConnectRequest::new("https://localhost/".parse::<url::Url>().unwrap());
    asked.with_protocols(["ipfi-1".to_owned()]).encode(&mut bytes).unwrap();
    request.write_all(&bytes).await.unwrap();
    ConnectResponse::read(&mut answer).await.unwrap();

    let qpack = [connection.open_uni().await.unwrap(), connection.open_uni().await.unwrap()];
    let mut control = connection.open_uni().await.unwrap();
    // The type of a stream of the session, and the session.
    let mut bytes = BytesMut::from(&[0x40, 0x54, 0][..]);
    put_preamble(&mut bytes, &ipfi_core::proto::control::Settings::default());
    control.write_all(&bytes).await.unwrap();

    let longer = 3 * Limits::default().handshake_timeout;
    for stream in &qpack {
        let stopped = tokio::time::timeout(longer, stream.stopped()).await;
        assert!(stopped.is_err(), "{stopped:?}");
    }
    assert!(connection.close_reason().is_none());
}
