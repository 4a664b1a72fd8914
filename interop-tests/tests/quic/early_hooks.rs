//! What hooks see of early data (0-RTT), and of somebody who plays it again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use interop_tests::quic_pair;
use ipfi_core::{Peer, Status, WireOptions};
use tokio::time::Instant;

use super::early::{
    LOOK, PAY, ROUND_TRIP_MS, Ran, attacker, call_early, interface, replayable, replayed, with_ticket_of,
};
use super::kit::{Count, client_address, ms, net};

/// Whom the hook that authenticates was asked about, and when.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<Mutex<Vec<(String, Instant)>>>);

impl Asked {
    /// Offers the procedures of `ran` to all whom `agrees` takes.
    fn offering(&self, ran: &Ran, agrees: fn(&str, usize) -> bool) -> WireOptions {
        let asked = self.clone();
        WireOptions::from(interface(ran)).authenticate(move |peer: Peer| {
            assert!(peer.certificates().is_empty(), "nobody here has shown one");
            let address = peer.address().unwrap_or_default().to_owned();
            let mut asked = asked.0.lock().unwrap();
            asked.push((address.clone(), Instant::now()));
            let agreed = agrees(&address, asked.len());
            async move { if agreed { Ok(()) } else { Err(Status::unauthenticated("not you")) } }
        })
    }

    fn addresses(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(address, _)| address.clone()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_hook_is_asked_about_an_early_client_before_its_handshake_is_done_and_what_it_refuses_is_not_run()
{
    let (net, tls, ran, asked) =
        (net(ROUND_TRIP_MS / 2), quic_pair::tls(true), Ran::default(), Asked::default());
    // The first had no ticket, the second has one, the third has one and is refused.
    let (client, _serving) = with_ticket_of(&net, &tls, asked.offering(&ran, |_, times| times <= 2)).await;
    let started = Instant::now();
    let (wire, (answer, millis)) = call_early(&client, LOOK).await.unwrap();
    assert_eq!(answer.unwrap(), "seen");
    assert!(millis <= u128::from(ROUND_TRIP_MS) + 5, "{millis} ms");
    // It was asked when the first datagrams came: the client's part of the handshake comes a round trip later.
    let (address, at) = asked.0.lock().unwrap()[1].clone();
    assert_eq!(address, client_address().to_string());
    assert!(at - started < ms(ROUND_TRIP_MS), "{:?}", at - started);
    tokio::time::sleep(ms(5 * ROUND_TRIP_MS)).await;
    drop(wire);
    tokio::time::sleep(ms(5 * ROUND_TRIP_MS)).await;
    for procedure in [LOOK, PAY] {
        let refused = match call_early(&client, procedure).await {
            Err(error) => error.to_string(),
            Ok((_, (answer, _))) => answer.unwrap_err().to_string(),
        };
        // RFC 9000 section 10.2.3: before the handshake is done no words of an application may be sent.
        assert!(refused.contains("APPLICATION_ERROR"), "{refused}");
    }
    assert_eq!((ran.looks.get(), ran.payments.get()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_hook_is_asked_about_a_replay_too_and_sees_from_where_it_comes() {
    let (ran, asked) = (Ran::default(), Asked::default());
    let _server = replayed(&replayable(), &ran, asked.offering(&ran, |_, _| true)).await;
    let client = client_address().to_string();
    assert_eq!(asked.addresses(), [client.clone(), client, attacker().to_string()]);
    // What is idempotent has run again, and nothing else.
    assert_eq!((ran.looks.get(), ran.payments.get(), ran.told.get()), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_for_a_replay_that_the_hook_refuses() {
    let (ran, asked) = (Ran::default(), Asked::default());
    let agrees = |address: &str, _| address == client_address().to_string();
    let _server = replayed(&replayable(), &ran, asked.offering(&ran, agrees)).await;
    assert_eq!(asked.addresses().len(), 3);
    assert_eq!((ran.looks.get(), ran.payments.get(), ran.told.get()), (1, 1, 1));
}

/// `Server::on_connect` runs when there is a wire, which for a replay is there as for its client.
#[tokio::test(start_paused = true)]
async fn a_program_that_calls_a_replaying_client_back_is_never_answered_and_learns_so_in_time() {
    let ran = Ran::default();
    let (net, serving) = replayed(&replayable(), &ran, interface(&ran)).await;
    // It hears all that is said to it, and can do nothing with it.
    let heard = Count::default();
    let counted = heard.clone();
    net.on_datagram(move |_, to, _| {
        if to == attacker() {
            counted.add();
        }
    });
    let _hears = net.socket(attacker());
    assert_eq!(serving.wires.lock().unwrap().len(), 3);
    let wire = serving.last();
    assert_eq!(wire.peer().address(), Some(attacker().to_string().as_str()));
    let started = Instant::now();
    let error = wire.call::<String>(LOOK, ()).await.unwrap_err();
    assert!(started.elapsed() <= Duration::from_secs(12), "{:?}", started.elapsed());
    assert!(wire.close_reason().is_some(), "{error}");
    // RFC 9000 section 8.1: at most three times what it has sent, which were a few datagrams.
    assert!(heard.get() <= 30, "{}", heard.get());
    assert_eq!((ran.looks.get(), ran.payments.get(), ran.told.get()), (2, 1, 1));
}
