//! Every carrier that a URL may name.

use ipfi::quic::tls::Identity;
use ipfi::{CertificateHash, Server};

use crate::{interface, ipfi, listen};

async fn hello(url: &str, options: &[&str]) -> String {
    let call = ["call", url, "Greeter.hello", "\"Ada\""];
    ipfi(&[&call[..], options].concat()).await.out()
}

const HELLO: &str = "\"Hello, Ada!\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn unix_sockets_and_web_sockets() {
    let path = std::env::temp_dir().join(format!("ipfi-cli-{}.sock", std::process::id()));
    let url = listen(interface().0, &format!("unix:{}", path.display())).await;
    assert_eq!(hello(&url, &[]).await, HELLO);
    let url = listen(interface().0, "ws://127.0.0.1:0/calls").await;
    assert_eq!(hello(&url, &[]).await, HELLO);
}

/// A server with a certificate that nobody has issued.
async fn secure(scheme: &str) -> (String, CertificateHash) {
    let identity = Identity::development(&["localhost", "127.0.0.1"]).unwrap();
    let hash = identity.certificate_hash();
    let server = Server::new(interface().0)
        .identity(identity)
        .listen(format!("{scheme}://127.0.0.1:0"))
        .bind()
        .await
        .unwrap();
    let url = server.addresses().remove(0);
    tokio::spawn(server.run());
    (url, hash)
}

#[tokio::test(flavor = "multi_thread")]
async fn quic_webtransport_and_tls_believe_the_server_that_is_pinned() {
    for (scheme, url_scheme) in [("quic", "quic"), ("quic", "https"), ("tls", "tls"), ("wss", "wss")] {
        let (url, hash) = secure(scheme).await;
        let url = url.replace(&format!("{scheme}:"), &format!("{url_scheme}:"));
        let pin = hash.to_string();
        assert_eq!(hello(&url, &["--pin", &pin]).await, HELLO, "{url}");
        assert_eq!(hello(&url, &["--insecure"]).await, HELLO, "{url}");
        let other = "00".repeat(32);
        let (code, said) = ipfi(&["list", &url, "--pin", &other]).await.failed();
        assert!(code == 3 && said.contains("the peer's certificate is not a pinned one"), "{said}");
        assert!(said.contains("hint: a development server prints the hash"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_is_none_is_refused() {
    let (code, said) = ipfi(&["list", "quic://127.0.0.1:1", "--pin", "abc"]).await.failed();
    assert!(code == 2 && said.contains("64 hex digits"), "{said}");
    let (code, said) = ipfi(&["list", "quic://127.0.0.1:1", "--ca", "/no/such/file"]).await.failed();
    assert!(code == 2 && said.contains("/no/such/file"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_about_certificates_are_refused_where_there_are_none() {
    let pin = "00".repeat(32);
    for options in [
        &["--pin", &pin][..],
        &["--ca", "/no/such/file"],
        &["--insecure"],
        &["--server-name", "other"],
        &["--cert", "/no/such/file", "--key", "/no/such/file"],
    ] {
        for url in [
            "tcp://127.0.0.1:1",
            "ws://127.0.0.1:1/",
            "unix:/no/such/socket",
            "stdio:true",
            "TCP://127.0.0.1:1",
        ] {
            let (code, said) = ipfi(&[&["list", url], options].concat()).await.failed();
            let scheme = url.split(':').next().unwrap();
            let expected = format!("error: {} is about certificates, and {scheme}: has none", options[0]);
            assert!(code == 2 && said.starts_with(&expected), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_started_and_spoken_to_over_its_standard_input_and_output() {
    let url = format!("stdio:{} stdio:", crate::manual::example().display());
    assert_eq!(hello(&url, &[]).await, HELLO);
    let (code, said) = ipfi(&["list", "stdio:echo no module"]).await.failed();
    assert!(code == 3 && said.contains("no module"), "{said}");
}
