//! Who is bound where, what is under way between them, and what became of it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use quinn::udp::EcnCodepoint;

use super::counters::{Counters, Loss};
use super::dice::{self, Dice};
use super::link::Link;
use super::path::Path;
use super::schedule::Schedule;

/// From whose socket to whose.
type Direction = (SocketAddr, SocketAddr);

/// Where ports are taken from for sockets that name none.
const FIRST_FREE_PORT: u16 = 49_152;

/// Everything of a net but its clock and its tap.
#[derive(Debug)]
pub(super) struct State {
    seed: u64,
    pub(super) queue_datagrams: usize,
    pub(super) fingerprint: u64,
    default_path: Path,
    directions: BTreeMap<Direction, Road>,
    /// From the address of a socket to that which a NAT shows.
    shown: BTreeMap<SocketAddr, SocketAddr>,
    ports: BTreeMap<SocketAddr, Port>,
    sockets: u64,
    under_way: Schedule<Datagram>,
    /// When the task that delivers will look next.
    awaited: Option<Duration>,
}

/// One direction.
#[derive(Debug)]
struct Road {
    link: Link,
    /// Stands for the direction in the fingerprint.
    label: u64,
    follows_default: bool,
}

/// A socket that is bound. Dropped without the lock: with its waker may go a task, and with that a socket.
#[derive(Debug)]
pub(super) struct Port {
    id: u64,
    queue: VecDeque<Datagram>,
    waiting: Option<Waker>,
}

/// A datagram on its way or in a queue.
#[derive(Debug)]
pub(super) struct Datagram {
    /// Where it seems to come from.
    pub(super) from: SocketAddr,
    /// Where it was sent.
    to: SocketAddr,
    direction: Direction,
    pub(super) ecn: Option<EcnCodepoint>,
    pub(super) bytes: Bytes,
}

/// What the fingerprint tells apart.
enum Event {
    Sent,
    Injected,
    Delivered,
    Lost(Loss),
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            queue_datagrams: 1024,
            fingerprint: 0,
            default_path: Path::default(),
            directions: BTreeMap::new(),
            shown: BTreeMap::new(),
            ports: BTreeMap::new(),
            sockets: 0,
            under_way: Schedule::new(),
            awaited: None,
        }
    }

    // Who is bound where.

    /// Where it is bound now, its number, and what was bound there before.
    #[must_use]
    pub(super) fn bind(&mut self, mut addr: SocketAddr) -> (SocketAddr, u64, Option<Port>) {
        if addr.port() == 0 {
            let free = (FIRST_FREE_PORT..=u16::MAX)
                .find(|port| !self.ports.contains_key(&SocketAddr::new(addr.ip(), *port)));
            addr.set_port(free.expect("a test binds fewer than 16 384 sockets"));
        }
        self.sockets += 1;
        let id = self.sockets;
        let before = self.ports.insert(addr, Port { id, queue: VecDeque::new(), waiting: None });
        (addr, id, before)
    }

    #[must_use]
    pub(super) fn unbind(&mut self, addr: SocketAddr, id: u64) -> Option<Port> {
        self.port(addr, id)?;
        self.ports.remove(&addr)
    }

    /// The socket's own queue; `None` where another took its address.
    fn port(&mut self, addr: SocketAddr, id: u64) -> Option<&mut Port> {
        self.ports.get_mut(&addr).filter(|port| port.id == id)
    }

    /// The next datagram for a socket.
    pub(super) fn receive(&mut self, addr: SocketAddr, id: u64) -> Option<Datagram> {
        self.port(addr, id)?.queue.pop_front()
    }

    /// Has `waker` woken once something comes for a socket; never, where another took its address. What was
    /// to be woken before is given back, to be dropped without the lock.
    #[must_use]
    pub(super) fn wait(&mut self, addr: SocketAddr, id: u64, waker: &Waker) -> Option<Waker> {
        self.port(addr, id)?.waiting.replace(waker.clone())
    }

    pub(super) fn rewrite(&mut self, from: SocketAddr, to: SocketAddr) {
        self.shown.retain(|_, shown| *shown != to);
        self.shown.insert(from, to);
    }

    pub(super) fn restore(&mut self, from: SocketAddr) {
        self.shown.remove(&from);
    }

    /// Whose socket an address reaches.
    fn behind(&self, addr: SocketAddr) -> Option<SocketAddr> {
        let inside = self.shown.iter().find(|(_, shown)| **shown == addr).map(|(inside, _)| *inside);
        inside.or_else(|| (!self.shown.contains_key(&addr)).then_some(addr))
    }

    // What the paths are.

    pub(super) fn set_default_path(&mut self, path: Path) {
        for road in self.directions.values_mut().filter(|road| road.follows_default) {
            road.link.path = path.clone();
        }
        self.default_path = path;
    }

    pub(super) fn change_path(&mut self, from: SocketAddr, to: SocketAddr, change: impl FnOnce(&mut Path)) {
        let road = self.road((from, to));
        road.follows_default = false;
        change(&mut road.link.path);
    }

    fn road(&mut self, direction: Direction) -> &mut Road {
        self.directions.entry(direction).or_insert_with(|| {
            let label = dice::label(&format!("{} {}", direction.0, direction.1));
            let link = Link::new(self.default_path.clone(), Dice::new(self.seed, label));
            Road { link, label, follows_default: true }
        })
    }

    pub(super) fn counters(&self, from: SocketAddr, to: SocketAddr) -> Counters {
        self.directions.get(&(from, to)).map(|road| road.link.counters.clone()).unwrap_or_default()
    }

    pub(super) fn total(&self) -> Counters {
        let mut total = Counters::default();
        self.directions.values().for_each(|road| total += &road.link.counters);
        total
    }

    // What happens.

    pub(super) fn send(
        &mut self,
        now: Duration,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Option<EcnCodepoint>,
        bytes: Bytes,
    ) {
        let direction = (from, self.behind(to).unwrap_or(to));
        let from = self.shown.get(&from).copied().unwrap_or(from);
        let len = bytes.len();
        self.note(now, direction, len, Event::Sent);
        match self.road(direction).link.carry(now, bytes) {
            Ok(copies) => {
                for copy in copies.into_iter().flatten() {
                    let datagram = Datagram { from, to, direction, ecn, bytes: copy.bytes };
                    self.under_way.push(copy.at, datagram);
                }
            }
            Err(cause) => self.note(now, direction, len, Event::Lost(cause)),
        }
    }

    /// A forged datagram arrives.
    #[must_use]
    pub(super) fn inject(
        &mut self,
        now: Duration,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Bytes,
    ) -> Vec<Waker> {
        let direction = (self.behind(from).unwrap_or(from), self.behind(to).unwrap_or(to));
        self.note(now, direction, bytes.len(), Event::Injected);
        self.road(direction).link.counters.injected.count(bytes.len());
        let datagram = Datagram { from, to, direction, ecn: None, bytes };
        self.arrive(now, datagram).into_iter().collect()
    }

    /// Puts what has arrived by now into the queues, and gives who waits for it.
    #[must_use]
    pub(super) fn deliver(&mut self, now: Duration) -> Vec<Waker> {
        let mut woken = Vec::new();
        while let Some(datagram) = self.under_way.pop(now) {
            woken.extend(self.arrive(now, datagram));
        }
        woken
    }

    fn arrive(&mut self, now: Duration, datagram: Datagram) -> Option<Waker> {
        let (direction, len) = (datagram.direction, datagram.bytes.len());
        // Looked up now, not when it was sent: meanwhile a socket may have gone or a NAT have changed.
        let port = self.behind(datagram.to).and_then(|addr| self.ports.get_mut(&addr));
        let (cause, woken) = match port {
            None => (Some(Loss::Unreachable), None),
            Some(port) if port.queue.len() >= self.queue_datagrams => (Some(Loss::Receiver), None),
            Some(port) => {
                port.queue.push_back(datagram);
                (None, port.waiting.take())
            }
        };
        let counters = &mut self.road(direction).link.counters;
        match cause {
            Some(cause) => counters.lose(cause, len),
            None => counters.delivered.count(len),
        }
        self.note(now, direction, len, cause.map_or(Event::Delivered, Event::Lost));
        woken
    }

    /// When the next datagram arrives; whoever asks will look then.
    pub(super) fn await_next(&mut self) -> Option<Duration> {
        self.awaited = self.under_way.next_at();
        self.awaited
    }

    /// Something arrives before the task that delivers looks.
    pub(super) fn is_sooner(&self) -> bool {
        let next = self.under_way.next_at();
        next.is_some_and(|next| self.awaited.is_none_or(|awaited| next < awaited))
    }

    fn note(&mut self, now: Duration, direction: Direction, len: usize, event: Event) {
        let label = self.road(direction).label;
        let event = match event {
            Event::Sent => 0,
            Event::Injected => 1,
            Event::Delivered => 2,
            Event::Lost(cause) => 3 + cause as u64,
        };
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        for word in [label, nanos, len as u64, event] {
            self.fingerprint = dice::mix(self.fingerprint ^ dice::mix(word.wrapping_add(1)));
        }
    }
}
