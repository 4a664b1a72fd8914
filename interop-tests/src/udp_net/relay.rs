//! The faults of a path between real sockets, in real time.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::counters::{Counters, Loss};
use super::dice::Dice;
use super::link::Link;
use super::path::Path;
use super::schedule::Schedule;

/// Clients at once, at most; what further ones send is lost.
const MAX_CLIENTS: usize = 256;

/// Datagrams under way both ways, at most; further ones are lost.
const MAX_UNDER_WAY: usize = 65_536;

/// What a datagram has at most.
const MAX_DATAGRAM_BYTES: usize = 65_535;

/// A relay on loopback between clients and one server, with a [`Path`] each way, which all clients share.
///
/// It is a NAT, too: the server sees another address for each client, which [`rebind`](Self::rebind) changes.
/// Decisions are those of [`UdpNet`](super::UdpNet) with the same seed for the same datagrams at the same
/// times; real time is never quite the same. Marks of ECN are not carried.
///
/// Dropped, it ends.
#[derive(Debug)]
pub struct UdpRelay {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    epoch: Instant,
    listener: UdpSocket,
    state: Mutex<State>,
    /// Something is under way that is due before what was awaited.
    sooner: Notify,
}

#[derive(Debug)]
struct State {
    up: Link,
    down: Link,
    /// What each client is to the server.
    clients: BTreeMap<SocketAddr, Client>,
    under_way: Schedule<Departure>,
}

#[derive(Debug)]
struct Client {
    socket: Arc<UdpSocket>,
    /// Reads what the server answers.
    answers: AbortHandle,
}

/// A datagram that is to leave the relay.
#[derive(Debug)]
enum Departure {
    Up(Arc<UdpSocket>, Bytes),
    Down(SocketAddr, Bytes),
}

impl UdpRelay {
    /// A relay to `server`, with `path` each way, at a port of 127.0.0.1 that the system chooses.
    pub async fn start(server: SocketAddr, path: Path, seed: u64) -> io::Result<Self> {
        let listener = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let state = State {
            up: Link::new(path.clone(), Dice::new(seed, 0)),
            down: Link::new(path, Dice::new(seed, 1)),
            clients: BTreeMap::new(),
            under_way: Schedule::new(),
        };
        let shared = Arc::new(Shared {
            server,
            epoch: Instant::now(),
            listener,
            state: Mutex::new(state),
            sooner: Notify::new(),
        });
        let task = tokio::spawn(Arc::clone(&shared).serve()).abort_handle();
        Ok(Self { addr, shared, task })
    }

    /// Where clients send to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes what happens to datagrams from clients to the server.
    pub fn change_up(&self, change: impl FnOnce(&mut Path)) {
        change(&mut self.shared.lock().up.path);
    }

    /// Changes what happens to datagrams from the server to clients.
    pub fn change_down(&self, change: impl FnOnce(&mut Path)) {
        change(&mut self.shared.lock().down.path);
    }

    /// Changes both.
    pub fn change_both(&self, change: impl Fn(&mut Path)) {
        self.change_up(&change);
        self.change_down(&change);
    }

    /// A NAT forgets: from now on the server sees every client at another port, and what it still sends to
    /// those before reaches nobody.
    pub fn rebind(&self) {
        for client in std::mem::take(&mut self.shared.lock().clients).into_values() {
            client.answers.abort();
        }
    }

    /// What became of what clients sent to the server.
    pub fn up(&self) -> Counters {
        self.shared.lock().up.counters.clone()
    }

    /// What became of what the server sent to clients.
    pub fn down(&self) -> Counters {
        self.shared.lock().down.counters.clone()
    }
}

impl Drop for UdpRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what clients send, until it is aborted, and every other task of the relay with it.
    async fn serve(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&self).deliver());
        let mut buf = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            // An error is the echo of an earlier datagram: its receiver is gone, which UDP does not mind.
            let Ok((len, from)) = self.listener.recv_from(&mut buf).await else { continue };
            while tasks.try_join_next().is_some() {}
            let bytes = Bytes::copy_from_slice(&buf[..len]);
            match self.client(from, &mut tasks).await {
                Ok(socket) => self.carry(Route::Up(socket), bytes),
                Err(_) => {
                    let mut state = self.lock();
                    state.up.counters.sent.count(len);
                    state.up.counters.lose(Loss::Unreachable, len);
                }
            }
        }
    }

    /// The socket that is `from` to the server; a new one where there is none yet.
    async fn client(
        self: &Arc<Self>,
        from: SocketAddr,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<Arc<UdpSocket>> {
        {
            let state = self.lock();
            if let Some(client) = state.clients.get(&from) {
                return Ok(Arc::clone(&client.socket));
            }
            if state.clients.len() >= MAX_CLIENTS {
                return Err(io::Error::other("as many clients as a relay takes"));
            }
        }
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        socket.connect(self.server).await?;
        let answers = tasks.spawn(Arc::clone(self).answer(from, Arc::clone(&socket)));
        self.lock().clients.insert(from, Client { socket: Arc::clone(&socket), answers });
        Ok(socket)
    }

    /// Takes what the server sends to one client.
    async fn answer(self: Arc<Self>, to: SocketAddr, socket: Arc<UdpSocket>) {
        let mut buf = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            let Ok(len) = socket.recv(&mut buf).await else { continue };
            self.carry(Route::Down(to), Bytes::copy_from_slice(&buf[..len]));
        }
    }

    fn carry(&self, route: Route, bytes: Bytes) {
        let now = self.epoch.elapsed();
        let mut state = self.lock();
        let before = state.under_way.next_at();
        let Ok(copies) = state.link(&route).carry(now, bytes) else { return };
        for copy in copies.into_iter().flatten() {
            if state.under_way.len() >= MAX_UNDER_WAY {
                state.link(&route).counters.lose(Loss::Receiver, copy.bytes.len());
                continue;
            }
            state.under_way.push(copy.at, route.depart(copy.bytes));
        }
        let sooner = state.under_way.next_at() != before;
        drop(state);
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// Sends on what is due.
    async fn deliver(self: Arc<Self>) {
        loop {
            let (due, next) = {
                let mut state = self.lock();
                (state.under_way.pop(self.epoch.elapsed()), state.under_way.next_at())
            };
            match (due, next) {
                (Some(departure), _) => self.depart(departure).await,
                // No matter which of them comes first: both lead back to the top.
                (None, Some(at)) => {
                    drop(tokio::time::timeout_at(self.epoch + at, self.sooner.notified()).await);
                }
                (None, None) => self.sooner.notified().await,
            }
        }
    }

    async fn depart(&self, departure: Departure) {
        let (up, len, sent) = match departure {
            Departure::Up(socket, bytes) => (true, bytes.len(), socket.send(&bytes).await),
            Departure::Down(to, bytes) => (false, bytes.len(), self.listener.send_to(&bytes, to).await),
        };
        let mut state = self.lock();
        let link = if up { &mut state.up } else { &mut state.down };
        match sent {
            Ok(_) => link.counters.delivered.count(len),
            Err(_) => link.counters.lose(Loss::Unreachable, len),
        }
    }
}

/// Which way a datagram goes.
enum Route {
    Up(Arc<UdpSocket>),
    Down(SocketAddr),
}

impl Route {
    fn depart(&self, bytes: Bytes) -> Departure {
        match self {
            Self::Up(socket) => Departure::Up(Arc::clone(socket), bytes),
            Self::Down(to) => Departure::Down(*to, bytes),
        }
    }
}

impl State {
    fn link(&mut self, route: &Route) -> &mut Link {
        match route {
            Route::Up(_) => &mut self.up,
            Route::Down(_) => &mut self.down,
        }
    }
}
