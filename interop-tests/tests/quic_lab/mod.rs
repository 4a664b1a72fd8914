//! What strangers to QUIC of ours talk to: a server of ours, and a client of ours for theirs.

// Test code: what cannot be set up is a failed test. Each test binary uses its own part.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub)]

use std::future::IntoFuture;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ipfi_core::close_code::CloseCode;
use ipfi_core::limits::Limits;
use ipfi_core::metadata::Metadata;
use ipfi_core::{Code, Context, Interface, RawCall, Receiver, Status, Terminator, Wire};
use ipfi_quic::tls::{Identity, TlsClient, TlsServer, Trust};
use ipfi_quic::{ALPN, QuicClient, QuicOptions, QuicServer};
use rcgen::{CertificateParams, KeyPair};
use tokio::task::JoinHandle;

/// Longer than any of these takes on a busy machine; shorter than patience.
const BOUND: Duration = Duration::from_secs(60);

/// Waits for `future`, or fails naming what did not happen.
pub async fn within<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(BOUND, future.into_future()).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing after {BOUND:?}"),
    }
}

/// A certificate for `localhost` and its key, for both ends of every test here, as PEM: what strangers read.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub pem: String,
    pub key: String,
}

impl Certificate {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, key: key.serialize_pem() }
    }

    fn identity(&self) -> Identity {
        Identity::from_pem(&self.pem, &self.key).unwrap()
    }
}

/// What handlers have seen, in its order.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until a handler has said `wanted`.
    pub async fn wait(&self, wanted: &str) {
        within(&format!("{wanted:?} from a handler"), async {
            while !self.all().iter().any(|said| said == wanted) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

/// Says how a call ended for its handler, when that is dropped or done.
struct Ending {
    seen: Seen,
    name: String,
    context: Context,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let how = self.context.cancel_cause().map_or_else(|| "done".to_owned(), |cause| format!("{cause:?}"));
        self.seen.push(format!("{} {how}", self.name));
    }
}

/// Procedures of every kind. `interop-tests/stranger/quic_client.py` has their numbers too.
pub fn interface(seen: &Seen) -> Interface {
    let seen = seen.clone();
    let (noted, hung, waiting, first) = (seen.clone(), seen.clone(), seen.clone(), seen.clone());
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .idempotent(0_u64)
        .sequence(1, |(to,): (u64,)| stream::iter(0..to))
        .procedure_with_items(2, |(): (), numbers: Receiver<u64>| async move {
            let numbers: Vec<u64> = numbers.try_collect().await?;
            Ok::<u64, Status>(numbers.into_iter().sum())
        })
        .sequence_with_items(3, |(by,): (u64,), numbers: Receiver<u64>| {
            numbers.map(move |number| Ok::<u64, Status>(number? * by))
        })
        .notification(4, move |(text,): (String,)| {
            noted.push(format!("note {text}"));
            async {}
        })
        .by_datagram(4_u64)
        .procedure(5, move |(): ()| {
            let all = seen.all();
            async move { all }
        })
        .procedure(6, move |context: Context, (name,): (String,)| {
            let ending = Ending { seen: hung.clone(), name, context };
            async move {
                let _ending = ending;
                std::future::pending::<()>().await;
            }
        })
        .procedure(7, |(): ()| async {
            let status = Status::new(Code::NotFound, "nothing of that name — é");
            Err::<(), _>(status.with_details(Bytes::from_static(b"\x00\xffdetails")))
        })
        .procedure(8, |(): ()| async { broken() })
        .procedure(9, |context: Context, (key,): (String,)| async move {
            let value = context.metadata().get(&key).cloned();
            let mut reply = Metadata::new();
            reply.insert("seen", value.clone().unwrap_or_default()).unwrap();
            context.set_reply_metadata(reply);
            value.map(|value| String::from_utf8_lossy(&value).into_owned())
        })
        .procedure(10, |context: Context, (): ()| async move {
            context.remaining().map(|left| u64::try_from(left.as_millis()).unwrap())
        })
        .raw(11, raw_echo)
        .procedure(12, |(bytes,): (Bytes,)| async move { bytes })
        .procedure(13, |context: Context, (name,): (String,)| async move {
            let greeting = context.wire().call::<String>(0, (name,)).within(&context).await;
            greeting.map_err(|error| {
                Status::new(error.code(), format!("the caller: {}", error.status().message()))
            })
        })
        .sequence(14, move |context: Context, (name,): (String,)| {
            let ending = Ending { seen: waiting.clone(), name, context };
            stream::iter([0_u64]).chain(stream::once(async move {
                let _ending = ending;
                std::future::pending().await
            }))
        })
        .sequence(15, |(): ()| stream::iter([Ok(0_u64), Ok(1), Err(Status::new(Code::DataLoss, "halfway"))]))
        .notification(16, |(_text,): (String,)| async {})
        .procedure(17, |context: Context, (grace,): (u64,)| async move {
            let wire = context.wire();
            tokio::spawn(async move { wire.shutdown(Duration::from_millis(grace)).await });
        })
        .procedure(18, |context: Context, (code, reason): (u64, String)| async move {
            context.wire().close(CloseCode(code), &reason);
        })
        .procedure_with_items(19, move |(): (), mut numbers: Receiver<u64>| {
            let seen = first.clone();
            async move {
                let number = numbers.next().await;
                seen.push(format!("first {number:?}"));
                number.unwrap_or(Ok(0))
            }
        })
}

/// As a handler of a user may be.
fn broken() {
    panic!("a handler that panics, as its test wants")
}

async fn raw_echo(mut call: RawCall) -> Result<(), Status> {
    while let Some(fragment) = call.read().await? {
        let terminator = if fragment.end_of_message { Terminator::Chunk } else { Terminator::None };
        call.write(fragment.bytes, terminator).await?;
    }
    Ok(())
}

/// Serves [`interface`] on a port of the system's choice, each connection with `limits`, until it is aborted.
pub async fn serve(certificate: &Certificate, limits: Limits) -> (SocketAddr, JoinHandle<()>) {
    let tls = TlsServer::builder(certificate.identity()).early_data(true).build(&[ALPN]).unwrap();
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    let mut options = QuicOptions::default();
    options.early_data = true;
    let server = QuicServer::bind(any, &tls, &limits, &options).unwrap();
    let address = server.local_address().unwrap();
    let serving = tokio::spawn(async move {
        while let Some(incoming) = server.accept().await {
            let options = ipfi_core::WireOptions::from(interface(&Seen::default())).limits(limits.clone());
            tokio::spawn(async move {
                // A client that breaks its own handshake has its error; the wire lives for as long as it does.
                if let Ok(wire) = incoming.wire(options).await {
                    wire.closed().await;
                }
            });
        }
    });
    (address, serving)
}

/// A client of ours at `server`, which offers [`interface`] to it.
pub async fn connect(certificate: &Certificate, server: SocketAddr, seen: &Seen) -> Wire {
    let tls = TlsClient::builder(Trust::roots_pem(&certificate.pem).unwrap()).build(&[ALPN]).unwrap();
    let mut limits = Limits::default();
    // A header has a timeout only where a test wants one.
    limits.default_timeout = None;
    let client = QuicClient::bind(server, &tls, &limits, &QuicOptions::default()).unwrap();
    let options = ipfi_core::WireOptions::from(interface(seen)).limits(limits);
    within("the handshake", client.connect(server, "localhost", options)).await.unwrap()
}
