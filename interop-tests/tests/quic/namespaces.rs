//! Real sockets in two network namespaces, between which the system loses datagrams. [N1, N4]
//!
//! Time is real here: what the system does to datagrams is what these are for. Each bound is generous.

use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use interop_tests::conformance::kit::{ECHO, standard};
use interop_tests::quic_pair;
use ipfi_core::call::Isolation;
use ipfi_core::{Interface, Limits};
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
                 meta l4proto udp numgen random mod 100 < {percent} counter drop; }}; }}"
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

    /// A socket in the namespace of one end. It stays there, whoever uses it.
    fn socket(&self, end: usize, address: SocketAddr) -> UdpSocket {
        let path = format!("/run/netns/{}", self.0[end]);
        let inside = thread::spawn(move || {
            let namespace = File::open(path).unwrap();
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            UdpSocket::bind(address).unwrap()
        });
        inside.join().unwrap()
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
fn serve(endpoint: Endpoint, options: &QuicOptions) {
    let server = QuicServer::over(endpoint, &quic_pair::tls(false).1, &Limits::default(), options).unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = server.accept().await {
            tokio::spawn(async move {
                // One whose handshake fails has its own error.
                if let Ok(wire) = incoming.wire(standard()).await {
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
    serve(namespaces.server(&options), &options);
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
    serve(namespaces.server(&options), &options);
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
