//! Early data (0-RTT): `docs/protocol.md` 12.5.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use interop_tests::quic_pair;
use interop_tests::udp_net::UdpNet;
use ipfi_core::error::ConnectionError;
use ipfi_core::{CallError, Code, Context, Interface, Wire, WireOptions};
use ipfi_quic::endpoint::ALPN;
use ipfi_quic::tls::{ClientAuth, TlsClient, TlsServer, Trust};
use ipfi_quic::{QuicClient, QuicOptions};
use rustls::server::StoresServerSessions;
use tokio::time::Instant;

use super::kit::{
    Count, Packet, Serving, client, count_packets, ms, net, options, packets, serve, server_address,
};

/// Idempotent.
pub(crate) const LOOK: u64 = 0;
/// Not.
pub(crate) const PAY: u64 = 1;
/// A notification that is not.
const TELL: u64 = 2;

pub(crate) const ROUND_TRIP_MS: u64 = 100;

/// How often each has run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran {
    pub(crate) looks: Count,
    pub(crate) payments: Count,
    pub(crate) told: Count,
}

pub(crate) fn interface(ran: &Ran) -> Interface {
    let (looks, payments, told) = (ran.looks.clone(), ran.payments.clone(), ran.told.clone());
    Interface::new()
        .procedure(LOOK, move |(): ()| {
            looks.add();
            async { "seen".to_owned() }
        })
        .idempotent(LOOK)
        .procedure(PAY, move |(): ()| {
            payments.add();
            async { "paid".to_owned() }
        })
        .notification(TELL, move |(): ()| {
            told.add();
            async {}
        })
        .by_datagram(TELL)
}

pub(crate) fn early() -> QuicOptions {
    options(|options| options.early_data = true)
}

async fn with_ticket(net: &UdpNet, tls: &(TlsClient, TlsServer), ran: &Ran) -> (QuicClient, Serving) {
    with_ticket_of(net, tls, interface(ran)).await
}

/// A client that holds a ticket of the server, and the server.
pub(crate) async fn with_ticket_of(
    net: &UdpNet,
    tls: &(TlsClient, TlsServer),
    offered: impl Into<WireOptions>,
) -> (QuicClient, Serving) {
    let serving = serve(net, &tls.1, &early(), offered);
    let client = client(net, &tls.0, &early());
    let wire = client.connect(server_address(), "localhost", Interface::new()).await.unwrap();
    tokio::time::sleep(ms(5 * ROUND_TRIP_MS)).await;
    drop(wire);
    tokio::time::sleep(ms(5 * ROUND_TRIP_MS)).await;
    (client, serving)
}

/// Calls `procedure` as early as can be: the outcome, and when it was there.
pub(crate) async fn call_early(
    client: &QuicClient,
    procedure: u64,
) -> Result<(Wire, (Result<String, CallError>, u128)), ConnectionError> {
    let started = Instant::now();
    let first = move |wire: Wire| async move {
        let answer = wire.call::<String>(procedure, ()).await;
        (answer, started.elapsed().as_millis())
    };
    client.connect_early(server_address(), "localhost", Interface::new(), first).await
}

#[tokio::test(start_paused = true)]
async fn with_a_ticket_an_idempotent_call_is_answered_within_one_round_trip() {
    let (net, tls, ran) = (net(ROUND_TRIP_MS / 2), quic_pair::tls(true), Ran::default());
    let (client, _serving) = with_ticket(&net, &tls, &ran).await;
    let (wire, (answer, millis)) = call_early(&client, LOOK).await.unwrap();
    assert_eq!(answer.unwrap(), "seen");
    assert!((100..=105).contains(&millis), "{millis} ms");
    // The wire goes on as any other.
    assert_eq!(wire.call::<String>(PAY, ()).await.unwrap(), "paid");
    assert_eq!((ran.looks.get(), ran.payments.get()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_ticket_the_first_call_leaves_after_the_handshake_and_may_be_any() {
    let (net, tls, ran) = (net(ROUND_TRIP_MS / 2), quic_pair::tls(true), Ran::default());
    let _serving = serve(&net, &tls.1, &early(), interface(&ran));
    let client = client(&net, &tls.0, &early());
    let early = count_packets(&net, None, Packet::ZeroRtt);
    let (_wire, (answer, millis)) = call_early(&client, PAY).await.unwrap();
    assert_eq!(answer.unwrap(), "paid");
    assert!((200..=210).contains(&millis), "{millis} ms");
    assert_eq!((early.get(), ran.payments.get()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_in_early_data_of_a_procedure_that_is_not_idempotent_is_refused_by_name_and_not_run() {
    let (net, tls, ran) = (net(ROUND_TRIP_MS / 2), quic_pair::tls(true), Ran::default());
    let (client, _serving) = with_ticket(&net, &tls, &ran).await;
    let (wire, (answer, _)) = call_early(&client, PAY).await.unwrap();
    let error = answer.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    let text = error.to_string();
    assert!(text.contains("early data (0-RTT)") && text.contains("procedure 1"), "{text}");
    assert_eq!(ran.payments.get(), 0);
    // Once the handshake is done it may run.
    assert_eq!(wire.call::<String>(PAY, ()).await.unwrap(), "paid");
}

#[tokio::test(start_paused = true)]
async fn a_notification_in_early_data_that_is_not_idempotent_is_dropped_and_counted() {
    let (net, tls, ran) = (net(ROUND_TRIP_MS / 2), quic_pair::tls(true), Ran::default());
    let (client, serving) = with_ticket(&net, &tls, &ran).await;
    let first = |wire: Wire| async move { wire.notify(TELL, ()).await };
    let connected = client.connect_early(server_address(), "localhost", Interface::new(), first).await;
    let (wire, sent) = connected.unwrap();
    sent.unwrap();
    tokio::time::sleep(ms(ROUND_TRIP_MS)).await;
    assert_eq!((ran.told.get(), serving.last().stats().notifications_in_dropped), (0, 1));
    wire.notify(TELL, ()).await.unwrap();
    tokio::time::sleep(ms(ROUND_TRIP_MS)).await;
    assert_eq!(ran.told.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_datagram_in_early_data_waits_for_the_handshake() {
    let (net, tls, ran) = (net(ROUND_TRIP_MS / 2), quic_pair::tls(true), Ran::default());
    let (client, _serving) = with_ticket(&net, &tls, &ran).await;
    let early = count_packets(&net, None, Packet::ZeroRtt);
    let (told, started) = (ran.told.clone(), Instant::now());
    let first = move |wire: Wire| {
        let told = told.clone();
        async move {
            wire.notify(TELL, ()).datagram().unwrap();
            // It is there after half a round trip, and the end of the handshake after one and a half.
            tokio::time::sleep(ms(ROUND_TRIP_MS) - started.elapsed()).await;
            told.get()
        }
    };
    let connected = client.connect_early(server_address(), "localhost", Interface::new(), first).await;
    let (_wire, told) = connected.unwrap();
    assert!(early.get() > 0, "nothing was sent early");
    assert_eq!(told, 0);
    tokio::time::sleep(ms(ROUND_TRIP_MS)).await;
    assert_eq!(ran.told.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_clients_show_certificates_calls_see_them_however_early_they_come() {
    let (net, issued) = (net(ROUND_TRIP_MS / 2), quic_pair::identity());
    let pins = ClientAuth::pinned([issued.certificate_hash()]);
    let server = TlsServer::builder(issued.clone()).early_data(true).client_auth(pins);
    let trust = Trust::pinned([issued.certificate_hash()]);
    let client = TlsClient::builder(trust).early_data(true).identity(issued).build(&[ALPN]).unwrap();
    let shown = Interface::new()
        .procedure(LOOK, |context: Context, (): ()| async move { context.peer().certificates().len() })
        .idempotent(LOOK);
    let _serving = serve(&net, &server.build(&[ALPN]).unwrap(), &early(), shown);
    let client = self::client(&net, &client, &early());
    // The second time it has a ticket, and its certificate is known by that.
    for round_trips in [2, 1] {
        let started = Instant::now();
        let first = |wire: Wire| async move { wire.call::<usize>(LOOK, ()).await };
        let connected = client.connect_early(server_address(), "localhost", Interface::new(), first).await;
        let (wire, seen) = connected.unwrap();
        assert_eq!(seen.unwrap(), 1, "certificates, where the call takes {round_trips} round trips");
        assert_eq!(started.elapsed().as_millis() / u128::from(ROUND_TRIP_MS), round_trips);
        tokio::time::sleep(ms(5 * ROUND_TRIP_MS)).await;
        drop(wire);
        tokio::time::sleep(ms(5 * ROUND_TRIP_MS)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn early_data_that_a_server_with_other_keys_refuses_is_sent_once_more_and_processed_once() {
    let (net, tls, ran) = (net(ROUND_TRIP_MS / 2), quic_pair::tls(true), Ran::default());
    let (client, before) = with_ticket(&net, &tls, &ran).await;
    drop(before);
    // What it knew of sessions went with it.
    let again = quic_pair::tls(true).1;
    let _serving = serve(&net, &again, &early(), interface(&ran));
    is_sent_once_more(&net, &client, &ran).await;
}

#[tokio::test(start_paused = true)]
async fn early_data_that_a_server_does_not_take_any_more_is_sent_once_more_and_processed_once() {
    let (net, tls, ran) = (net(ROUND_TRIP_MS / 2), quic_pair::tls(true), Ran::default());
    let (client, before) = with_ticket(&net, &tls, &ran).await;
    drop(before);
    // It knows the session, and takes no early data with it.
    let mut rustls = (**tls.1.as_rustls()).clone();
    rustls.max_early_data_size = 0;
    let again = TlsServer::from_rustls(Arc::new(rustls));
    let _serving = serve(&net, &again, &QuicOptions::default(), interface(&ran));
    is_sent_once_more(&net, &client, &ran).await;
}

async fn is_sent_once_more(net: &UdpNet, client: &QuicClient, ran: &Ran) {
    let early = count_packets(net, None, Packet::ZeroRtt);
    let began = Count::default();
    let counted = began.clone();
    let first = move |wire: Wire| {
        counted.add();
        async move { (wire.call::<String>(LOOK, ()).await, wire) }
    };
    let connected = client.connect_early(server_address(), "localhost", Interface::new(), first).await;
    let (wire, (answer, used)) = connected.unwrap();
    assert_eq!(answer.unwrap(), "seen");
    assert!(early.get() > 0, "nothing was sent early");
    assert_eq!((began.get(), ran.looks.get()), (2, 1));
    // Both handles are of the wire that lives, and it lives on: what was there before takes nothing from it.
    for wire in [&wire, &used] {
        assert_eq!(wire.call::<String>(PAY, ()).await.unwrap(), "paid");
    }
    tokio::time::sleep(ms(11_000)).await;
    assert_eq!(wire.close_reason(), None);
    assert_eq!(wire.call::<String>(PAY, ()).await.unwrap(), "paid");
}

#[tokio::test(start_paused = true)]
async fn early_data_is_off_by_default_at_either_end() {
    for (client_early, server_early) in [(false, false), (false, true), (true, false)] {
        let (net, ran) = (net(ROUND_TRIP_MS / 2), Ran::default());
        let tls = (quic_pair::tls(client_early).0, quic_pair::tls(server_early).1);
        let some = options(|options| options.early_data = server_early);
        let _serving = serve(&net, &tls.1, &some, interface(&ran));
        let client = client(&net, &tls.0, &options(|options| options.early_data = client_early));
        let early = count_packets(&net, None, Packet::ZeroRtt);
        for _ in 0..3 {
            let (wire, (answer, millis)) = call_early(&client, PAY).await.unwrap();
            assert_eq!(answer.unwrap(), "paid");
            assert!(millis >= u128::from(2 * ROUND_TRIP_MS), "{millis} ms");
            tokio::time::sleep(ms(5 * ROUND_TRIP_MS)).await;
            drop(wire);
        }
        assert_eq!((early.get(), ran.payments.get()), (0, 3));
    }
}

/// Sessions of several processes that share an address: none of them knows which another has resumed.
#[derive(Debug, Default)]
struct SharedSessions(Mutex<HashMap<Vec<u8>, Vec<u8>>>);

impl StoresServerSessions for SharedSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.0.lock().unwrap().insert(key, value);
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// Who replays.
pub(crate) fn attacker() -> SocketAddr {
    ([66, 6, 6, 6], 666).into()
}

/// A client and a server that shares its sessions with others: nothing stops a replay but what a procedure is.
pub(crate) fn replayable() -> (TlsClient, TlsServer) {
    let (client, server) = quic_pair::tls(true);
    let mut rustls = (**server.as_rustls()).clone();
    rustls.session_storage = Arc::new(SharedSessions::default());
    (client, TlsServer::from_rustls(Arc::new(rustls)).of_anonymous_clients())
}

/// Makes early calls, records what the client sends first, and replays it from another address: to the same
/// server, and to one that shares its sessions.
pub(crate) async fn replayed(
    tls: &(TlsClient, TlsServer),
    ran: &Ran,
    offered: impl Into<WireOptions>,
) -> (UdpNet, Serving) {
    let net = net(ROUND_TRIP_MS / 2);
    let (client, serving) = with_ticket_of(&net, tls, offered).await;
    let flight = Arc::new(Mutex::new(Vec::<Vec<u8>>::new()));
    let (recorded, started) = (Arc::clone(&flight), Instant::now());
    net.on_datagram(move |from, _, bytes| {
        if from == super::kit::client_address() && started.elapsed() < ms(ROUND_TRIP_MS) {
            recorded.lock().unwrap().push(bytes.to_vec());
        }
    });
    let first = |wire: Wire| async move {
        let _ = wire.notify(TELL, ()).await;
        // This one waits for the handshake, which a replay never completes.
        wire.notify(TELL, ()).datagram().unwrap();
        let pay = wire.call::<String>(PAY, ());
        let (look, pay) = (wire.call::<String>(LOOK, ()).await, pay.await);
        (look, pay)
    };
    let connected = client.connect_early(server_address(), "localhost", Interface::new(), first).await;
    let (wire, (look, pay)) = connected.unwrap();
    assert_eq!(look.unwrap(), "seen");
    // It was called after the other was answered, hence after the handshake.
    assert_eq!(pay.unwrap(), "paid");
    tokio::time::sleep(ms(ROUND_TRIP_MS)).await;
    assert_eq!((ran.looks.get(), ran.payments.get(), ran.told.get()), (1, 1, 1));
    drop(wire);
    tokio::time::sleep(ms(50 * ROUND_TRIP_MS)).await;
    net.remove_tap();
    let flight = flight.lock().unwrap().clone();
    assert!(flight.iter().flat_map(|bytes| packets(bytes)).any(|packet| packet == Packet::ZeroRtt));
    let attacker = attacker();
    let _hears = net.socket(attacker);
    for datagram in flight {
        net.inject(attacker, server_address(), datagram);
    }
    tokio::time::sleep(ms(5 * ROUND_TRIP_MS)).await;
    (net, serving)
}

#[tokio::test(start_paused = true)]
async fn a_replayed_flight_runs_nothing_at_the_server_that_has_resumed_the_session() {
    let (tls, ran) = (quic_pair::tls(true), Ran::default());
    let _server = replayed(&tls, &ran, interface(&ran)).await;
    assert_eq!((ran.looks.get(), ran.payments.get(), ran.told.get()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_replayed_flight_that_another_server_takes_runs_again_only_what_is_idempotent() {
    let (tls, ran) = (replayable(), Ran::default());
    let _server = replayed(&tls, &ran, interface(&ran)).await;
    // Were it not 2, nothing would have been replayed.
    assert_eq!(ran.looks.get(), 2);
    assert_eq!((ran.payments.get(), ran.told.get()), (1, 1));
}
