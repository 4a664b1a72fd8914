//! Floods of calls that cost more than they bring. [A1, A2]

use std::net::SocketAddr;
use std::time::Duration;

use interop_tests::conformance::kit::{ECHO, OWN, Probe, standard};
use interop_tests::hostile_mux::doomed_calls;
use interop_tests::quic_pair;
use ipfi_core::call::Isolation;
use ipfi_core::close_code::{CloseCode, StreamCode};
use ipfi_core::{Code, Interface, Limits, Status, Wire};
use tokio::task::JoinHandle;

use super::kit::{
    ADA, Answer, Raw, RawStream, Serving, client, client_at, code, connect_quinn, ms, net, options,
    plain_ends, request, serve, server_address,
};

/// A server whose procedure `OWN` never answers, a client that is hostile, and one that is not.
struct Lab {
    serving: Serving,
    probe: Probe,
    hostile: quinn::Connection,
    honest: Honest,
}

/// A client that calls all the time.
struct Honest(JoinHandle<()>);

impl Honest {
    fn start(wire: Wire) -> Self {
        Self(tokio::spawn(async move {
            loop {
                let answer = tokio::time::timeout(ms(500), wire.call::<String>(ECHO, ("x",))).await;
                assert_eq!(answer.unwrap().unwrap(), "x");
                tokio::time::sleep(ms(1)).await;
            }
        }))
    }

    /// Demands that every call of it was answered in time.
    fn unharmed(&self) {
        assert!(!self.0.is_finished(), "an honest client was harmed");
        self.0.abort();
    }
}

async fn lab() -> Lab {
    let (net, tls, some) = (net(1), quic_pair::tls(false), options(|_| {}));
    let probe = Probe::default();
    let serving = serve(&net, &tls.1, &some, standard().procedure(OWN, probe.never()));
    let elsewhere = SocketAddr::from(([10, 0, 0, 3], 5000));
    let beside = client_at(&net, elsewhere, &tls.0, &Limits::default(), &some);
    let honest = beside.connect(server_address(), "localhost", Interface::new()).await.unwrap();
    let hostile = connect_quinn(&client(&net, &tls.0, &some)).await;
    tokio::time::sleep(ms(20)).await;
    Lab { serving, probe, hostile, honest: Honest::start(honest) }
}

/// When the flood gives each call up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GiveUp {
    /// Before anything of the request has left.
    AtOnce,
    /// When the handler runs: by a reset of the request and a stop of the response.
    Running,
    /// When the handler runs, the request being whole: by a stop of the response.
    Stopping,
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_calls_that_are_given_up_is_cut_within_a_thousand_and_never_more_run_than_may() {
    for how in [GiveUp::AtOnce, GiveUp::Running, GiveUp::Stopping] {
        let lab = lab().await;
        let raw = Raw::new(lab.hostile.clone(), Default::default()).await;
        let mut opened = 0_usize;
        let mut batch = Vec::new();
        while opened < 20_000 && raw.quinn.close_reason().is_none() {
            // As many as there are places, then all of them go.
            let opening = tokio::time::timeout(ms(20), raw.quinn.open_bi()).await;
            if let Ok(stream) = opening {
                let Ok((mut send, recv)) = stream else { break };
                opened += 1;
                let _ = send.write_all(&request(OWN)).await;
                if how == GiveUp::Stopping {
                    let _ = send.finish();
                }
                batch.push((send, recv));
                if how != GiveUp::AtOnce && batch.len() < 100 {
                    continue;
                }
            }
            if how != GiveUp::AtOnce {
                tokio::time::sleep(ms(2)).await;
            }
            for (mut send, mut recv) in batch.drain(..) {
                if how != GiveUp::Stopping {
                    let _ = send.reset(code(StreamCode::CANCELLED));
                }
                let _ = recv.stop(code(StreamCode::CANCELLED));
            }
        }
        let (closed, reason) = raw.closed().await;
        println!(
            "{how:?}: cut after {opened} calls, {} started, {} at once",
            lab.probe.started(),
            lab.probe.most()
        );
        assert_eq!(closed, CloseCode::RESOURCE_EXHAUSTED.0, "{reason}");
        assert!(reason.contains("enhance your calm"), "{reason}");
        assert!(opened <= 1500, "{how:?}: {opened}");
        assert!(lab.probe.most() <= Limits::default().max_inbound_calls as usize, "{}", lab.probe.most());
        assert!(how == GiveUp::AtOnce || lab.probe.started() > 500, "{}", lab.probe.started());
        tokio::time::sleep(ms(20)).await;
        assert_eq!(lab.probe.running(), 0);
        lab.honest.unharmed();
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_calls_that_the_callee_must_end_while_they_run_is_cut_within_a_thousand() {
    for (what, request) in doomed_calls(OWN) {
        let lab = lab().await;
        let raw = Raw::new(lab.hostile.clone(), Default::default()).await;
        let mut made = 0;
        while made < 20_000 && raw.quinn.close_reason().is_none() {
            // As a good caller would: each reads its answer to the end.
            let calls = (0..100).map(|_| async {
                let Ok((mut send, recv)) = raw.quinn.open_bi().await else { return };
                if send.write_all(&request).await.is_ok() && send.finish().is_ok() {
                    RawStream { send, recv }.answer().await;
                }
            });
            futures_util::future::join_all(calls).await;
            made += 100;
        }
        let (closed, reason) = raw.closed().await;
        println!("{what}: cut after {made} calls, {} started: {reason}", lab.probe.started());
        assert_eq!(closed, CloseCode::RESOURCE_EXHAUSTED.0, "{what}: {reason}");
        assert!(reason.contains("enhance your calm"), "{what}: {reason}");
        assert!((1000..=1200).contains(&made), "{what}: {made}");
        assert!(lab.probe.started() >= 1000, "{what}: {}", lab.probe.started());
        tokio::time::sleep(ms(20)).await;
        assert_eq!(lab.probe.running(), 0, "{what}");
        lab.honest.unharmed();
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_statuses_in_a_row_end_nothing() {
    let offered =
        standard().procedure(OWN, |(): ()| async { Err::<(), _>(Status::new(Code::NotFound, "gone")) });
    let ends = plain_ends(net(1), offered).await;
    for isolation in [Isolation::Shared, Isolation::OwnStream] {
        for n in 0..10_000 {
            let (procedure, expected) = match n % 3 {
                0 => (OWN, Code::NotFound),
                1 => (OWN + 1000, Code::Unimplemented),
                _ => (ECHO, Code::InvalidArgument),
            };
            let answer = ends.client.call::<()>(procedure, ()).isolation(isolation).await;
            assert_eq!(answer.unwrap_err().code(), expected, "call {n}");
        }
    }
    assert_eq!((ends.client.close_reason(), ends.server.close_reason()), (None, None));
    assert_eq!(ends.server.stats().calls_in_failed, 20_000);
}

/// Requests that a callee must answer with a status, each for another reason.
const MALFORMED: [(&[u8], Code); 5] = [
    (&[0, 0x81], Code::Unimplemented),
    (&[0x3f, 1, 0], Code::Unimplemented),
    (&[0], Code::InvalidArgument),
    (&[0, 1, 1], Code::InvalidArgument),
    (&[0, 1, 0x2e, 5, 0, 8], Code::InvalidArgument),
];

/// What holds: each malformed request is one status, which costs its sender as much as the callee; places bound how
/// many there are at once; the connection lives, and nobody else notices.
#[tokio::test(start_paused = true)]
async fn a_flood_of_malformed_requests_is_a_status_each_and_harms_nobody() {
    const ROUNDS: usize = 1000;
    let lab = lab().await;
    let raw = Raw::new(lab.hostile.clone(), Default::default()).await;
    let mut most = 0;
    for _ in 0..ROUNDS {
        let calls = MALFORMED.map(|(bytes, expected)| {
            let raw = &raw;
            async move {
                let status = raw.call(bytes, true).await.status().await;
                assert_eq!(status.code(), expected, "{bytes:?}: {status:?}");
            }
        });
        futures_util::future::join_all(calls).await;
        most = most.max(lab.serving.last().inbound_calls());
    }
    assert!(most <= Limits::default().max_inbound_calls as usize, "{most}");
    assert!(matches!(raw.call(ADA, true).await.answer().await, Answer::Messages(_)));
    tokio::time::sleep(ms(20)).await;
    assert_eq!(lab.serving.last().inbound_calls(), 0);
    lab.honest.unharmed();
}

/// What holds: each is stopped, and places bound how many there are at once.
#[tokio::test(start_paused = true)]
async fn a_flood_of_streams_that_must_be_stopped_harms_nobody() {
    let lab = lab().await;
    let raw = Raw::new(lab.hostile.clone(), Default::default()).await;
    for n in 0..4000_usize {
        let opening = tokio::time::timeout(Duration::from_secs(1), raw.quinn.open_uni()).await;
        let Ok(mut send) = opening.expect("a place is free again") else { break };
        // A notification with a reserved flag, one that is none, and a type that nobody knows.
        let bytes: &[u8] = [&[1, 0, 0x81][..], &[1, 0, 1, 0], &[9, 9, 9]][n % 3];
        let _ = send.write_all(bytes).await;
        let _ = send.stopped().await;
    }
    assert!(matches!(raw.call(ADA, true).await.answer().await, Answer::Messages(_)));
    lab.honest.unharmed();
}
