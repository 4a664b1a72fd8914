//! The end of a connection, whoever causes it and whatever runs at that moment: everybody who waits hears of
//! it, handlers are dropped, both tasks of the driver end. [R4]

use std::future::IntoFuture;

use futures_util::future::join;
use ipfi_core::close_code::CloseCode;
use ipfi_core::error::ConnectionError;
use shuttle::future::block_on;

use crate::kit::*;

#[test]
fn the_last_handle_dropped_while_a_handler_runs_ends_both_sides_r4() {
    explore(|| {
        let Stage { client, server, begun, seen, .. } = Stage::new(48);
        let call = client.call::<()>(GATED, ()).into_future();
        let caller = spawn(async move {
            let _ = futures_util::future::select(call, Box::pin(begun.passed())).await;
        });
        let dropping = spawn(async move { drop(client) });
        let cause = block_on(server.closed());
        assert!(cause.is_orderly(), "{cause}");
        caller.join().unwrap();
        dropping.join().unwrap();
        block_on(seen.none_left());
    });
}

#[test]
fn a_close_ends_whatever_waits_at_either_side_r4() {
    explore(|| {
        let Stage { client, server, seen, .. } = Stage::new(48);
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let call = client.call::<()>(GATED, ()).into_future();
                spawn(async move { call.await.unwrap_err() })
            })
            .collect();
        let wire = client.clone();
        let streaming = spawn(async move {
            match wire.stream::<u64>(COUNT, (40_u64,)).await {
                Ok(mut items) => while let Ok(Some(_)) = items.try_next().await {},
                Err(error) => assert!(error.connection_error().is_some(), "{error}"),
            }
        });
        let side = if random(2) == 0 { client.clone() } else { server.clone() };
        let closing = spawn(async move { side.close(CloseCode::NO_ERROR, "enough") });
        for call in waiting {
            let error = call.join().unwrap();
            assert!(
                error.connection_error().is_some(),
                "a call behind a gate that is shut ended with {error}"
            );
        }
        let (ours, theirs) = block_on(join(client.closed(), server.closed()));
        for cause in [ours, theirs] {
            let told = matches!(
                &cause,
                ConnectionError::LocallyClosed { reason, .. } | ConnectionError::PeerClosed { reason, .. }
                    if &**reason == "enough"
            );
            assert!(told, "{cause}");
        }
        streaming.join().unwrap();
        closing.join().unwrap();
        block_on(seen.none_left());
    });
}

#[test]
fn a_shutdown_lets_running_calls_finish_and_refuses_the_rest_p7() {
    explore(|| {
        let Stage { client, server, go_on, seen, .. } = Stage::new(4096);
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let call = client.call::<()>(GATED, ()).into_future();
                spawn(call)
            })
            .collect();
        let opening = spawn(async move { go_on.open() });
        let shutdown = spawn(async move { server.shutdown(std::time::Duration::from_secs(1)).await });
        let mut answered = 0;
        for call in calls {
            match call.join().unwrap() {
                Ok(()) => answered += 1,
                // Refused, or still under way when the connection ended, which its caller cannot know.
                Err(error) => {
                    let orderly = error.connection_error().is_some_and(ConnectionError::is_orderly);
                    assert!(error.never_started() || orderly, "{error}");
                }
            }
        }
        opening.join().unwrap();
        let report = shutdown.join().unwrap();
        // Time stands still, so the grace period does not end: nothing may be cut.
        assert_eq!((report.cut, report.abandoned), (0, 0));
        assert_eq!(seen.started(), answered, "a handler ran for a call that was refused");
        block_on(client.closed());
        block_on(seen.none_left());
    });
}
