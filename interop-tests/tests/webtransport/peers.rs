//! Native and WebTransport clients on one port, and what the server knows of each.

use interop_tests::quic_pair::SERVER;
use ipfi_core::{Interface, Origins};
use ipfi_quic::{ALPN, WebTransportOptions};

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
