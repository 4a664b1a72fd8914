//! Datagrams (RFC 9221).

use std::task::Poll;

use bytes::Bytes;
use ipfi_core::error::DatagramError;
use ipfi_core::session::Session;

use super::ops::*;
use super::{Claim, Outcome, Pair};

pub(super) fn claims<S: Session>() -> Vec<Claim<S>> {
    vec![
        Claim::new("datagrams arrive whole in both directions, where they are carried", round_trip),
        Claim::new("a datagram of the largest size arrives, a larger one names the limit", size),
        Claim::new("a peer that takes no datagrams is sent none", unsupported)
            .with(|limits| limits.max_datagram_frame_bytes = 0),
        Claim::new("datagrams that nobody takes are bounded", bounded),
    ]
}

/// Sends until one arrives: datagrams may be lost.
async fn arrives<S: Session>(from: &S, to: &S, payload: &Bytes) -> Outcome {
    for _ in 0..20 {
        ok("send_datagram", from.send_datagram(payload.clone()))?;
        settle().await;
        if let Poll::Ready(seen) = once(|cx| to.poll_recv_datagram(cx)) {
            return same_bytes("the datagram", &ok("recv_datagram", seen)?, payload);
        }
    }
    Err("none of 20 datagrams arrived".into())
}

async fn round_trip<S: Session>(Pair { a, b, datagrams, .. }: Pair<S>) -> Outcome {
    if !datagrams {
        return equal("sending", a.send_datagram("x".into()), Err(DatagramError::Unsupported));
    }
    for len in [0, 1, 63, 64, 1000] {
        arrives(&a, &b, &pattern(len, len)).await?;
        arrives(&b, &a, &pattern(len, len)).await?;
    }
    // The waiting receiver is woken, too.
    let sending = async {
        loop {
            settle().await;
            ok("send_datagram", a.send_datagram("wake".into()))?;
        }
    };
    let seen = tokio::select! {
        failed = alone(sending) => return failed,
        seen = alone(recv_datagram(&b)) => ok("recv_datagram", seen)?,
    };
    equal("the datagram", seen, Bytes::from("wake"))
}

async fn size<S: Session>(Pair { a, b, datagrams, .. }: Pair<S>) -> Outcome {
    if !datagrams {
        return equal("max_datagram_bytes", a.max_datagram_bytes(), None);
    }
    let limit = a.max_datagram_bytes().ok_or("max_datagram_bytes: expected a size, saw none")?;
    that("what is promised to be portable fits", limit >= 1000)?;
    arrives(&a, &b, &pattern(1, limit)).await?;
    // A carrier that finds out what its path carries may by now take more.
    let limit = a.max_datagram_bytes().ok_or("max_datagram_bytes: expected a size, saw none")?;
    let sent = a.send_datagram(pattern(1, limit + 1));
    equal("one byte more", sent, Err(DatagramError::TooLarge { seen: limit + 1, limit }))
}

async fn unsupported<S: Session>(Pair { a, b, .. }: Pair<S>) -> Outcome {
    for session in [&a, &b] {
        equal("max_datagram_bytes", session.max_datagram_bytes(), None)?;
        equal("sending", session.send_datagram("x".into()), Err(DatagramError::Unsupported))?;
    }
    Ok(())
}

/// What a datagram may have on every carrier, in bytes: some bound what waits by its bytes.
const PORTABLE: usize = 1000;

async fn bounded<S: Session>(Pair { a, b, limits, datagrams }: Pair<S>) -> Outcome {
    if !datagrams {
        return Ok(());
    }
    let max = usize::try_from(limits.max_queued_datagrams).map_err(|error| error.to_string())?;
    for _ in 0..4 * max {
        match a.send_datagram(pattern(1, PORTABLE)) {
            // Both are fine: the queue is full here, or it will be full there.
            Ok(()) | Err(DatagramError::QueueFull) => {}
            Err(other) => return Err(format!("sending: {other:?}")),
        }
    }
    settle().await;
    let mut taken = 0;
    while let Poll::Ready(seen) = once(|cx| b.poll_recv_datagram(cx)) {
        ok("recv_datagram", seen)?;
        taken += 1;
    }
    that("some were kept", taken > 0)?;
    that(&format!("the {taken} kept are at most {max}"), taken <= max)?;
    // The flood is over; the next one arrives.
    arrives(&a, &b, &pattern(2, 100)).await
}
