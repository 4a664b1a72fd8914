//! The index of streams against a plain map.

use std::collections::BTreeMap;

use ipfi_core::session::Side;
use proptest::prelude::*;

use super::{ById, MAX_PLACES, MIN_PLACES};
use crate::stream_id::{Dir, StreamId};
use crate::streams::StreamKey;

proptest! {
    /// Streams of two kinds are opened in order and end in any order, some of them very late.
    #[test]
    fn whatever_opens_and_ends_each_live_stream_is_found_and_no_other(
        steps in proptest::collection::vec((any::<bool>(), 0usize..40, any::<prop::sample::Index>()), 0..200)
    ) {
        let (mut by_id, mut model, mut next) = (ById::default(), BTreeMap::new(), [0u64; 2]);
        for (server, opens, ended) in steps {
            let side = if server { Side::Server } else { Side::Client };
            for _ in 0..opens {
                let id = StreamId::new(side, Dir::Bi, next[usize::from(server)]);
                next[usize::from(server)] += 1;
                let key = StreamKey::new(model.len());
                by_id.insert(id, key);
                model.insert(id, key);
            }
            for _ in 0..opens.saturating_sub(1) {
                let id = *model.keys().nth(ended.index(model.len())).expect("an index is within the length");
                model.remove(&id);
                by_id.remove(id);
                prop_assert_eq!(by_id.get(id), None);
                by_id.remove(id);
            }
            prop_assert_eq!(by_id.len, model.len());
            for (id, key) in &model {
                prop_assert_eq!(by_id.get(*id), Some(*key));
            }
        }
    }
}

#[test]
fn streams_that_stay_cost_the_table_nothing_and_it_does_not_grow_without_end() {
    let mut by_id = ById::default();
    let id = |index| StreamId::new(Side::Client, Dir::Bi, index);
    by_id.insert(id(0), StreamKey::new(0));
    for index in 1..100_000 {
        by_id.insert(id(index), StreamKey::new(1));
        assert_eq!(by_id.get(id(0)), Some(StreamKey::new(0)));
        by_id.remove(id(index));
    }
    assert_eq!(by_id.recent.len(), MIN_PLACES);
    assert_eq!(by_id.old.len(), 1, "the one that stayed");

    for index in 100_000..110_000 {
        by_id.insert(id(index), StreamKey::new(2));
    }
    assert_eq!(by_id.recent.len(), MAX_PLACES);
    assert_eq!(by_id.get(id(100_000)), Some(StreamKey::new(2)));
    for index in 100_000..110_000 {
        by_id.remove(id(index));
    }
    by_id.shrink_to_fit();
    assert!(by_id.memory() < 40 << 10, "{}", by_id.memory());
}
