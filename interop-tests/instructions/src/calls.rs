//! Calls as a user has them: the tokio driver at both ends of a pipe, on one thread.
//!
//! The pipe is memory and no socket: how much a socket takes at once is the system's, so that on another machine
//! the same bytes would be other writes. The clock stands still: calls whose deadlines are near each other share
//! a timer, and how many do would depend on how fast the machine is.

use bytes::Bytes;
use futures_util::future::{join, join_all};
use futures_util::{Stream, StreamExt, stream};
use ipfi_core::{Interface, Raw, Receiver, Status, Wire};
use tokio::io::{duplex, split};

/// What the pipe holds, each way: the order of a socket's buffer.
const PIPE_BYTES: usize = 64 << 10;

const TEXT: &str = "32 bytes of text, as a user has.";

/// Items are above 2^56, as an id or a time in nanoseconds is: no codec writes them in less than 8 bytes.
const FIRST_ITEM: u64 = 1 << 60;

/// Of a chunk of bulk.
pub(crate) const CHUNK_KIB: u64 = 64;

const ECHO: u64 = 0;
const ITEMS: u64 = 1;
const BULK: u64 = 2;

/// What the callee offers.
pub(crate) fn interface() -> Interface {
    Interface::new()
        .procedure(ECHO, |(text,): (String,)| async move { text })
        .sequence(ITEMS, |(count,): (u64,)| stream::iter((0..count).map(|index| FIRST_ITEM + index)))
        .procedure_with_items(BULK, |(): (), mut chunks: Receiver<Raw>| async move {
            let mut bytes = 0;
            while let Some(Raw(piece)) = chunks.try_next().await? {
                bytes += piece.len() as u64;
            }
            Ok::<u64, Status>(bytes)
        })
}

/// One unary call.
pub(crate) async fn echo(wire: &Wire) {
    let text: String = wire.call(ECHO, (TEXT,)).await.expect("it is answered");
    assert_eq!(text.len(), TEXT.len());
}

/// The same, typed. What it costs beside `echo` and `items` is the price of the trait.
#[ipfi::interface]
trait Echo {
    async fn echo(&self, text: String) -> String;
    fn items(&self, count: u64) -> impl Stream<Item = u64>;
}

/// Holds nothing.
struct Plain;

impl Echo for Plain {
    async fn echo(&self, text: String) -> String {
        text
    }

    fn items(&self, count: u64) -> impl Stream<Item = u64> {
        stream::iter((0..count).map(|index| FIRST_ITEM + index))
    }
}

/// Typed unary calls, each once the one before it was answered.
pub(crate) fn typed(times: u64) {
    connected_to(Interface::new().serve(EchoServer(Plain)), async |wire| {
        let client = EchoClient::new(&wire);
        for _ in 0..times {
            let text = client.echo(TEXT.to_owned()).await.expect("it is answered");
            assert_eq!(text.len(), TEXT.len());
        }
    });
}

/// Items of one typed sequence.
pub(crate) fn typed_items(times: u64) {
    connected_to(Interface::new().serve(EchoServer(Plain)), async |wire| {
        let items = EchoClient::new(&wire).items(times).await.expect("it begins");
        take(items, times).await;
    });
}

/// Unary calls, each once the one before it was answered.
pub(crate) fn one_after_another(times: u64) {
    connected(async |wire| {
        for _ in 0..times {
            echo(&wire).await;
        }
    });
}

/// Unary calls by 64 tasks on one connection.
pub(crate) fn outstanding(times: u64) {
    connected(async |wire| {
        let callers = (0..64).map(|_| {
            let wire = wire.clone();
            tokio::spawn(async move {
                for _ in 0..times / 64 {
                    echo(&wire).await;
                }
            })
        });
        for caller in join_all(callers).await {
            caller.expect("no call failed");
        }
    });
}

/// Items of one sequence.
pub(crate) fn items(times: u64) {
    connected(async |wire| {
        let items = wire.stream::<u64>(ITEMS, (times,)).await.expect("it begins");
        take(items, times).await;
    });
}

/// Reads all items, of which there are so many.
async fn take(items: Receiver<u64>, times: u64) {
    let mut next = FIRST_ITEM;
    let mut items = items.map(|item| item.expect("the next one comes"));
    while let Some(item) = items.next().await {
        assert_eq!(item, next, "items come in order");
        next += 1;
    }
    assert_eq!(next - FIRST_ITEM, times);
}

/// KiB of raw bytes, sent in chunks of 64.
pub(crate) fn bulk(times: u64) {
    connected(async |wire| {
        let chunk = Bytes::from(vec![7; (CHUNK_KIB as usize) << 10]);
        let mut upload = wire.upload::<Raw, u64>(BULK, ()).await.expect("it begins");
        for _ in 0..times / CHUNK_KIB {
            upload.send(Raw(chunk.clone())).await.expect("it is taken");
        }
        assert_eq!(upload.finish().await.expect("it is answered"), times << 10);
    });
}

/// Connections, each of which makes one call and is closed by its caller.
pub(crate) fn connections(times: u64) {
    on_one_thread(async {
        let interface = interface();
        for _ in 0..times {
            let (client, server) = pair(&interface).await;
            echo(&client).await;
            drop(client);
            server.closed().await;
        }
    });
}

/// Runs `work` with a wire whose other end offers [`interface`].
fn connected(work: impl AsyncFnOnce(Wire)) {
    connected_to(interface(), work);
}

/// Runs `work` with a wire whose other end offers `interface`.
fn connected_to(interface: Interface, work: impl AsyncFnOnce(Wire)) {
    on_one_thread(async {
        let (client, _server) = pair(&interface).await;
        work(client).await;
    });
}

/// The two ends of a connection, of which the second offers `interface`.
async fn pair(interface: &Interface) -> (Wire, Wire) {
    let (near, far) = duplex(PIPE_BYTES);
    let ((near_in, near_out), (far_in, far_out)) = (split(near), split(far));
    let client = ipfi_mux::connect(near_in, near_out, Interface::new());
    let server = ipfi_mux::accept(far_in, far_out, interface.clone());
    let (client, server) = join(client, server).await;
    let answered = "the handshake is answered";
    (client.expect(answered), server.expect(answered))
}

fn on_one_thread(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a thread without sockets needs nothing").block_on(work);
}
