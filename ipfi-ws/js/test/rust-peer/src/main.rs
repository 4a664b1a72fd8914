//! The Rust end of the interop tests: `js-test-peer serve [PORT]` listens on a port and prints it, `js-test-peer call ADDRESS`
//! calls the JavaScript end there and prints one line for each check that holds. `js-test-peer serve-web ORIGIN` is a server
//! for WebSockets and WebTransport, of programs and of pages of that origin, and prints its addresses, its certificate's hash
//! and the certificate, which is nobody's but pinned. `js-test-peer schema` prints the descriptions of what it serves, and
//! `js-test-peer random SEED COUNT` random descriptions and values of them ([`random`]).

mod random;
mod sampler;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use ipfi::{
    CloseCode, Code, CodecId, Context, Describe, Identity, Interface, Origins, Receiver, Server, Status,
    WebTransportOptions, Wire, WsOptions,
};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};

use sampler::{SamplerClient, SamplerServer, Samples};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(text,): (String,)| async move { text })
        .sequence(1, |(to,): (u64,)| stream::iter(0..to))
        .procedure_with_items(2, |(): (), numbers: Receiver<u64>| async move {
            let numbers: Vec<u64> = numbers.try_collect().await?;
            Ok::<u64, Status>(numbers.into_iter().sum())
        })
        .sequence_with_items(3, |(by,): (u64,), numbers: Receiver<u64>| {
            numbers.map(move |number| Ok::<u64, Status>(number? * by))
        })
        .procedure(4, |(millis,): (u64,)| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            millis
        })
        .procedure(5, |context: Context, (text,): (String,)| async move {
            // Calls its caller back.
            let answer: String = context.wire().call(0, (text,)).await.map_err(Status::from)?;
            Ok::<String, Status>(format!("back: {answer}"))
        })
        .procedure(6, |(): ()| async move { Err::<(), Status>(Status::not_found("no such key")) })
        .procedure_with_items(7, |(): (), chunks: Receiver<Bytes>| async move {
            chunks
                .map_err(Status::from)
                .try_fold(0_u64, |sum, chunk| async move { Ok(sum + chunk.len() as u64) })
                .await
        })
        .sequence(8, |(chunks, len): (u64, u64)| {
            let chunk = Bytes::from(vec![7_u8; usize::try_from(len).unwrap_or(0)]);
            stream::iter(0..chunks).map(move |_| chunk.clone())
        })
        .notification(9, |context: Context, (text,): (String,)| async move {
            let _ = context.wire().notify(9, (text,)).await;
        })
        .procedure(10, |context: Context, (): ()| async move {
            context.set_reply_metadata(context.metadata().clone());
        })
        .sequence(11, |(): ()| {
            let held = Held;
            stream::iter([0_u64]).chain(stream::pending()).inspect(move |_| {
                let _ = &held;
            })
        })
        .procedure(13, |(): ()| async { DROPPED.load(Ordering::SeqCst) })
        .procedure(14, |context: Context, (): ()| async move {
            // Leaves a stream of its caller.
            let mut items = context.wire().stream::<u64>(11, ()).await.map_err(Status::from)?;
            items.try_next().await.map_err(Status::from)
        })
        .procedure(15, |(): ()| async { Err::<(), Status>(Status::cancelled("not today")) })
        .sequence(16, |(): ()| {
            stream::iter(0..100_000_u64).map(|_| {
                MADE.fetch_add(1, Ordering::SeqCst);
                Bytes::from_static(&[0; 1000])
            })
        })
        .procedure(17, |(): ()| async { MADE.load(Ordering::SeqCst) })
        .notification(18, |(): ()| async { die() })
        .notification(19, |context: Context, (text,): (String,)| async move {
            let _ = context.wire().notify(19, (text,)).datagram();
        })
        .by_datagram(19)
        .notification(20, |context: Context, (): ()| async move {
            context.wire().close(CloseCode::UNAUTHENTICATED, "who are you?");
        })
        .procedure(21, |(values,): (Vec<Every>,)| async move { values })
        .serve(SamplerServer(Samples::default()))
}

/// A value with everything that codecs know.
#[derive(Serialize, Deserialize)]
struct Every {
    small: u8,
    signed: i16,
    large: u64,
    deep: i64,
    real: f64,
    yes: bool,
    letter: char,
    text: String,
    raw: Bytes,
    maybe: Option<u32>,
    list: Vec<i32>,
    table: BTreeMap<String, u32>,
    pair: (u8, String),
    shape: Shape,
    nothing: (),
    inner: Option<Box<Every>>,
}

#[derive(Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Label { text: String },
}

/// Without a farewell to anybody.
fn die() {
    std::process::exit(0)
}

/// Streams of procedure 11 that are gone.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Items that procedure 16 has made.
static MADE: AtomicU64 = AtomicU64::new(0);

struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("serve") => serve(args.next()).await,
        Some("serve-web") => serve_web(args.next().ok_or("to pages of which origin?")?).await,
        Some("schema") => {
            print!("{}", ipfi::typed::to_json(&[SamplerClient::description()]));
            Ok(())
        }
        Some("random") => {
            let mut number =
                || args.next().and_then(|text| text.parse::<u32>().ok()).ok_or("random SEED COUNT");
            random::print(number()?.into(), number()? as usize)
        }
        Some("call") => call(&args.next().ok_or("call whom?")?).await,
        _ => Err("serve [PORT], serve-web ORIGIN, call ADDRESS, schema or random SEED COUNT".into()),
    }
}

async fn serve(port: Option<String>) -> Result<(), Error> {
    let port = port.map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(async move {
            let (reader, writer) = socket.into_split();
            if let Ok(wire) = ipfi::mux::accept(reader, writer, interface()).await {
                wire.closed().await;
            }
        });
    }
}

async fn serve_web(origin: String) -> Result<(), Error> {
    let identity = Identity::development(&[])?;
    let hash = identity.certificate_hash();
    let certificate: String = identity.certificates().flatten().map(|byte| format!("{byte:02x}")).collect();
    let mut sockets = WsOptions::default();
    sockets.origins = Origins::These(vec![origin.clone()]);
    let mut web = WebTransportOptions::default();
    web.origins = Origins::These(vec![origin]);
    let server = Server::new(interface())
        .identity(identity)
        .ws_options(sockets)
        .webtransport_options(web)
        .listen("ws://127.0.0.1:0")
        .listen("wss://127.0.0.1:0")
        .listen("quic://127.0.0.1:0")
        .bind()
        .await?;
    println!("{} {hash} {certificate}", server.addresses().join(" "));
    server.run().await;
    Ok(())
}

async fn call(address: &str) -> Result<(), Error> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let (reader, writer) = socket.into_split();
    let wire = ipfi::mux::connect(reader, writer, interface()).await?;
    for codec in [CodecId::Bincode, CodecId::MessagePack, CodecId::Json] {
        every_kind(&wire.with_codec(codec)).await?;
        println!("ok: every kind of call in {codec:?}");
    }

    sampler::visit(&wire).await?;
    println!("ok: every kind of typed method");

    let many = (0..1000_u64).map(|n| {
        let wire = wire.clone();
        async move {
            let items: Vec<u64> = wire.stream::<u64>(1, (n % 50 + 1,)).await?.try_collect().await?;
            assert_eq!(items, (0..n % 50 + 1).collect::<Vec<_>>());
            Ok::<(), ipfi::CallError>(())
        }
    });
    futures::future::try_join_all(many).await?;
    println!("ok: 1000 streams at once");

    let chunk = Bytes::from(vec![3_u8; 1 << 16]);
    let sent: u64 =
        wire.upload::<Bytes, u64>(7, ()).items(stream::iter(0..1600).map(move |_| chunk.clone())).await?;
    assert_eq!(sent, 1600 << 16);
    println!("ok: 100 MB to JavaScript");
    let mut chunks = wire.stream::<Bytes>(8, (1600_u64, 65_536_u64)).await?;
    let mut seen = 0;
    while let Some(chunk) = chunks.try_next().await? {
        seen += chunk.len();
    }
    assert_eq!(seen, 1600 << 16);
    println!("ok: 100 MB from JavaScript");

    let late =
        wire.call::<u64>(4, (60_000_u64,)).timeout(Duration::from_millis(50)).await.expect_err("too long");
    assert_eq!(late.code(), Code::DeadlineExceeded);
    println!("ok: a deadline ends a call");

    let mut items = wire.stream::<u64>(11, ()).await?;
    assert_eq!(items.try_next().await?, Some(0));
    drop(items);
    let cancelled: bool = loop {
        let seen: bool = wire.call(12, ()).await?;
        if seen {
            break seen;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(cancelled);
    println!("ok: a dropped stream is cancelled at the handler");
    wire.close(ipfi::CloseCode::NO_ERROR, "done");
    wire.closed().await;
    println!("ok: done");
    Ok(())
}

async fn every_kind(wire: &Wire) -> Result<(), Error> {
    let text: String = wire.call(0, ("héllo",)).await?;
    assert_eq!(text, "héllo");
    let items: Vec<u64> = wire.stream::<u64>(1, (300_u64,)).await?.try_collect().await?;
    assert_eq!(items, (0..300).collect::<Vec<_>>());
    let sum: u64 = wire.upload::<u64, u64>(2, ()).items(stream::iter(1..=1000)).await?;
    assert_eq!(sum, 500_500);
    let (mut send, mut receive) = wire.duplex::<u64, u64>(3, (3_u64,)).await?;
    for n in 0..100 {
        send.send(n).await?;
        assert_eq!(receive.try_next().await?, Some(n * 3));
    }
    send.finish().await?;
    assert_eq!(receive.try_next().await?, None);
    let back: String = wire.call(5, ("x",)).await?;
    assert_eq!(back, "back: x");
    let error = wire.call::<()>(6, ()).await.expect_err("it fails");
    assert_eq!((error.code(), error.status().message()), (Code::NotFound, "no such key"));
    let unknown = wire.call::<()>(99, ()).await.expect_err("there is none");
    assert_eq!(unknown.code(), Code::Unimplemented);
    Ok(())
}
