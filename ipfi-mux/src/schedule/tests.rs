//! The order in which streams are served.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use ipfi_core::session::Side;
use slab::Slab;

use super::{FRESH_PER_RING, QUANTUM, REFRESH_BYTES, Schedule};
use crate::stream_id::{Dir, StreamId};
use crate::streams::{Stream, StreamKey};

#[derive(Default)]
struct World {
    slots: Slab<Stream>,
    schedule: Schedule,
}

impl World {
    fn stream(&mut self, priority: i8) -> StreamKey {
        let index = self.slots.len() as u64;
        let mut stream = Stream::new(StreamId::new(Side::Client, Dir::Uni, index), None, None);
        stream.priority = priority;
        let key = StreamKey::new(self.slots.insert(stream));
        self.schedule.push(&mut self.slots, key);
        key
    }

    /// Serves the next stream a frame of at most `bytes`; it has more if `more`.
    fn serve(&mut self, bytes: u32, more: bool) -> StreamKey {
        let key = self.schedule.next().unwrap();
        let bytes = bytes.min(self.slots[key.index()].turn.allowance());
        self.schedule.served(&mut self.slots, key, bytes, more);
        key
    }

    /// A stream that has used up its first quantum.
    fn bulk(&mut self) -> StreamKey {
        let key = self.stream(0);
        assert_eq!(self.serve(QUANTUM, true), key);
        key
    }
}

#[test]
fn bulk_takes_turns_a_quantum_each() {
    let mut world = World::default();
    let bulk = [world.bulk(), world.bulk(), world.bulk()];
    for _ in 0..3 {
        for key in bulk {
            assert_eq!(world.serve(QUANTUM / 2, true), key);
            assert_eq!(world.serve(QUANTUM, true), key, "the rest of its quantum, no more");
        }
    }
}

#[test]
fn a_new_stream_goes_before_bulk() {
    let mut world = World::default();
    let bulk = [world.bulk(), world.bulk()];
    assert_eq!(world.serve(QUANTUM, true), bulk[0]);
    let small = world.stream(0);
    assert_eq!(world.serve(32, false), small);
    assert_eq!(world.serve(QUANTUM, true), bulk[1]);
}

#[test]
fn bulk_is_served_once_for_every_sixteen_new_streams() {
    let mut world = World::default();
    let bulk = world.bulk();
    world.serve(QUANTUM, true);
    let mut order = Vec::new();
    for _ in 0..5 * (FRESH_PER_RING + 1) {
        world.stream(0);
        order.push(world.serve(QUANTUM, false) == bulk);
        if order.last() == Some(&true) {
            world.schedule.push(&mut world.slots, bulk);
        }
    }
    assert_eq!(order.iter().filter(|bulk| **bulk).count(), 5);
}

#[test]
fn higher_priority_goes_first_however_much_there_is_of_the_lower() {
    let mut world = World::default();
    let (low, high) = (world.stream(-1), world.stream(i8::MAX));
    for _ in 0..40 {
        assert_eq!(world.serve(QUANTUM, true), high);
    }
    world.schedule.set_priority(&mut world.slots, high, i8::MIN);
    assert_eq!(world.serve(1, true), low);
    world.schedule.remove(&mut world.slots, low);
    assert_eq!(world.serve(1, false), high);
    assert!(world.schedule.is_empty());
}

#[test]
fn a_pause_does_not_make_bulk_new_but_a_long_one_does() {
    let mut world = World::default();
    let (paused, other) = (world.bulk(), world.bulk());
    assert_eq!(world.serve(100, true), paused);
    world.schedule.remove(&mut world.slots, paused);
    world.schedule.push(&mut world.slots, paused);
    assert_eq!(world.serve(QUANTUM, true), other, "it went to the end of the ring");
    world.schedule.remove(&mut world.slots, paused);
    for _ in 0..REFRESH_BYTES / u64::from(QUANTUM) {
        assert_eq!(world.serve(QUANTUM, true), other);
    }
    world.schedule.push(&mut world.slots, paused);
    assert_eq!(world.serve(100, true), paused);
}

#[test]
fn a_stream_of_occasional_small_items_stays_ahead_of_bulk() {
    let mut world = World::default();
    let bulk = world.bulk();
    let items = world.stream(0);
    assert_eq!(world.serve(50, false), items);
    for _ in 0..1000 {
        for _ in 0..16 {
            assert_eq!(world.serve(QUANTUM, true), bulk);
        }
        world.schedule.push(&mut world.slots, items);
        assert_eq!(world.serve(5000, false), items);
    }
}

#[test]
fn adding_and_removing_at_random_loses_nobody() {
    let mut world = World::default();
    let keys: Vec<_> = (0..50_u64).map(|index| world.stream(i8::try_from(index % 3).unwrap())).collect();
    let mut state = 7_u64;
    for _ in 0..10_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let key = keys[usize::try_from(state >> 40).unwrap() % 50];
        match (state >> 33) % 4 {
            0 => world.schedule.remove(&mut world.slots, key),
            1 => world.schedule.push(&mut world.slots, key),
            2 => world.schedule.set_priority(&mut world.slots, key, i8::try_from(state >> 60).unwrap()),
            _ if world.schedule.is_empty() => {}
            _ => drop(world.serve(9999, state & 1 == 0)),
        }
    }
    let mut left = keys.iter().filter(|key| world.slots[key.index()].turn.is_scheduled()).count();
    while !world.schedule.is_empty() {
        world.serve(1, false);
        left -= 1;
    }
    assert_eq!((left, world.schedule.next()), (0, None));
}
