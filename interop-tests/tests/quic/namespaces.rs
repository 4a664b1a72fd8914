//! Real sockets in two network namespaces, between which the system loses datagrams. [N1, N3, N4]
//!
//! Time is real here: what the system does to datagrams is what these are for. Each bound is generous.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use interop_tests::conformance::kit::{ECHO, OWN, standard};
use interop_tests::quic_pair;
use ipfi_core::call::Isolation;
use ipfi_core::{Interface, Limits, Wire};
use ipfi_quic::endpoint::{endpoint_config, server_config};
use ipfi_quic::{QuicClient, QuicOptions, QuicServer};
use quinn::{Endpoint, TokioRuntime};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::time::timeout;

const SERVER: ([u8; 4], u16) = ([10, 77, 0, 1], 4433);
const CLIENT: ([u8; 4], u16) = ([10, 77, 0, 2], 0);

/// Two namespaces with a cable between them. They go with it.
struct Namespaces([String; 2]);

impl Namespaces {
    fn new(test: &str) -> Self {
        let names = ["s", "c"].map(|end| format!("ipfi-{}-{test}-{end}", std::process::id()));
        let made = Self(names);
        let [server, client] = &made.0;
        run("ip", &["netns", "add", server]);
        run("ip", &["netns", "add", client]);
        let cable = ["-n", server, "link", "add", "v", "type", "veth", "peer", "name", "v", "netns", client];
        run("ip", &cable);
        for (name, address) in [(server, "10.77.0.1/24"), (client, "10.77.0.2/24")] {
            run("ip", &["-n", name, "address", "add", address, "dev", "v"]);
            run("ip", &["-n", name, "link", "set", "v", "up"]);
        }
        made
    }

    /// Loses so many of a hundred datagrams that arrive at either end.
    fn lose(&self, percent: u32) {
        for name in &self.0 {
            let rules = format!(
                "flush ruleset; table inet t {{ chain c {{ type filter hook input priority 0; \
                 meta l4proto {{ udp, tcp }} numgen random mod 100 < {percent} counter drop; }}; }}"
            );
            run("ip", &["netns", "exec", name, "nft", &rules]);
        }
    }

    /// How many have been lost since.
    fn lost(&self) -> u64 {
        let counted = self.0.iter().map(|name| {
            let rules = output("ip", &["netns", "exec", name, "nft", "list", "ruleset"]);
            let counter = rules.split_once("counter packets ").map(|(_, rest)| rest);
            counter.and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok()).unwrap()
        });
        counted.sum()
    }

    /// Makes a socket in the namespace of one end. It stays there, whoever uses it.
    fn inside<T: Send + 'static>(&self, end: usize, make: impl FnOnce() -> T + Send + 'static) -> T {
        let path = format!("/run/netns/{}", self.0[end]);
        let inside = thread::spawn(move || {
            let namespace = File::open(path).unwrap();
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            make()
        });
        inside.join().unwrap()
    }

    fn socket(&self, end: usize, address: SocketAddr) -> UdpSocket {
        self.inside(end, move || UdpSocket::bind(address).unwrap())
    }

    /// Both ends of a connection over TCP.
    fn tcp(&self) -> [tokio::net::TcpStream; 2] {
        let listener = self.inside(0, || TcpListener::bind(SocketAddr::from(SERVER)).unwrap());
        let client = self.inside(1, || TcpStream::connect(SocketAddr::from(SERVER)).unwrap());
        let (server, _) = listener.accept().unwrap();
        [client, server].map(|stream| {
            stream.set_nonblocking(true).unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::net::TcpStream::from_std(stream).unwrap()
        })
    }

    fn server(&self, options: &QuicOptions) -> Endpoint {
        let config = server_config(&quic_pair::tls(false).1, &Limits::default(), options).unwrap();
        self.endpoint(0, SERVER.into(), options, Some(config))
    }

    fn client(&self, options: &QuicOptions) -> QuicClient {
        let endpoint = self.endpoint(1, CLIENT.into(), options, None);
        QuicClient::over(endpoint, &quic_pair::tls(false).0, &Limits::default(), options).unwrap()
    }

    fn endpoint(
        &self,
        end: usize,
        address: SocketAddr,
        options: &QuicOptions,
        server: Option<quinn::ServerConfig>,
    ) -> Endpoint {
        let socket = self.socket(end, address);
        Endpoint::new(endpoint_config(options).unwrap(), server, socket, Arc::new(TokioRuntime)).unwrap()
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.0 {
            // One that was not made cannot be removed.
            let _ = Command::new("ip").args(["netns", "delete", name]).output();
        }
    }
}

fn run(program: &str, args: &[&str]) {
    drop(output(program, args));
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; is it installed?"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Takes whoever comes, for as long as the endpoint lives.
fn serve(endpoint: Endpoint, options: &QuicOptions, interface: Interface) {
    let server = QuicServer::over(endpoint, &quic_pair::tls(false).1, &Limits::default(), options).unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = server.accept().await {
            let interface = interface.clone();
            tokio::spawn(async move {
                // One whose handshake fails has its own error.
                if let Ok(wire) = incoming.wire(interface).await {
                    wire.closed().await;
                }
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, for network namespaces"]
async fn ten_thousand_calls_are_all_correct_where_the_system_loses_one_five_and_ten_in_a_hundred_datagrams() {
    let (namespaces, options) = (Namespaces::new("n1"), QuicOptions::default());
    serve(namespaces.server(&options), &options, standard());
    for percent in [1, 5, 10] {
        namespaces.lose(percent);
        let connecting = namespaces.client(&options);
        let wire = connecting.connect(SERVER.into(), "localhost", Interface::new()).await.unwrap();
        // The shared stream is there once the settings have come.
        tokio::time::sleep(Duration::from_millis(500)).await;
        for isolation in [Isolation::Shared, Isolation::OwnStream] {
            let started = Instant::now();
            let workers = (0..100_u64).map(|worker| {
                let wire = wire.clone();
                tokio::spawn(async move {
                    for n in (worker..10_000).step_by(100) {
                        let text = format!("call {n}");
                        let answer = wire.call::<String>(ECHO, (&text,)).isolation(isolation).await;
                        assert_eq!(answer.unwrap(), text);
                    }
                })
            });
            for worker in futures_util::future::join_all(workers).await {
                worker.unwrap();
            }
            println!("{percent} %, {isolation:?}: 10 000 calls in {:?}", started.elapsed());
        }
        assert_eq!((wire.stats().calls_out, wire.stats().calls_out_failed), (20_000, 0));
        assert_eq!(wire.stats().calls_out_shared, 10_000);
        assert!(namespaces.lost() > 0, "the system lost nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, for network namespaces"]
async fn of_fifty_handshakes_where_the_system_loses_three_in_ten_datagrams_most_are_done_in_ten_seconds() {
    let (namespaces, options) = (Namespaces::new("n4"), QuicOptions::default());
    serve(namespaces.server(&options), &options, standard());
    namespaces.lose(30);
    let connecting = (0..50).map(|_| {
        let client = namespaces.client(&options);
        async move {
            let connected = client.connect(SERVER.into(), "localhost", Interface::new());
            let wire = timeout(Duration::from_secs(10), connected).await.ok()?.ok()?;
            (wire.call::<String>(ECHO, ("x",)).await.ok()? == "x").then_some(wire)
        }
    });
    let up = futures_util::future::join_all(connecting).await.into_iter().flatten().count();
    println!("{up} of 50 connected");
    // Real dice: 49 are to be expected, as on the simulated network, and the rest is room for chance.
    assert!(up >= 47, "{up}");
    assert!(namespaces.lost() > 0, "the system lost nothing");
}

/// Small calls, one after another, beside a stream of a hundred MiB: how long each took, sorted.
async fn beside_bulk(wire: &Wire) -> Vec<Duration> {
    const PIECES: usize = 1600;
    let mut bulk = wire.stream::<Bytes>(OWN, (PIECES,)).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut bytes = 0;
        while let Some(piece) = bulk.next().await {
            bytes += piece.unwrap().len();
        }
        bytes
    });
    let mut took = Vec::new();
    while !reading.is_finished() {
        let asked = Instant::now();
        let answer = wire.call::<String>(ECHO, ("ping",)).isolation(Isolation::OwnStream).await;
        assert_eq!(answer.unwrap(), "ping");
        took.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(reading.await.unwrap(), PIECES * (64 << 10));
    took.sort();
    took
}

/// Where a lost segment of TCP holds up all that is behind it, QUIC's holds up its own stream. The cable has no delay,
/// so that what is left is the time until a loss is noticed; the round trip of 50 ms is in `lossy`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, for network namespaces"]
async fn small_calls_beside_a_hundred_mib_are_answered_over_quic_and_tcp_where_the_system_loses_one_in_a_hundred()
 {
    let (namespaces, options) = (Namespaces::new("n3"), QuicOptions::default());
    let piece = Bytes::from(vec![7; 64 << 10]);
    let interface = standard()
        .sequence(OWN, move |(pieces,): (usize,)| stream::iter(std::iter::repeat_n(piece.clone(), pieces)));
    serve(namespaces.server(&options), &options, interface.clone());
    let connecting = namespaces.client(&options);
    let quic = connecting.connect(SERVER.into(), "localhost", Interface::new()).await.unwrap();
    let [near, far] = namespaces.tcp().map(tokio::net::TcpStream::into_split);
    let (tcp, served) = tokio::join!(
        ipfi_mux::connect(near.0, near.1, Interface::new()),
        ipfi_mux::accept(far.0, far.1, interface)
    );
    let (tcp, _served) = (tcp.unwrap(), served.unwrap());
    namespaces.lose(1);
    for (carrier, wire) in [("QUIC", quic), ("TCP", tcp)] {
        let (before, started) = (namespaces.lost(), Instant::now());
        let took = beside_bulk(&wire).await;
        let at = |per_mille: usize| took[took.len() * per_mille / 1000];
        println!(
            "{carrier}: {:?} in all, {} lost; {} calls, p50 {:?}, p99 {:?}, p99.9 {:?}, worst {:?}",
            started.elapsed(),
            namespaces.lost() - before,
            took.len(),
            at(500),
            at(990),
            at(999),
            took.last().unwrap()
        );
        assert!(namespaces.lost() > before, "the system lost nothing");
    }
}
