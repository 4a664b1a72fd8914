//! A server that runs beside the test, and bounds on every wait.

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipfi::{Bound, Connector, Identity, Interface, Server, ShutdownReport, Trust, Wire};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than any of these tests takes on a busy machine; shorter than patience.
const BOUND: Duration = Duration::from_secs(30);

/// Waits for `future`, or fails naming what did not happen.
pub(crate) async fn within<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    within_time(what, BOUND, future).await
}

/// The same with a bound of its own, where the bound is what the test is about.
pub(crate) async fn within_time<T>(what: &str, bound: Duration, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(bound, future.into_future()).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {bound:?}"),
    }
}

/// Tries until `attempt` gives something, or fails naming what did not happen.
pub(crate) async fn eventually<T, F>(what: &str, bound: Duration, mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within_time(what, bound, async {
        loop {
            if let Some(value) = attempt().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// `Hello, …!` under 0; a call that never ends under 1.
pub(crate) fn greeter() -> Interface {
    Interface::new()
        .procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") })
        .procedure(1, |(): ()| std::future::pending::<()>())
}

/// Calls procedure 0 of [`greeter`].
pub(crate) async fn greeted(wire: &Wire) {
    let greeting: String = within("a greeting", wire.call(0, ("Ada",))).await.unwrap();
    assert_eq!(greeting, "Hello, Ada!");
}

/// A server that runs until it is stopped, or dropped.
pub(crate) struct Running {
    pub(crate) urls: Vec<String>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<ShutdownReport>,
    path: PathBuf,
}

impl Running {
    /// Listens on TCP and on a Unix socket, in this order.
    pub(crate) async fn new(server: Server) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("ipfi-carriers-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let server = server.listen("tcp://127.0.0.1:0").listen(format!("unix:{}", path.display()));
        let mut running = Self::bound(server).await;
        running.path = path;
        running
    }

    /// Listens where `server` was told to.
    pub(crate) async fn bound(server: Server) -> Self {
        let bound: Bound = server.bind().await.unwrap();
        let urls = bound.addresses();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(bound.run_until(stopped));
        Self { urls, stop: Some(stop), task, path: PathBuf::new() }
    }

    /// Listens on QUIC, TLS, WebSockets with and without TLS, TCP and a Unix socket, in this order. Gives a connector that trusts it, too.
    pub(crate) async fn everywhere(server: Server) -> (Self, Connector) {
        let identity = Identity::development(&[]).unwrap();
        let connector = Connector::new().trust(Trust::pinned([identity.certificate_hash()]));
        let server = server.identity(identity).listen("quic://127.0.0.1:0").listen("tls://127.0.0.1:0");
        let server = server.listen("wss://127.0.0.1:0").listen("ws://127.0.0.1:0");
        (Self::new(server).await, connector)
    }

    /// Where TCP listens, without the scheme.
    pub(crate) fn tcp_address(&self) -> &str {
        self.urls[0].strip_prefix("tcp://").unwrap()
    }

    /// Where the Unix socket is.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Asks it to stop; [`report`](Self::report) waits until it has.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub(crate) async fn report(&mut self) -> ShutdownReport {
        within("the server's end", &mut self.task).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A sequence of numbers without a pattern that is the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// The next one below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
