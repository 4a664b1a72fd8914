//! What is under way: ordered by when it arrives, and by when it was sent where that is the same.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

/// What is under way.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    heap: BinaryHeap<Entry<T>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Duration,
    sequence: u64,
    item: T,
}

impl<T> Schedule<T> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }

    pub(super) fn push(&mut self, at: Duration, item: T) {
        self.heap.push(Entry { at, sequence: self.sequence, item });
        self.sequence += 1;
    }

    /// The next that has arrived by now.
    pub(super) fn pop(&mut self, now: Duration) -> Option<T> {
        let due = self.next_at().is_some_and(|at| at <= now);
        if due { self.heap.pop().map(|entry| entry.item) } else { None }
    }

    /// When the next arrives.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.heap.peek().map(|entry| entry.at)
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        // The other way round: the heap gives its greatest.
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}
