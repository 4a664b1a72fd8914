//! The suite notices faults: a carrier with one thing wrong fails the claim about that thing.
//!
//! A check that cannot fail proves nothing. Each fault here is one that an adapter really has when it
//! is written in a hurry.

mod faulty;

use faulty::{Fault, Faulty};
use interop_tests::session_suite::{Carrier, run_matching};
use ipfi_core::limits::Limits;
use ipfi_core::memory::{MemoryOptions, MemorySession, pair};

impl Carrier for Fault {
    type Session = Faulty<MemorySession>;

    async fn pair(&self, mut limits: Limits) -> (Self::Session, Self::Session) {
        match self {
            Self::WindowIgnored => limits.stream_window_bytes = 10 << 20,
            Self::StreamLimitIgnored => limits.max_inbound_calls = 400,
            Self::DatagramsAlwaysTaken => limits.max_datagram_frame_bytes = 2000,
            _ => {}
        }
        let (client, server) = pair(MemoryOptions::new(limits));
        (Faulty::new(client, *self), Faulty::new(server, *self))
    }
}

const FAULTS: [(Fault, &str); 20] = [
    (Fault::WindowIgnored, "one stream's unread bytes are bounded"),
    (Fault::StreamLimitIgnored, "a call beyond the limit waits until a place is free"),
    (Fault::DatagramsAlwaysTaken, "a peer that takes no datagrams is sent none"),
    (Fault::DropFinishes, "dropping an unfinished send half resets with CANCELLED"),
    (Fault::DropOfRecvIsSilent, "dropping an unread receive half stops with CANCELLED"),
    (Fault::FinForgotten, "a stream with nothing but a FIN arrives as an empty stream"),
    (Fault::FinTooEarly, "a FIN is not accepted before all of its bytes are"),
    (Fault::ByteFlipped, "a megabyte each way at once arrives exactly"),
    (Fault::RestForgotten, "a write takes from its data exactly what was accepted"),
    (Fault::MaxIgnored, "a read returns at most what was asked for, and never nothing"),
    (Fault::ResetCodeForgotten, "a reset is seen by the waiting reader with its code"),
    (Fault::StopCodeForgotten, "a stop is seen by a waiting poll_stopped with its code"),
    (Fault::StopNotSeen, "dropping both halves of a call cancels both at the other end"),
    (Fault::PlaceFreedAtEnd, "a place is free only when the acceptor's handles are gone"),
    (Fault::PlaceInQueueLost, "whoever waits for a place is served in order"),
    (Fault::DroppedOpeningStays, "a dropped opening gives up its place in the queue"),
    (Fault::AcceptForgetsWaker, "accepting wakes the task that polled last"),
    (Fault::ReasonForgotten, "a close ends everything that waits, at both ends, with one cause"),
    (Fault::FlushedTooEarly, "closing after poll_flushed loses nothing that was finished"),
    (Fault::CloseReasonForgotten, "the reason for the end is known at both ends, and not before it"),
];

#[tokio::test(start_paused = true)]
async fn each_fault_fails_the_claim_about_it_in_both_roles() {
    for (fault, claim) in FAULTS {
        let report = run_matching(&fault, |name| name == claim).await;
        assert_eq!(report.results.len(), 2, "no claim is named {claim:?}");
        assert_eq!(report.failures().count(), 2, "{fault:?} went unnoticed: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wrapper_without_a_fault_fails_none_of_these_claims() {
    let report = run_matching(&Fault::None, |name| FAULTS.iter().any(|(_, claim)| *claim == name)).await;
    assert_eq!(report.results.len(), 2 * FAULTS.len());
    assert_eq!(report.failures().count(), 0, "{report}");
}
