//! Streams that nobody reads. [A10]

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use interop_tests::conformance::kit::{ECHO, ECHO_BYTES, NEVER_READS, OWN, SUM, sleep_ms, standard};
use interop_tests::quic_pair;
use ipfi_core::call::Isolation;
use ipfi_core::close_code::StreamCode;
use ipfi_core::{Code, Interface, Receiver, Status};
use tokio::time::{Instant, timeout};

use super::kit::{ADA, Answer, Raw, client, connect_quinn, ms, net, options, request, serve, server_address};

/// What one stream has brought to the receiver, as far as its sender knows.
#[derive(Debug, Default)]
struct Sent {
    bytes: AtomicU64,
    /// With what it was stopped, and one more.
    stopped: AtomicU64,
}

/// What all streams together that were not stopped have brought.
#[derive(Debug, Default)]
struct Held {
    now: AtomicU64,
    most: AtomicU64,
}

impl Held {
    fn add(&self, bytes: u64) {
        let now = self.now.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.most.fetch_max(now, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_streams_that_nobody_reads_hold_twenty_mib_at_most_and_other_calls_go_on() {
    const STREAMS: usize = 100;
    let (net, tls, some) = (net(5), quic_pair::tls(false), options(|_| {}));
    let serving = serve(&net, &tls.1, &some, standard());
    let raw = Raw::connect(&client(&net, &tls.0, &some)).await;
    // So little is kept at the sender that what it got rid of is at the receiver.
    raw.quinn.set_send_window(64 << 10);
    let (mut sent, held) = (Vec::new(), Arc::new(Held::default()));
    for _ in 0..STREAMS {
        let stream = raw.call(&request(NEVER_READS), false).await;
        let brought = Arc::new(Sent::default());
        sent.push(Arc::clone(&brought));
        let held = Arc::clone(&held);
        tokio::spawn(async move {
            let mut stream = stream;
            // Quinn does not tell a writer that waits for the connection's credit.
            let stopped = stream.send.stopped();
            let writing = async {
                while let Ok(bytes) = stream.send.write(&[1; 16 << 10]).await {
                    brought.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                    held.add(bytes as u64);
                }
                std::future::pending::<()>().await;
            };
            let stopped = tokio::select! {
                stopped = stopped => stopped,
                () = writing => return,
            };
            if let Ok(Some(code)) = stopped {
                brought.stopped.store(code.into_inner() + 1, Ordering::Relaxed);
                held.now.fetch_sub(brought.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
                let _ = stream.send.reset(code);
            }
            // The response stays wanted.
            std::future::pending::<()>().await;
        });
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..200 {
        sleep_ms(20).await;
        let asked = Instant::now();
        let mut call = raw.call(ADA, true).await;
        let answer = timeout(ms(60_000), call.answer()).await.expect("another call goes on");
        assert!(matches!(answer, Answer::Messages(_)), "{answer:?}");
        slowest = slowest.max(asked.elapsed());
    }
    let stopped: Vec<u64> = sent.iter().map(|sent| sent.stopped.load(Ordering::Relaxed)).collect();
    let given_up = stopped.iter().filter(|code| **code > 0).count();
    let most = held.most.load(Ordering::Relaxed);
    println!("held at most {} KiB; {given_up} streams given up; slowest call beside {slowest:?}", most >> 10);
    assert!(most <= 20 << 20, "{most}");
    assert!(given_up > 0, "nothing was given up");
    assert!(
        stopped.iter().all(|code| [0, StreamCode::RESOURCE_EXHAUSTED.0 + 1].contains(code)),
        "{stopped:?}"
    );
    assert_eq!(serving.last().close_reason(), None);
}

/// Sleeps for longer than anything here takes, then reads all its items and answers with their bytes.
const LATE: u64 = OWN;

#[tokio::test(start_paused = true)]
async fn large_calls_go_on_beside_streams_that_fill_the_window_and_those_given_up_say_so() {
    const UPLOADS: usize = 40;
    let late = standard().procedure_with_items(LATE, |(): (), mut items: Receiver<Bytes>| async move {
        sleep_ms(60_000).await;
        let mut bytes = 0;
        while let Some(item) = items.next().await {
            bytes += item?.len();
        }
        Ok::<usize, Status>(bytes)
    });
    let (net, tls, some) = (net(5), quic_pair::tls(false), options(|_| {}));
    let serving = serve(&net, &tls.1, &some, late);
    let connecting = client(&net, &tls.0, &some);
    let wire = connecting.connect(server_address(), "localhost", Interface::new()).await.unwrap();
    let mut uploads = Vec::new();
    for _ in 0..UPLOADS {
        let mut upload = wire.upload::<Bytes, usize>(LATE, ()).await.unwrap();
        uploads.push(tokio::spawn(async move {
            for _ in 0..32 {
                upload.send(Bytes::from(vec![1; 64 << 10])).await?;
            }
            upload.finish().await
        }));
    }
    sleep_ms(1000).await;
    for _ in 0..5 {
        let large = Bytes::from(vec![2; 2 << 20]);
        let answer = wire.call::<Bytes>(ECHO_BYTES, (large.clone(),)).await.unwrap();
        assert_eq!(answer.len(), large.len());
    }
    let mut given_up = 0;
    for upload in uploads {
        match upload.await.unwrap() {
            Ok(bytes) => assert_eq!(bytes, 2 << 20),
            Err(error) => {
                assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
                let limit = error.status().limit_seen().expect("it names the limit");
                assert_eq!(limit.name, "quic_connection_window_bytes");
                given_up += 1;
            }
        }
    }
    println!("{given_up} of {UPLOADS} uploads were given up");
    assert!((1..UPLOADS).contains(&given_up), "{given_up}");
    assert_eq!(serving.last().close_reason(), None);
}

#[tokio::test(start_paused = true)]
async fn streams_that_hold_little_are_not_given_up_because_the_window_was_full_before() {
    let late = standard().procedure_with_items(LATE, |(): (), mut items: Receiver<Bytes>| async move {
        sleep_ms(150).await;
        let mut bytes = 0;
        while let Some(item) = items.next().await {
            bytes += item?.len();
        }
        Ok::<usize, Status>(bytes)
    });
    let (net, tls, some) = (net(5), quic_pair::tls(false), options(|_| {}));
    let serving = serve(&net, &tls.1, &some, late);
    let connecting = client(&net, &tls.0, &some);
    let quinn = connect_quinn(&connecting).await;
    let wire = ipfi_quic::endpoint::wire(quinn.clone(), Interface::new(), &some);
    let uploads = (0..40).map(|_| {
        let wire = wire.clone();
        async move {
            let mut upload = wire.upload::<Bytes, usize>(LATE, ()).await?;
            for _ in 0..32 {
                upload.send(Bytes::from(vec![1; 64 << 10])).await?;
            }
            upload.finish().await
        }
    });
    for bytes in futures_util::future::join_all(uploads).await {
        assert_eq!(bytes.unwrap(), 2 << 20);
    }
    assert!(quinn.stats().frame_tx.data_blocked > 0, "the window was never full");
    let mut idle = Vec::new();
    for _ in 0..30 {
        let mut upload = wire.upload::<Bytes, u64>(NEVER_READS, ()).await.unwrap();
        upload.send(Bytes::from_static(b"little")).await.unwrap();
        idle.push(upload);
    }
    for wait in [100, 10_000] {
        sleep_ms(wait).await;
        for upload in &mut idle {
            upload.send(Bytes::from_static(b"more")).await.unwrap();
        }
    }
    for upload in &idle {
        assert!(!upload.is_stopped());
    }
    assert_eq!(serving.last().inbound_calls(), 30);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_waited_for_and_not_taken_do_not_freeze_the_wire() {
    let large = standard().procedure(LATE, |(): ()| async move { Bytes::from(vec![1; 2 << 20]) });
    let (net, tls, some) = (net(5), quic_pair::tls(false), options(|_| {}));
    let _serving = serve(&net, &tls.1, &some, large);
    let connecting = client(&net, &tls.0, &some);
    let wire = connecting.connect(server_address(), "localhost", Interface::new()).await.unwrap();
    // As those of `buffer_unordered`, while the loop around it waits for something else.
    let mut calls: Vec<_> = (0..32)
        .map(|_| Box::pin(wire.call::<Bytes>(LATE, ()).isolation(Isolation::OwnStream).into_future()))
        .collect();
    for call in &mut calls {
        assert!(futures_util::poll!(call).is_pending());
    }
    sleep_ms(100).await;
    // Not a shared one: it needs the window, too.
    let own = wire.call::<String>(ECHO, ("x",)).isolation(Isolation::OwnStream);
    let answer = timeout(Duration::from_secs(5), own.into_future()).await.expect("another call goes on");
    assert_eq!(answer.unwrap(), "x");
    let mut given_up = 0;
    for call in calls {
        match call.await {
            Ok(answer) => assert_eq!(answer.len(), 2 << 20),
            Err(error) => {
                assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
                given_up += 1;
            }
        }
    }
    println!("{given_up} of 32 answers were given up");
    assert!((1..32).contains(&given_up), "{given_up}");
}

#[tokio::test(start_paused = true)]
async fn streams_that_hold_nothing_are_not_given_up_for_those_that_do() {
    let chunks = |(): ()| futures_util::stream::repeat_with(|| Bytes::from(vec![1; 64 << 10])).take(32);
    let offered = standard().sequence(LATE, chunks);
    let (net, tls, some) = (net(5), quic_pair::tls(false), options(|_| {}));
    let _serving = serve(&net, &tls.1, &some, offered);
    let connecting = client(&net, &tls.0, &some);
    let wire = connecting.connect(server_address(), "localhost", Interface::new()).await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(wire.upload::<u64, u64>(SUM, ()).await.unwrap());
    }
    let mut unread = Vec::new();
    for _ in 0..24 {
        unread.push(wire.stream::<Bytes>(LATE, ()).await.unwrap());
    }
    sleep_ms(10_000).await;
    let own = wire.call::<String>(ECHO, ("x",)).isolation(Isolation::OwnStream);
    assert_eq!(timeout(Duration::from_secs(5), own.into_future()).await.unwrap().unwrap(), "x");
    for upload in idle {
        assert_eq!(upload.finish().await.unwrap(), 0);
    }
    let mut given_up = 0;
    for mut items in unread {
        while let Some(item) = items.next().await {
            if item.is_err() {
                given_up += 1;
            }
        }
    }
    assert!((1..24).contains(&given_up), "{given_up}");
}
