//! ipfi 0.1.0-rc.2 over TCP, as published before it was written anew.
//!
//! Settings: `TCP_NODELAY`; 64-bit call counters (16-bit ones end after 65 536 calls); buffered reads and writes; as
//! many procedures at once as the workload has calls. Each end has a thread of its own, and its loops yield:
//! on several workers a waiting call can miss its wake-up for ever, and `Wire::start` spins without yielding,
//! so that two wires take both workers for themselves. It has no stream from the client, and many calls at
//! once end in calls that never return, whatever the settings.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use ipfi_0_1::{Interface, IpfiInteger, ProcedureIndex, Wire};
use tokio::io::{BufReader, BufWriter};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::load::{Done, Load, echoes};
use crate::payload::{Items, item};
use crate::peer::{Client, Kind, Needs, Offers, Peer, Result};
use crate::peers::socket::Socket;

const ECHO: IpfiInteger = 0;
const ECHO_BYTES: IpfiInteger = 1;
const ITEMS: IpfiInteger = 2;

/// One for all wires of the server, as its documentation has it.
static INTERFACE: LazyLock<Interface> = LazyLock::new(|| {
    let interface = Interface::new();
    interface.add_procedure(ECHO, |(text,): (String,)| text);
    interface.add_procedure(ECHO_BYTES, |(message,): (Bytes,)| message);
    interface.add_sequence_procedure(ITEMS, |yielder, (count,): (u64,)| {
        // It has no backpressure: a sequence is queued whole.
        for index in 0..count {
            if yielder(item(index), index + 1 == count).is_err() {
                return;
            }
        }
    });
    interface
});

/// A thread with a runtime of its own.
fn thread() -> Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(handle)
}

/// Drives `wire` until either side ends. To drop any clone of a wire ends it: it is lent here.
async fn drive(wire: &Wire<'static>, socket: TcpStream) {
    let (read, write) = socket.into_split();
    let reading = async {
        let mut read = BufReader::with_capacity(64 << 10, read);
        while wire.fill(&mut read).await.is_ok() {}
    };
    let writing = async {
        let mut write = BufWriter::with_capacity(64 << 10, write);
        while wire.flush_partial(&mut write).await.is_ok() {
            // It has nothing to wait for.
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(reading, writing);
}

fn most(needs: Needs) -> IpfiInteger {
    IpfiInteger::from(needs.streams) + 10
}

pub(crate) struct Ipfi01;

#[derive(Clone)]
pub(crate) struct Ipfi01Client {
    calls: Calls,
    thread: Handle,
}

impl Peer for Ipfi01 {
    const NAME: &'static str = "ipfi_0_1";
    const KIND: Kind = Kind::Rpc;
    const OFFERS: Offers = Offers { items: true, ..Offers::NONE };
    type Client = Ipfi01Client;

    async fn serve(needs: Needs) -> Result<String> {
        let serve = TcpStream::serve(move |socket| async move {
            let wire = Wire::new_module(&INTERFACE).max_ongoing_procedures(most(needs));
            drive(&wire, socket).await;
        });
        thread()?.spawn(serve).await?
    }

    async fn connect(address: &str, _: Needs) -> Result<Ipfi01Client> {
        // One for all connections of a client.
        static CLIENT: LazyLock<Option<Handle>> = LazyLock::new(|| thread().ok());
        let thread = CLIENT.clone().ok_or("no thread for the client")?;
        let address = address.to_owned();
        let connect = async move {
            let socket = TcpStream::open(&address).await?;
            let interface: &'static Interface = Box::leak(Box::default());
            let wire = Arc::new(Ending(Wire::new(interface)));
            let driven = wire.0.clone();
            tokio::spawn(async move { drive(&driven, socket).await });
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Calls(wire))
        };
        Ok(Ipfi01Client { calls: thread.spawn(connect).await??, thread })
    }
}

/// Ends the wire with its last owner.
struct Ending(Wire<'static>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.signal_termination();
    }
}

/// The calls themselves, made on the client's thread.
#[derive(Clone)]
struct Calls(Arc<Ending>);

impl Client for Calls {
    async fn echo(&self, text: &'static str) -> Result<String> {
        let call = self.0.0.call(ProcedureIndex::new(ECHO), (text,)).await?;
        Ok(call.wait().await?)
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        let call = self.0.0.call(ProcedureIndex::new(ECHO_BYTES), (message,)).await?;
        Ok(call.wait().await?)
    }

    async fn items(&self, count: u64) -> Result<()> {
        let call = self.0.0.call(ProcedureIndex::new(ITEMS), (count,)).await?;
        let mut chunks = call.wait_chunk_stream().await?;
        let mut items = Items::default();
        while let Some(item) = chunks.recv::<u64>().await? {
            items.take(item?)?;
        }
        items.end(count)
    }
}

impl Client for Ipfi01Client {
    async fn echo(&self, text: &'static str) -> Result<String> {
        let calls = self.calls.clone();
        self.thread.spawn(async move { calls.echo(text).await }).await?
    }

    async fn echoes(&self, load: Load) -> Result<Done> {
        self.thread.spawn(echoes(self.calls.clone(), load)).await?
    }

    async fn echo_bytes(&self, message: Bytes) -> Result<Bytes> {
        let calls = self.calls.clone();
        self.thread.spawn(async move { calls.echo_bytes(message).await }).await?
    }

    async fn items(&self, count: u64) -> Result<()> {
        let calls = self.calls.clone();
        self.thread.spawn(async move { calls.items(count).await }).await?
    }
}
