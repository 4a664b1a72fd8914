//! Pings, on a virtual clock: each side answers the other's, and neither lets a quiet connection die
//! (qmux-02 "QX_PING Frames", "Idle Timeout").

use std::time::Duration;

use ipfi_core::error::ConnectionError;
use ipfi_core::limits::Limits;
use ipfi_core::session::{Session as _, Side};
use ipfi_mux::MuxSession;
use ipfi_mux::driver::tokio::session;
use qmux::transport::Stream;
use web_transport_trait::{Session as _, Stats as _};

use crate::support::config;

/// Both over a pipe in memory, which a paused clock can follow.
async fn in_memory(our_side: Side, limits: Limits, config: qmux::Config) -> (MuxSession, qmux::Session) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let (reader, writer) = tokio::io::split(ours);
    let ours = session(reader, writer, our_side, limits).unwrap();
    let stream = Stream::new(theirs, config.version, config.max_record_size);
    let theirs = match our_side {
        Side::Client => qmux::Session::accept(stream, config).await,
        Side::Server => qmux::Session::connect(stream, config).await,
    };
    ours.established().await.unwrap();
    (ours, theirs.unwrap())
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn our_pings_are_answered_and_keep_a_quiet_connection() {
    for side in [Side::Client, Side::Server] {
        let mut config = config();
        // Its own pings are out of the way: what keeps the connection is ours.
        config.rtt_interval = Duration::ZERO;
        config.max_idle_timeout = 0;
        let (ours, theirs) = in_memory(side, Limits::default(), config).await;
        tokio::time::sleep(HOUR).await;
        assert_eq!(ours.close_reason(), None);
        drop(theirs);
    }
}

#[tokio::test(start_paused = true)]
async fn the_crates_pings_are_answered_and_keep_a_quiet_connection() {
    for side in [Side::Client, Side::Server] {
        let mut limits = Limits::default();
        limits.ping_interval = None;
        limits.idle_timeout = None;
        let (ours, theirs) = in_memory(side, limits, config()).await;
        tokio::time::sleep(HOUR).await;
        assert_eq!(ours.close_reason(), None);
        assert!(theirs.stats().rtt().is_some(), "the crate measures by pings that we answer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipe_that_goes_silent_ends_ours_with_an_idle_timeout() {
    // The crate's reader and writer stand still because nobody polls the relay between the two.
    let (ours, ours_far) = tokio::io::duplex(64 << 10);
    let (theirs, theirs_far) = tokio::io::duplex(64 << 10);
    let mut relay = Box::pin(async move {
        let (mut a, mut b) = (ours_far, theirs_far);
        tokio::io::copy_bidirectional(&mut a, &mut b).await
    });
    let (reader, writer) = tokio::io::split(ours);
    let ours = session(reader, writer, Side::Client, Limits::default()).unwrap();
    let config = config();
    let theirs = qmux::Session::accept(Stream::new(theirs, config.version, config.max_record_size), config);
    let theirs = tokio::select! {
        theirs = theirs => theirs.unwrap(),
        ended = &mut relay => panic!("the relay ended: {ended:?}"),
    };
    // A minute with the relay, then none.
    let _ = tokio::time::timeout(Duration::from_secs(60), &mut relay).await;
    assert_eq!(ours.close_reason(), None);
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert!(
        matches!(ours.close_reason(), Some(ConnectionError::IdleTimeout { .. })),
        "{:?}",
        ours.close_reason()
    );
    drop((theirs, relay));
}
