//! What is compared: a program that serves, and one connection to it that calls.

use std::any::Any;
use std::error::Error;
use std::future::Future;

use bytes::Bytes;

use crate::load::{BulkLoad, Done, Load, check, echoes};
use crate::payload::TEXT;

/// Any error will do: a benchmark that meets one stops and prints it.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What a peer can do beside answering one call after another. What it cannot is a `-` in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offers {
    /// More than one call at once on one connection.
    pub(crate) outstanding: bool,
    /// A sequence of small items for an answer.
    pub(crate) items: bool,
    /// A stream of chunks from the client.
    pub(crate) bulk: bool,
    /// A stream of chunks from the server.
    pub(crate) download: bool,
    /// Streams that stay open and say nothing: how many at most, 0 for none.
    pub(crate) idle: usize,
    /// Connections that begin with a ticket of an earlier one: resumed, and with early data.
    pub(crate) tickets: bool,
    /// It knows how many STREAM frames QUIC has sent and received.
    pub(crate) stream_frames: bool,
}

impl Offers {
    pub(crate) const NONE: Self = Self {
        outstanding: false,
        items: false,
        bulk: false,
        download: false,
        idle: 0,
        tickets: false,
        stream_frames: false,
    };
    pub(crate) const CALLS: Self = Self { outstanding: true, ..Self::NONE };
    /// All that does not need QUIC.
    pub(crate) const ALL: Self = Self { items: true, bulk: true, idle: usize::MAX, ..Self::CALLS };
    #[cfg(feature = "_quic")]
    pub(crate) const QUIC: Self = Self { tickets: true, stream_frames: true, ..Self::ALL };
}

/// What a peer is beside ipfi: goals are about kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ipfi,
    /// What no protocol of its kind can pass.
    Bound,
    /// Calls procedures, as ipfi does.
    Rpc,
    /// Carries streams, and knows no calls.
    Streams,
    /// Encrypts, whatever else it does: compared with those of ipfi that do.
    #[cfg_attr(
        not(any(feature = "_quic", feature = "tonic_tls")),
        expect(dead_code, reason = "none is built")
    )]
    Encrypted,
}

/// How a connection begins. Without encryption there is but one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// As if it were the first.
    #[default]
    Full,
    /// With a ticket of an earlier one.
    Resumed,
    /// With a ticket, and the first call before the handshake is done (0-RTT).
    Early,
}

impl Handshake {
    const NAMES: [(&'static str, Self); 3] =
        [("full", Self::Full), ("resumed", Self::Resumed), ("early", Self::Early)];

    /// For a command line.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }

    pub(crate) fn named(name: &str) -> Result<Self> {
        let known = Self::NAMES.iter().find(|known| known.0 == name);
        known.map(|known| known.1).ok_or_else(|| format!("no handshake {name}").into())
    }
}

/// How much a workload asks for, so that limits can be set to let it through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// Calls or streams open at once on one connection, at most.
    pub(crate) streams: u32,
    /// Connections open at once, at most.
    pub(crate) connections: u32,
    /// How all of them begin.
    pub(crate) handshake: Handshake,
}

/// A way to call procedures at the other end of a connection. Its module says at the top which settings
/// it runs with.
pub(crate) trait Peer: 'static {
    /// Its name in the table.
    const NAME: &'static str;
    const KIND: Kind;
    const OFFERS: Offers;
    /// One connection, used by all callers.
    type Client: Client;

    /// Starts a server on this runtime and returns where it listens. It lives as long as the process,
    /// which is that of one sample.
    fn serve(needs: Needs) -> impl Future<Output = Result<String>> + Send;

    /// Connects to it.
    fn connect(address: &str, needs: Needs) -> impl Future<Output = Result<Self::Client>> + Send;

    /// Connects and makes one call, with early data if that is how connections begin.
    fn connect_and_call(address: &str, needs: Needs) -> impl Future<Output = Result<Self::Client>> + Send {
        async move {
            let client = Self::connect(address, needs).await?;
            check(&client.echo(TEXT).await?)?;
            Ok(client)
        }
    }

    /// How many connections of this process have used a ticket.
    fn tickets_used() -> u64 {
        0
    }
}

/// The calling end. Cloned for each caller; the clones share the connection, and the last closes it.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    /// Sends `text` and returns what came back.
    fn echo(&self, text: &'static str) -> impl Future<Output = Result<String>> + Send;

    /// Makes calls by independent callers until told to stop. Overridden only where callers cannot be
    /// tasks of their own on any thread.
    fn echoes(&self, load: Load) -> impl Future<Output = Result<Done>> + Send {
        echoes(self.clone(), load)
    }

    /// Sends 1 MiB and returns what came back.
    fn echo_bytes(&self, message: Bytes) -> impl Future<Output = Result<Bytes>> + Send;

    /// Asks for a sequence of `count` items, [`payload::item`](crate::payload::item) of 0 and on, checks
    /// each and returns when all are there.
    fn items(&self, count: u64) -> impl Future<Output = Result<()>> + Send {
        not_offered(count)
    }

    /// Sends chunks on a stream of its own until the load ends, and returns how many bytes the server has
    /// counted. The server checks them by [`payload::Arrived`](crate::payload::Arrived).
    fn bulk(&self, load: BulkLoad) -> impl Future<Output = Result<u64>> + Send {
        not_offered(load)
    }

    /// Asks for `count` chunks on a stream of their own, and returns how many bytes have come, checked by
    /// [`payload::Arrived`](crate::payload::Arrived).
    fn download(&self, count: u64) -> impl Future<Output = Result<u64>> + Send {
        not_offered(count)
    }

    /// STREAM frames that QUIC has sent and received.
    fn stream_frames(&self) -> Result<[u64; 2]> {
        Err("the peer does not offer this, and says so in `OFFERS`".into())
    }

    /// Opens a stream on which one message has gone and nothing more is said while the result is held.
    fn idle(&self) -> impl Future<Output = Result<Box<dyn Any + Send>>> + Send {
        not_offered(())
    }
}

async fn not_offered<A: Send, T>(_: A) -> Result<T> {
    Err("the peer does not offer this, and says so in `OFFERS`".into())
}
