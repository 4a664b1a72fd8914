//! Peers that are gone, and connections that only seem so. [N8]

use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use interop_tests::conformance::kit::{
    ECHO, NEVER, NEVER_READS, ONE_THEN_NEVER, OWN, SLEEP, sleep_ms, standard,
};
use interop_tests::quic_pair;
use ipfi_core::call::{CallError, Isolation};
use ipfi_core::{Interface, WireOptions};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::kit::{Ends, client_address, ends, limits, ms, net, options, plain_ends, serve, server_address};

/// The limit `idle_timeout`.
const IDLE: Duration = Duration::from_secs(20);
/// The first ping into the silence begins it anew (RFC 9000 section 10.1).
const PING: Duration = Duration::from_secs(10);
const MARGIN: Duration = Duration::from_secs(1);

/// How the server goes.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Nothing gets through any more.
    Silence,
    /// Its process is gone, and another is where it was.
    Restarted,
    /// It closes the endpoint without a word of ours.
    Closed,
}

/// One call of each kind, pending.
fn pending(ends: &Ends) -> Vec<JoinHandle<CallError>> {
    let unary = |isolation| {
        let call = ends.client.call::<()>(NEVER, ()).isolation(isolation).without_timeout().into_future();
        tokio::spawn(async move { call.await.unwrap_err() })
    };
    let (reading, sending) = (ends.client.clone(), ends.client.clone());
    vec![
        unary(Isolation::Shared),
        unary(Isolation::OwnStream),
        tokio::spawn(async move {
            let mut items = match reading.stream::<u64>(ONE_THEN_NEVER, ()).await {
                Ok(items) => items,
                Err(error) => return error,
            };
            loop {
                if let Err(error) = items.next().await.expect("it never ends well") {
                    return error;
                }
            }
        }),
        tokio::spawn(async move {
            let mut upload = match sending.upload::<u64, u64>(NEVER_READS, ()).await {
                Ok(upload) => upload,
                Err(error) => return error,
            };
            loop {
                if let Err(error) = upload.send(1).await {
                    return error;
                }
                tokio::time::sleep(ms(7)).await;
            }
        }),
    ]
}

#[tokio::test(start_paused = true)]
async fn when_the_server_goes_every_pending_call_ends_in_time_and_says_whether_it_may_have_run() {
    let tls = quic_pair::tls(false);
    for end in [End::Silence, End::Restarted, End::Closed] {
        // Before, while and after the calls arrive: a path takes ten milliseconds.
        for point in (0..=40).chain([45, 50, 60, 75, 100, 150, 200, 400, 700]) {
            let ends = plain_ends(net(10), standard()).await;
            let calls = pending(&ends);
            tokio::time::sleep(ms(point)).await;
            let mut _again = None;
            match end {
                End::Silence => {
                    ends.net.change_both(client_address(), server_address(), |path| path.blackhole = true);
                }
                End::Restarted => {
                    // A process that is killed says nothing more.
                    ends.net.change_both(client_address(), server_address(), |path| path.blackhole = true);
                    ends.serving.server.quinn().close(0_u32.into(), b"");
                    tokio::time::sleep(ms(500)).await;
                    _again = Some(serve(&ends.net, &tls.1, &options(|_| {}), standard()));
                    ends.net.change_both(client_address(), server_address(), |path| path.blackhole = false);
                }
                End::Closed => ends.serving.server.quinn().close(0_u32.into(), b""),
            }
            let started = Instant::now();
            for call in calls {
                let error = tokio::time::timeout(IDLE + MARGIN, call)
                    .await
                    .unwrap_or_else(|_| panic!("{end:?} at {point} ms: a call hangs"))
                    .unwrap();
                let text = error.to_string();
                assert!(
                    text.contains("the call may have run") || text.contains("never started"),
                    "{end:?} at {point} ms: {text}"
                );
                // What the server has certainly seen may have run.
                assert!(point <= 10 || !error.never_started(), "{end:?} at {point} ms: {text}");
            }
            let took = started.elapsed();
            match end {
                End::Closed => assert!(took <= ms(100), "{took:?}"),
                _ => assert!(took <= IDLE + PING + MARGIN, "{end:?} at {point} ms: {took:?}"),
            }
            // And what comes after never starts.
            let error = ends.client.call::<()>(NEVER, ()).await.unwrap_err();
            assert!(error.to_string().contains("never started"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_notices_that_its_client_is_gone_and_cancels_its_calls() {
    let ends = plain_ends(net(10), standard()).await;
    let _calls = pending(&ends);
    tokio::time::sleep(ms(100)).await;
    assert_eq!(ends.server.inbound_calls(), 4);
    ends.net.change_both(client_address(), server_address(), |path| path.blackhole = true);
    let cause = tokio::time::timeout(IDLE + PING + MARGIN, ends.server.closed()).await.unwrap();
    assert_eq!(cause.to_string(), "idle timeout: nothing received from the peer for 20s");
    tokio::time::sleep(ms(10)).await;
    assert_eq!(ends.server.inbound_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_alive_for_an_hour() {
    let ends = plain_ends(net(10), standard()).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((ends.client.close_reason(), ends.server.close_reason()), (None, None));
    assert_eq!(ends.client.call::<String>(ECHO, ("x",)).await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn without_pings_an_idle_connection_ends_at_the_shorter_idle_timeout_and_says_so() {
    let options = options(|_| {});
    let quiet = |seconds| {
        let limits = limits(|limits| {
            limits.ping_interval = None;
            limits.idle_timeout = Some(Duration::from_secs(seconds));
        });
        WireOptions::from(Interface::new()).limits(limits)
    };
    let ends = ends(net(10), (quiet(30), &options), (quiet(8), &options)).await;
    let started = Instant::now();
    let cause = ends.server.closed().await;
    assert_eq!(cause.to_string(), "idle timeout: nothing received from the peer for 8s");
    assert!(started.elapsed() <= Duration::from_secs(8) + MARGIN, "{:?}", started.elapsed());
    let cause = tokio::time::timeout(MARGIN, ends.client.closed()).await.unwrap();
    assert!(cause.to_string().contains("idle timeout"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn silence_shorter_than_the_idle_timeout_loses_no_call() {
    // As much as no window holds: what cannot leave waits, on the stream that small calls share too.
    const ANSWER: usize = 60 << 10;
    let large = standard().procedure(OWN, |(): ()| async move {
        sleep_ms(200).await;
        Bytes::from(vec![1; ANSWER])
    });
    let ends = plain_ends(net(10), large).await;
    let call = tokio::spawn(ends.client.call::<u64>(SLEEP, (2000_u64,)).into_future());
    let many: Vec<_> =
        (0..64).map(|_| tokio::spawn(ends.client.call::<Bytes>(OWN, ()).into_future())).collect();
    tokio::time::sleep(ms(100)).await;
    assert_eq!(ends.client.stats().calls_out_shared, 65);
    ends.net.change_both(client_address(), server_address(), |path| path.blackhole = true);
    tokio::time::sleep(Duration::from_secs(12)).await;
    ends.net.change_both(client_address(), server_address(), |path| path.blackhole = false);
    assert_eq!(call.await.unwrap().unwrap(), 2000);
    for call in many {
        assert_eq!(call.await.unwrap().unwrap().len(), ANSWER);
    }
}
