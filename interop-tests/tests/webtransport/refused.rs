//! Clients that are not let in: each is one clear error at either end, at once.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use interop_tests::quic_pair::SERVER;
use ipfi_core::Origins;
use ipfi_quic::WebTransportOptions;
use tokio::time::Instant;
use web_transport_proto::{ConnectRequest, ConnectResponse, Settings};

use super::kit::Lab;

const AT_ONCE: Duration = Duration::from_millis(300);

/// Connects and is refused: demands that both ends' errors have `parts`.
async fn refused(lab: &Lab, url: &str, web: &WebTransportOptions, parts: &[&str]) {
    let started = Instant::now();
    let error = lab.connect(2, url, web).await.unwrap_err().to_string();
    assert!(started.elapsed() <= AT_ONCE, "{:?}", started.elapsed());
    tokio::time::sleep(Duration::from_secs(2)).await;
    for text in [error, lab.at_server()] {
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }
}

fn from(origins: &[&str]) -> WebTransportOptions {
    let mut web = WebTransportOptions::default();
    web.headers = origins.iter().map(|origin| ("origin".to_owned(), (*origin).to_owned())).collect();
    web
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_origin_is_told_which_are_allowed() {
    let parts = &["403 Forbidden", "origin https://evil.example not allowed (allowed: same origin)"];
    let lab = Lab::new(WebTransportOptions::default());
    refused(&lab, "https://localhost/", &from(&["https://evil.example"]), parts).await;
}

#[tokio::test(start_paused = true)]
async fn a_page_of_the_same_name_and_another_port_is_of_another_origin() {
    let lab = Lab::new(WebTransportOptions::default());
    refused(&lab, "https://localhost/", &from(&["http://localhost"]), &["403 Forbidden"]).await;
}

/// A page in a sandbox or from a file has the origin `null`, which is nobody's [A11].
#[tokio::test(start_paused = true)]
async fn a_page_of_no_origin_is_refused_unless_any_is_let_in() {
    for origins in [Origins::Same, Origins::These(vec!["https://localhost".into()])] {
        let mut web = WebTransportOptions::default();
        web.origins = origins;
        let parts = &["403 Forbidden", "origin null not allowed"];
        refused(&Lab::new(web), "https://localhost/", &from(&["null"]), parts).await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_path_than_the_one_that_is_served_is_named() {
    let mut web = WebTransportOptions::default();
    web.path = Some("/ipfi".into());
    let parts = &["404 Not Found", "nothing is served at /other"];
    refused(&Lab::new(web), "https://localhost/other", &from(&[]), parts).await;
}

/// Sends settings and `request` over HTTP/3, and gives the answer's bytes.
async fn answer(lab: &Lab, request: &[u8]) -> Vec<u8> {
    let client = lab.client(2, "h3");
    let connecting = client.quinn().connect_with(client.config().clone(), SERVER.into(), "localhost");
    let connection = connecting.unwrap().await.unwrap();
    let mut control = connection.open_uni().await.unwrap();
    let mut settings = BytesMut::new();
    Settings::default().encode(&mut settings);
    control.write_all(&settings).await.unwrap();
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(request).await.unwrap();
    let started = Instant::now();
    let answer = recv.read_to_end(4096).await.unwrap();
    assert!(started.elapsed() <= AT_ONCE, "{:?}", started.elapsed());
    connection.closed().await;
    answer
}

#[tokio::test(start_paused = true)]
async fn a_client_that_offers_other_protocols_is_told_which_is_needed() {
    for (offered, named) in [(vec!["other"], "offered: other"), (vec!["a", "b"], "offered: a, b")] {
        let offered = offered.into_iter().map(str::to_owned);
        let lab = Lab::new(WebTransportOptions::default());
        let url: url::Url = "https://localhost/".parse().unwrap();
        let mut request = BytesMut::new();
        ConnectRequest::new(url).with_protocols(offered).encode(&mut request).unwrap();
        let answer = answer(&lab, &request).await;
        let error = ConnectResponse::decode(&mut &answer[..]).unwrap_err();
        assert!(error.to_string().contains("400"), "{error}");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let server = lab.at_server();
        assert!(server.contains("the protocol ipfi-1 is needed") && server.contains(named), "{server}");
        assert!(String::from_utf8_lossy(&answer).contains(named));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_of_http_that_wants_a_page_is_told_what_this_is() {
    let lab = Lab::new(WebTransportOptions::default());
    // QPACK's static table: GET, https, /, and the authority.
    let mut request = BytesMut::from(&[0x01, 0x0f, 0, 0, 0xd1, 0xd7, 0xc1, 0x50, 0x09][..]);
    request.put_slice(b"localhost");
    request[1] = 16;
    let answer = answer(&lab, &request).await;
    assert!(String::from_utf8_lossy(&answer).contains("an ipfi server: connect by WebTransport"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(lab.at_server().contains("405 Method Not Allowed"), "{}", lab.at_server());
}
