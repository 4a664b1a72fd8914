//! A pair of sessions, one ours and one of the `qmux` crate, and bounds on every wait.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ipfi_core::limits::Limits;
use ipfi_core::session::Side;
use ipfi_mux::MuxSession;
use ipfi_mux::driver::tokio::session;
use ipfi_ws::WsOptions;
use qmux::Version;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use web_transport_trait::{RecvStream as _, SendStream as _, Session as _};

/// Longer than any of these tests takes on a busy machine; shorter than patience.
const BOUND: Duration = Duration::from_secs(60);

/// Waits for `future`, or fails naming what did not happen.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing after {BOUND:?}"),
    }
}

/// What carries the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier {
    Tcp,
    Unix,
    WebSocket,
}

/// Every carrier, with our side as the client and as the server.
pub(crate) const MATRIX: [(Carrier, Side); 6] = [
    (Carrier::Tcp, Side::Client),
    (Carrier::Tcp, Side::Server),
    (Carrier::Unix, Side::Client),
    (Carrier::Unix, Side::Server),
    (Carrier::WebSocket, Side::Client),
    (Carrier::WebSocket, Side::Server),
];

/// What the crate is configured with.
pub(crate) fn config() -> qmux::Config {
    qmux::Config::new(Version::QMux02)
}

/// The crate with the smallest windows of the task: 64 KiB for all, 16 KiB for each.
pub(crate) fn small_config() -> qmux::Config {
    let mut config = config();
    config.max_data = 64 << 10;
    config.max_stream_data_bidi_local = 16 << 10;
    config.max_stream_data_bidi_remote = 16 << 10;
    config.max_stream_data_uni = 16 << 10;
    config.max_streams_bidi = 8;
    config.max_streams_uni = 8;
    config
}

/// Ours with fixed windows of 16 KiB, 64 KiB in all: two calls, two notifications.
pub(crate) fn small_limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_inbound_calls = 2;
    limits.max_inbound_notifications = 2;
    limits.stream_window_bytes = 16 << 10;
    limits.notification_window_bytes = 16 << 10;
    limits.window_pool_bytes = 0;
    limits
}

/// Runs `scenario` in every cell of the matrix, one after another, each bounded.
pub(crate) async fn everywhere<F>(
    limits: Limits,
    config: qmux::Config,
    scenario: impl Fn(MuxSession, qmux::Session) -> F,
) where
    F: Future<Output = ()>,
{
    for (carrier, our_side) in MATRIX {
        let what = format!("over {carrier:?}, as the {our_side:?}");
        within(&what, async {
            let (ours, theirs) = pair(carrier, our_side, limits.clone(), config.clone()).await;
            scenario(ours, theirs).await;
        })
        .await;
    }
}

/// Two ends of a new connection, both established.
pub(crate) async fn pair(
    carrier: Carrier,
    our_side: Side,
    limits: Limits,
    config: qmux::Config,
) -> (MuxSession, qmux::Session) {
    let tcp = qmux::tcp::Config::new(Version::QMux02).session_config(config.clone());
    let unix = qmux::uds::Config::new(Version::QMux02).session_config(config.clone());
    let our_tcp = |stream: TcpStream| {
        stream.set_nodelay(true).unwrap();
        let (reader, writer) = stream.into_split();
        session(reader, writer, our_side, limits.clone()).unwrap()
    };
    let our_unix = |stream: UnixStream| {
        let (reader, writer) = stream.into_split();
        session(reader, writer, our_side, limits.clone()).unwrap()
    };
    let (ours, theirs) = match (carrier, our_side) {
        (Carrier::Tcp, Side::Client) => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let ours = our_tcp(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
            (ours, tcp.accept(listener.accept().await.unwrap().0).await)
        }
        (Carrier::Tcp, Side::Server) => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let ours = async { our_tcp(listener.accept().await.unwrap().0) };
            tokio::join!(ours, tcp.connect(address))
        }
        (Carrier::Unix, Side::Client) => {
            let path = SocketPath::new();
            let listener = UnixListener::bind(&path.0).unwrap();
            let ours = our_unix(UnixStream::connect(&path.0).await.unwrap());
            (ours, unix.accept(listener.accept().await.unwrap().0).await)
        }
        (Carrier::Unix, Side::Server) => {
            let path = SocketPath::new();
            let listener = UnixListener::bind(&path.0).unwrap();
            let ours = async { our_unix(listener.accept().await.unwrap().0) };
            tokio::join!(ours, unix.connect(&path.0))
        }
        (Carrier::WebSocket, Side::Client) => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let theirs =
                qmux::ws::Server::new().with_protocol("ipfi-1", &[Version::QMux02]).require_protocol();
            let theirs = theirs.with_session_config(config);
            let accepting = async { theirs.accept(listener.accept().await.unwrap().0).await };
            let (ours, theirs) = tokio::join!(our_web(stream, Side::Client, &limits), accepting);
            (ours, theirs)
        }
        (Carrier::WebSocket, Side::Server) => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("ws://{}/", listener.local_addr().unwrap());
            let theirs =
                qmux::ws::Client::new().with_protocol("ipfi-1", &[Version::QMux02]).require_protocol();
            let theirs = theirs.with_session_config(config);
            let ours = async {
                let (stream, _) = listener.accept().await.unwrap();
                our_web(stream, Side::Server, &limits).await
            };
            tokio::join!(ours, theirs.connect(&url))
        }
    };
    let theirs = theirs.expect("the crate accepts our transport parameters");
    ours.established().await.expect("we accept the crate's transport parameters");
    (ours, theirs)
}

/// Our side of a WebSocket.
async fn our_web(stream: TcpStream, side: Side, limits: &Limits) -> MuxSession {
    stream.set_nodelay(true).unwrap();
    let ws = WsOptions::default();
    let upgraded = match side {
        Side::Client => ipfi_ws::endpoint::ask(stream, "localhost", "/", &ws, limits).await.unwrap(),
        Side::Server => {
            let peer = ipfi::Peer::new(Side::Client, "ws");
            ipfi_ws::endpoint::answer(stream, None, &ws, limits, peer).await.unwrap().0
        }
    };
    upgraded.session(limits.clone(), &ws).await.unwrap()
}

/// A path for a socket that goes with the value.
pub(crate) struct SocketPath(pub(crate) PathBuf);

impl SocketPath {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("ipfi-qmux-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        // Gone already when a server that made it removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Sends everything with the crate and finishes.
pub(crate) async fn their_finish(send: &mut qmux::SendStream, data: &[u8]) {
    send.write_all(data).await.expect("the crate writes");
    send.finish().expect("the crate finishes");
    // Its streams may be dropped only when the end has left.
    send.closed().await.expect("the crate's stream ends in order");
}

/// Reads to the end with the crate. Its own `read_all` takes a clean end for granted.
pub(crate) async fn their_read_all(recv: &mut qmux::RecvStream) -> Result<Bytes, qmux::Error> {
    let mut all = Vec::new();
    while let Some(bytes) = recv.read_chunk(64 << 10).await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all.into())
}

/// The crate's side answers each of `streams` streams with what it was sent.
pub(crate) async fn their_echo(session: &qmux::Session, streams: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..streams {
        let (mut send, mut recv) = session.accept_bi().await.expect("the crate accepts");
        tasks.spawn(async move {
            while let Some(bytes) = recv.read_chunk(64 << 10).await.expect("the crate reads") {
                send.write_chunk(bytes).await.expect("the crate writes");
            }
            send.finish().expect("the crate finishes");
            send.closed().await.expect("the crate's stream ends in order");
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("an echo of the crate");
    }
}
