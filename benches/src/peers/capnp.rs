//! capnp-rpc over TCP: two-party, with streaming calls (`-> stream`) for items and chunks.
//!
//! Settings: `TCP_NODELAY`; buffered reads and writes, as in its examples. Its objects live on one thread, so each
//! end has a thread of its own, which makes two as everywhere, and callers are tasks on the client's.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{RpcSystem, new_client};
use slab::Slab;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use crate::load::{BulkLoad, Done, Load, caller};
use crate::payload::{Arrived, Items, TEXT, item};
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::{Socket, listen};

/// What `build.rs` makes of the schema.
#[allow(unused_qualifications, clippy::all, reason = "generated")]
pub(crate) mod generated {
    pub(crate) mod echo_capnp {
        include!(concat!(env!("OUT_DIR"), "/schema/echo_capnp.rs"));
    }
}

use generated::echo_capnp::{chunks, echo, numbers};

type CapnpResult = std::result::Result<(), capnp::Error>;

struct Service;

impl echo::Server for Service {
    async fn echo(self: Rc<Self>, params: echo::EchoParams, mut results: echo::EchoResults) -> CapnpResult {
        results.get().set_text(params.get()?.get_text()?);
        Ok(())
    }

    async fn echo_bytes(
        self: Rc<Self>,
        params: echo::EchoBytesParams,
        mut results: echo::EchoBytesResults,
    ) -> CapnpResult {
        results.get().set_message(params.get()?.get_message()?);
        Ok(())
    }

    async fn items(self: Rc<Self>, params: echo::ItemsParams, _: echo::ItemsResults) -> CapnpResult {
        let (count, sink) = (params.get()?.get_count(), params.get()?.get_sink()?);
        for index in 0..count {
            let mut request = sink.item_request();
            request.get().set_value(item(index));
            request.send().await?;
        }
        Ok(())
    }

    async fn bulk(self: Rc<Self>, _: echo::BulkParams, mut results: echo::BulkResults) -> CapnpResult {
        results.get().set_sink(new_client(ChunkSink::default()));
        Ok(())
    }
}

#[derive(Default)]
struct ChunkSink(RefCell<Arrived>);

impl chunks::Server for ChunkSink {
    async fn chunk(self: Rc<Self>, params: chunks::ChunkParams) -> CapnpResult {
        let piece = params.get()?.get_data()?;
        self.0.borrow_mut().piece(piece).map_err(|e| capnp::Error::failed(e.to_string()))
    }

    async fn finish(
        self: Rc<Self>,
        _: chunks::FinishParams,
        mut results: chunks::FinishResults,
    ) -> CapnpResult {
        results.get().set_bytes(self.0.borrow().bytes());
        Ok(())
    }
}

/// What is called back for each item.
struct NumberSink(Rc<RefCell<Items>>);

impl numbers::Server for NumberSink {
    async fn item(self: Rc<Self>, params: numbers::ItemParams) -> CapnpResult {
        let value = params.get()?.get_value();
        self.0.borrow_mut().take(value).map_err(|e| capnp::Error::failed(e.to_string()))
    }
}

pub(crate) struct Capnp;

impl Peer for Capnp {
    const NAME: &'static str = "capnp";
    const KIND: Kind = Kind::Rpc;
    const OFFERS: Offers = Offers { idle: false, ..Offers::ALL };
    type Client = CapnpClient;

    async fn serve(_: Needs) -> Result<String> {
        static SERVER: LazyLock<Thread> = LazyLock::new(Thread::start);
        SERVER
            .run(|_| async {
                let listener = listen()?;
                let address = listener.local_addr()?.to_string();
                tokio::task::spawn_local(async move {
                    while let Ok((socket, _)) = listener.accept().await {
                        let service: echo::Client = new_client(Service);
                        // A socket without the option would be seen at once, by its latency.
                        let _ = socket.set_nodelay(true);
                        tokio::task::spawn_local(system(socket, Side::Server, Some(service)));
                    }
                });
                Ok(address)
            })
            .await
    }

    async fn connect(address: &str, _: Needs) -> Result<CapnpClient> {
        static CLIENT: LazyLock<Thread> = LazyLock::new(Thread::start);
        let address = address.to_owned();
        let connect = move |clients: Clients| async move {
            let mut system = system(TcpStream::open(&address).await?, Side::Client, None);
            let client: echo::Client = system.bootstrap(Side::Server);
            let disconnect = system.get_disconnector();
            tokio::task::spawn_local(system);
            Ok(clients.borrow_mut().insert((client, disconnect)))
        };
        let key = CLIENT.run(connect).await?;
        Ok(CapnpClient(Arc::new(Connection { thread: CLIENT.clone(), key })))
    }
}

fn system(socket: TcpStream, side: Side, service: Option<echo::Client>) -> RpcSystem<Side> {
    let (read, write) = socket.into_split();
    let read = futures_util::io::BufReader::new(read.compat());
    let write = futures_util::io::BufWriter::new(write.compat_write());
    let network = VatNetwork::new(read, write, side, capnp::message::ReaderOptions::new());
    RpcSystem::new(Box::new(network), service.map(|service| service.client))
}

/// The connections of the client's thread.
type Clients = Rc<RefCell<Slab<(echo::Client, capnp_rpc::Disconnector<Side>)>>>;

type Job = Box<dyn FnOnce(Clients) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// A thread that runs what is not `Send`.
#[derive(Clone)]
struct Thread(mpsc::UnboundedSender<Job>);

impl Thread {
    fn start() -> Self {
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // Without it every job is dropped, and whoever waits for one is told.
            let Ok(runtime) = runtime else { return };
            LocalSet::new().block_on(&runtime, async move {
                let clients = Clients::default();
                while let Some(job) = queue.recv().await {
                    tokio::task::spawn_local(job(Rc::clone(&clients)));
                }
            });
        });
        Self(jobs)
    }

    /// Runs `job` there.
    async fn run<F, Fut, T>(&self, job: F) -> Result<T>
    where
        F: FnOnce(Clients) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + 'static,
        T: Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        self.start_job(move |clients| async move {
            // Nobody waits any more: the sample is over.
            let _ = done.send(job(clients).await);
        });
        outcome.await?
    }

    fn start_job<F, Fut>(&self, job: F)
    where
        F: FnOnce(Clients) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        // A thread that has ended drops the job, which its owner notices.
        let _ = self.0.send(Box::new(move |clients| Box::pin(job(clients))));
    }
}

/// The last clone closes the connection.
#[derive(Clone)]
pub(crate) struct CapnpClient(Arc<Connection>);

struct Connection {
    thread: Thread,
    key: usize,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let key = self.key;
        self.thread.start_job(move |clients| async move {
            let removed = clients.borrow_mut().try_remove(key);
            if let Some((client, disconnect)) = removed {
                drop(client);
                // Says goodbye; a server that has gone does not hear it.
                let _ = disconnect.await;
            }
        });
    }
}

impl CapnpClient {
    async fn run<F, Fut, T>(&self, job: F) -> Result<T>
    where
        F: FnOnce(echo::Client) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + 'static,
        T: Send + 'static,
    {
        let key = self.0.key;
        let with_client = move |clients: Clients| async move {
            let client = clients.borrow().get(key).map(|(client, _)| client.clone());
            job(client.ok_or("the connection is closed")?).await
        };
        self.0.thread.run(with_client).await
    }
}

async fn call(client: &echo::Client, text: &str) -> Result<String> {
    let mut request = client.echo_request();
    request.get().set_text(text);
    let response = request.send().promise.await?;
    Ok(response.get()?.get_text()?.to_string()?)
}

impl Client for CapnpClient {
    async fn echo(&self, text: &'static str) -> Result<String> {
        self.run(move |client| async move { call(&client, text).await }).await
    }

    async fn echoes(&self, load: Load) -> Result<Done> {
        let calls = |client: echo::Client| async move {
            let callers: Vec<_> = (0..load.outstanding)
                .map(|_| {
                    let (client, load) = (client.clone(), load.clone());
                    tokio::task::spawn_local(async move { caller(|| call(&client, TEXT), &load).await })
                })
                .collect();
            let mut done = Done::default();
            for caller in callers {
                done.add(caller.await??)?;
            }
            Ok(done)
        };
        self.run(calls).await
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        let echo = |client: echo::Client| async move {
            let mut request = client.echo_bytes_request();
            request.get().set_message(&message);
            let response = request.send().promise.await?;
            Ok(Bytes::copy_from_slice(response.get()?.get_message()?))
        };
        self.run(echo).await
    }

    async fn items(&self, count: u64) -> Result<()> {
        let items = move |client: echo::Client| async move {
            let seen = Rc::new(RefCell::new(Items::default()));
            let mut request = client.items_request();
            request.get().set_count(count);
            request.get().set_sink(new_client(NumberSink(Rc::clone(&seen))));
            request.send().promise.await?;
            seen.borrow().end(count)
        };
        self.run(items).await
    }

    async fn bulk(&self, load: BulkLoad) -> Result<u64> {
        let bulk = move |client: echo::Client| async move {
            let sink = client.bulk_request().send().promise.await?.get()?.get_sink()?;
            while let Some(chunk) = load.next() {
                let mut request = sink.chunk_request();
                request.get().set_data(&chunk);
                request.send().await?;
            }
            Ok(sink.finish_request().send().promise.await?.get()?.get_bytes())
        };
        self.run(bulk).await
    }
}
