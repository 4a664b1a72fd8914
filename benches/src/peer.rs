//! What is compared: something that calls `echo` on one connection.

use std::future::Future;
use std::io;

/// A way to call the echo procedure at the other end of one connection. Both ends live in this process
/// and on this runtime, so that the CPU time per call is that of both.
pub(crate) trait Peer: 'static {
    /// Its name in the table.
    const NAME: &'static str;
    /// Whether more than one call can be outstanding; if not, only the sequential workload is run.
    const PIPELINES: bool;
    /// One connection, used by all callers.
    type Client: Client;

    /// Starts a server and connects to it. The server ends when the client is dropped.
    fn connect() -> impl Future<Output = io::Result<Self::Client>> + Send;
}

/// The calling end. Cloned for each caller; the clones share the connection.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    /// Sends `text` and returns what came back. Answers with an error, rather than never, when the
    /// connection ends.
    fn echo(&self, text: &str) -> impl Future<Output = io::Result<String>> + Send;
}
