//! The peer's places, where QUIC would free one too early.
//!
//! A stream holds its place among those the peer may open until the handles at this side are gone: that stops a
//! flood of calls that are opened and given up while their handlers run. QUIC frees the place when both halves
//! are over, whoever still holds a handle. So for each such handle the number of places is one less, from before
//! its half can be over until it is dropped.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use ipfi_core::limits::Limits;

use super::lock;
use crate::config::{QuicOptions, bidirectional, first_bidirectional};

/// How many places are withheld, by kind.
pub(super) struct Places {
    connection: quinn::Connection,
    bi: Mutex<Withheld>,
    uni: Mutex<Withheld>,
    /// How many bidirectional streams are to be accepted until the peer gets all of its places.
    few: AtomicU32,
    all_bi: u32,
}

struct Withheld {
    places: u32,
    withheld: u32,
}

/// Streams of the peer's that are not ipfi's, and stay open as long as the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Others {
    pub(super) bi: u32,
    pub(super) uni: u32,
}

/// Which kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bi,
    Uni,
}

impl Places {
    /// The peer has `others` open beside ipfi's.
    pub(super) fn new(
        connection: &quinn::Connection,
        limits: &Limits,
        options: &QuicOptions,
        others: Others,
    ) -> Self {
        let some = |places| Mutex::new(Withheld { places, withheld: 0 });
        let first = first_bidirectional(limits, options).saturating_add(others.bi);
        let all_bi = bidirectional(limits, options).saturating_add(others.bi);
        let this = Self {
            connection: connection.clone(),
            bi: some(first),
            uni: some(limits.max_inbound_notifications.saturating_add(others.uni)),
            few: AtomicU32::new(if first < all_bi { first / 2 } else { 0 }),
            all_bi,
        };
        if others != Others::default() {
            this.change(Kind::Bi, |withheld| withheld);
            this.change(Kind::Uni, |withheld| withheld);
        }
        this
    }

    /// The peer has another unidirectional stream open that is not ipfi's, for as long as the connection lives.
    pub(super) fn one_more_uni(&self) {
        let mut uni = lock(&self.uni);
        uni.places = uni.places.saturating_add(1);
        drop(uni);
        self.change(Kind::Uni, |withheld| withheld);
    }

    /// A bidirectional stream was accepted.
    #[inline]
    pub(super) fn accepted(&self) {
        let one_less = |few: u32| few.checked_sub(1);
        if self.few.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) == Ok(1) {
            lock(&self.bi).places = self.all_bi;
            self.change(Kind::Bi, |withheld| withheld);
        }
    }

    /// One place of the peer's stays taken, whatever becomes of its stream.
    pub(super) fn withhold(&self, kind: Kind) {
        self.change(kind, |withheld| withheld + 1);
    }

    /// Its handle is gone.
    pub(super) fn release(&self, kind: Kind) {
        self.change(kind, |withheld| withheld.saturating_sub(1));
    }

    fn change(&self, kind: Kind, change: impl FnOnce(u32) -> u32) {
        // Under the lock, so that the last number told to quinn is the last one that holds.
        let mut places = lock(match kind {
            Kind::Bi => &self.bi,
            Kind::Uni => &self.uni,
        });
        places.withheld = change(places.withheld);
        let left = places.places.saturating_sub(places.withheld).into();
        match kind {
            Kind::Bi => self.connection.set_max_concurrent_bi_streams(left),
            Kind::Uni => self.connection.set_max_concurrent_uni_streams(left),
        }
    }
}
