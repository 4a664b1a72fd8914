//! Our QUIC against aioquic, which nobody here wrote, and against `interop-tests/stranger`, an ipfi-1 in Python that
//! was written from `docs/protocol.md` alone: what both ends of ours misread alike shows here.
// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../quic_lab/mod.rs"]
mod quic_lab;

mod client;
mod python;

use ipfi_core::limits::Limits;
use quic_lab::{Certificate, serve, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_server_is_what_the_specification_says() {
    let certificate = Certificate::new();
    let file = python::File::new("certificate", &certificate.pem);
    let mut limits = Limits::default();
    // A check waits for it to pass.
    limits.status_grace = std::time::Duration::from_millis(500);
    let (address, serving) = serve(&certificate, limits).await;
    let port = address.port().to_string();
    let mut checks = python::script(python::AIOQUIC, "quic_client.py").await;
    checks.args([&*port, file.path()]);
    let status = within("the checks", checks.status()).await.unwrap();
    assert!(status.success(), "what is printed above as FAILED");
    serving.abort();
}
