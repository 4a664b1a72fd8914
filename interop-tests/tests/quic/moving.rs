//! Addresses that change in the middle of calls. [N5]

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use interop_tests::conformance::kit::{ECHO, OWN, SLEEP, sleep_ms, standard};
use ipfi_core::{Interface, Receiver, Status};
use tokio::time::Instant;

use super::kit::{Ends, client_address, ends, limits, ms, net, options};

/// One item each ten milliseconds.
const TICKS: u64 = OWN;
/// Counts bytes, and notes when they came.
const TAKE: u64 = OWN + 1;

const ONE_WAY_MS: u64 = 25;
const STALL: Duration = Duration::from_secs(1);

/// How an address changes.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// The client gets another port.
    Port,
    /// The client gets another address.
    Address,
    /// A NAT forgets, and nobody is told.
    Nat,
}

const CHANGES: [Change; 3] = [Change::Port, Change::Address, Change::Nat];

impl Change {
    /// Happens, for the `nth` time.
    fn happen(self, ends: &Ends, nth: u8) {
        let own = client_address();
        let to = match self {
            Self::Port => SocketAddr::new(own.ip(), own.port() + u16::from(nth)),
            Self::Address => SocketAddr::from(([10, 9, 8, nth], own.port())),
            Self::Nat => {
                return ends.net.rewrite(own, SocketAddr::from(([198, 51, 100, 1], 4000 + u16::from(nth))));
            }
        };
        ends.connecting.quinn().rebind_abstract(ends.net.socket(to)).unwrap();
    }
}

/// The gaps between what happens.
#[derive(Clone, Debug)]
struct Gaps(Arc<Mutex<(Option<Instant>, Duration)>>);

impl Gaps {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((None, Duration::ZERO))))
    }

    fn note(&self) {
        let mut gaps = self.0.lock().unwrap();
        let gap = gaps.0.map_or(Duration::ZERO, |last| last.elapsed());
        *gaps = (Some(Instant::now()), gaps.1.max(gap));
    }

    fn longest(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

fn interface(taken: &Gaps) -> Interface {
    let taken = taken.clone();
    standard()
        .sequence(TICKS, |(to,): (u64,)| {
            stream::iter(0..to).then(|n| async move {
                sleep_ms(10).await;
                n
            })
        })
        .procedure_with_items(TAKE, move |(): (), mut items: Receiver<Bytes>| {
            let taken = taken.clone();
            async move {
                let mut bytes = 0;
                while let Some(item) = items.next().await {
                    taken.note();
                    bytes += item?.len() as u64;
                }
                Ok::<u64, Status>(bytes)
            }
        })
}

/// Ends that find out soon that a NAT has forgotten: a client that only receives sends nothing else that would
/// show its new address.
async fn watchful_ends(taken: &Gaps) -> Ends {
    let watchful = limits(|limits| limits.ping_interval = Some(ms(500)));
    let (client, server) = (Interface::new(), interface(taken));
    let options = options(|_| {});
    let client = ipfi_core::WireOptions::from(client).limits(watchful);
    ends(net(ONE_WAY_MS), (client, &options), (server, &options)).await
}

#[tokio::test(start_paused = true)]
async fn a_unary_call_is_answered_though_the_address_changes_under_it() {
    for change in CHANGES {
        let ends = watchful_ends(&Gaps::new()).await;
        let started = Instant::now();
        // Once while it runs, and once while its answer is under way.
        for (nth, after) in [(1, 100), (2, 490)] {
            let call = tokio::spawn(ends.client.call::<u64>(SLEEP, (500_u64,)).into_future());
            sleep_ms(after).await;
            change.happen(&ends, nth);
            assert_eq!(call.await.unwrap().unwrap(), 500, "{change:?}");
        }
        let stall = started.elapsed() - 2 * ms(500 + 2 * ONE_WAY_MS);
        assert!(stall <= STALL, "{change:?}: {stall:?}");
        assert_eq!(ends.client.stats().calls_out_failed, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sequence_loses_no_item_and_stalls_for_a_second_at_most_when_the_address_changes() {
    for change in CHANGES {
        let ends = watchful_ends(&Gaps::new()).await;
        let gaps = Gaps::new();
        let mut items = ends.client.stream::<u64>(TICKS, (300_u64,)).await.unwrap();
        for expected in 0..300 {
            assert_eq!(items.next().await.unwrap().unwrap(), expected, "{change:?}");
            gaps.note();
            if expected == 100 {
                change.happen(&ends, 1);
            }
        }
        assert!(items.next().await.is_none());
        assert!(gaps.longest() <= STALL, "{change:?}: {:?}", gaps.longest());
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_loses_no_byte_and_stalls_for_a_second_at_most_when_the_address_changes() {
    for change in CHANGES {
        let taken = Gaps::new();
        let ends = watchful_ends(&taken).await;
        ends.net.change_both(client_address(), super::kit::server_address(), |path| {
            path.bytes_per_second = Some(4_000_000);
        });
        let mut upload = ends.client.upload::<Bytes, u64>(TAKE, ()).await.unwrap();
        let piece = Bytes::from(vec![7; 16 << 10]);
        for n in 0..200 {
            upload.send(piece.clone()).await.unwrap();
            if n == 60 {
                change.happen(&ends, 1);
            }
        }
        assert_eq!(upload.finish().await.unwrap(), 200 * (16 << 10), "{change:?}");
        let stall = taken.longest();
        assert!(stall <= STALL, "{change:?}: {stall:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wire_outlives_ten_changes_of_the_address_with_calls_in_between() {
    let ends = watchful_ends(&Gaps::new()).await;
    for port in 6000..6010 {
        let to = SocketAddr::new(client_address().ip(), port);
        ends.connecting.quinn().rebind_abstract(ends.net.socket(to)).unwrap();
        assert_eq!(ends.client.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
    }
    assert_eq!(ends.server.stats().calls_in, 10);
}
