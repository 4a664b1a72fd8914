//! Nothing of a call outlives it, whatever its kind and however it ended.

// Test code: a failed unwrap is a failed test. The figures are printed for those who want to see them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod heap;

use std::future::{Future, IntoFuture, pending};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use interop_tests::quic_pair::QuicPair;
use ipfi_core::{Code, Interface, Limits, Receiver, Status, Wire};
use ipfi_quic::QuicOptions;

/// Calls of each kind in a round; eight kinds.
const CALLS: usize = 2500;

/// What tables may have grown by: less than 4 bytes for each call of a round.
const TOLERANCE: usize = 64 << 10;

fn interface() -> Interface {
    Interface::new()
        .procedure(0, |(number,): (u64,)| async move { number })
        .sequence(1, |(count,): (u64,)| stream::iter(0..count))
        .procedure_with_items(2, |(): (), numbers: Receiver<u64>| async move {
            let numbers: Vec<u64> = numbers.try_collect().await?;
            Ok::<u64, Status>(numbers.into_iter().sum())
        })
        .sequence_with_items(3, |(): (), numbers: Receiver<u64>| {
            numbers.map(|number| Ok::<_, Status>(number? * 2))
        })
        .notification(4, |(_line,): (String,)| async move {})
        .procedure(5, |(): ()| pending::<()>())
        .procedure(6, |(): ()| async move { Err::<(), _>(Status::not_found("nothing there")) })
}

async fn unary(wire: &Wire) {
    assert_eq!(wire.call::<u64>(0, (7_u64,)).await.unwrap(), 7);
}

async fn sequence(wire: &Wire) {
    let numbers: Vec<u64> = wire.stream::<u64>(1, (3_u64,)).await.unwrap().try_collect().await.unwrap();
    assert_eq!(numbers, [0, 1, 2]);
}

async fn upload(wire: &Wire) {
    let sum = wire.upload::<u64, u64>(2, ()).items(stream::iter([1, 2, 3])).await.unwrap();
    assert_eq!(sum, 6);
}

async fn duplex(wire: &Wire) {
    let (mut send, mut receive) = wire.duplex::<u64, u64>(3, ()).await.unwrap();
    send.send(21).await.unwrap();
    assert_eq!(receive.try_next().await.unwrap(), Some(42));
    send.finish().await.unwrap();
    assert_eq!(receive.try_next().await.unwrap(), None);
}

async fn notify(wire: &Wire) {
    wire.notify(4, ("hello",)).await.unwrap();
}

async fn cancelled(wire: &Wire) {
    let mut call = std::pin::pin!(wire.call::<()>(5, ()).into_future());
    for _ in 0..3 {
        assert!(call.as_mut().now_or_never().is_none(), "the call was answered");
        tokio::task::yield_now().await;
    }
}

async fn timed_out(wire: &Wire) {
    let error = wire.call::<()>(5, ()).timeout(Duration::from_millis(5)).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}

async fn failing(wire: &Wire) {
    let error = wire.call::<()>(6, ()).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

/// `CALLS` of every kind, some at a time.
async fn round(wire: &Wire) {
    const AT_ONCE: usize = 25;
    for _ in 0..CALLS / AT_ONCE {
        join_all((0..AT_ONCE).map(|_| async {
            unary(wire).await;
            sequence(wire).await;
            upload(wire).await;
            duplex(wire).await;
            notify(wire).await;
            cancelled(wire).await;
            timed_out(wire).await;
            failing(wire).await;
        }))
        .await;
    }
    // Of a paused clock: what was cancelled has been told, and no deadline is left.
    tokio::time::sleep(Duration::from_secs(120)).await;
}

/// Two ends of a connection, and what keeps it.
struct Pair {
    client: Wire,
    server: Wire,
    _net: Option<QuicPair>,
}

async fn over_a_pipe() -> Pair {
    let (near, far) = tokio::io::duplex(64 << 10);
    let (reader, writer) = tokio::io::split(far);
    let server = tokio::spawn(ipfi_mux::accept(reader, writer, interface()));
    let (reader, writer) = tokio::io::split(near);
    let client = ipfi_mux::connect(reader, writer, Interface::new()).await.unwrap();
    Pair { client, server: server.await.unwrap().unwrap(), _net: None }
}

async fn over_quic() -> Pair {
    let pair = QuicPair::new(&Limits::default(), &QuicOptions::default());
    let (client, server) = pair.wires(Interface::new().into(), interface().into()).await;
    Pair { client, server, _net: Some(pair) }
}

fn block_on(test: impl Future<Output = ()>) {
    let _alone = heap::alone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

/// Demands that rounds leave nothing behind, nor the connection when it is gone.
async fn leaves_nothing(pair: impl AsyncFn() -> Pair) {
    // What is made once in a process.
    drop(pair().await);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = heap::live();
    let Pair { client, server, _net } = pair().await;
    round(&client).await;
    let warm = heap::live();
    for time in ["first", "second"] {
        round(&client).await;
        assert_eq!((client.outbound_calls(), server.inbound_calls()), (0, 0));
        let more = heap::live().saturating_sub(warm);
        println!("{more} bytes more after the {time} round");
        assert!(more <= TOLERANCE, "{more} bytes more after the {time} round of {} calls", 8 * CALLS);
    }
    drop((client, server, _net));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let rest = heap::live().saturating_sub(before);
    println!("{rest} bytes remain when the connection is gone");
    assert!(rest <= TOLERANCE, "{rest} bytes remain when the connection is gone");
}

#[test]
fn twenty_thousand_calls_of_every_kind_leave_nothing_behind() {
    block_on(leaves_nothing(over_a_pipe));
}

#[test]
fn twenty_thousand_calls_of_every_kind_over_quic_leave_nothing_behind() {
    block_on(leaves_nothing(over_quic));
}

#[test]
fn uploads_that_are_given_up_over_quic_leave_nothing_behind() {
    const UPLOADS: usize = 2500;
    block_on(async {
        let Pair { client, server, _net } = over_quic().await;
        let given_up = async || {
            for _ in 0..UPLOADS {
                let mut upload = client.upload::<u64, u64>(2, ()).await.unwrap();
                upload.send(1).await.unwrap();
                drop(upload);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            tokio::time::sleep(Duration::from_secs(120)).await;
        };
        given_up().await;
        let warm = heap::live();
        given_up().await;
        assert_eq!((client.outbound_calls(), server.inbound_calls()), (0, 0));
        let more = heap::live().saturating_sub(warm);
        println!("{more} bytes more");
        assert!(more <= TOLERANCE, "{more} bytes more after {UPLOADS} uploads");
    });
}
