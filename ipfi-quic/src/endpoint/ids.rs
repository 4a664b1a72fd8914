//! The connection ids that an endpoint of ours gives out.
//!
//! Quinn's own have three random bytes, and it looks for one that is free only when a connection begins, not when a
//! client is asked to prove its address. A server that has some thousand connections, each with several ids, then gives
//! one client in a thousand an id that a connection has: what that client sends goes there and is lost, until the other
//! connection is gone.

use core::hash::BuildHasher;
use core::time::Duration;
use std::hash::RandomState;

use quinn::{ConnectionId, ConnectionIdGenerator};
use quinn_proto::{InvalidCid, RandomConnectionIdGenerator};

/// So many that two are never alike.
const RANDOM_BYTES: usize = 6;

/// As long as quinn's.
const ID_BYTES: usize = 8;

/// Makes ids of random bytes and, behind them, two by which it knows them again: a datagram that belongs to nobody is
/// dropped rather than answered with a reset.
#[derive(Debug)]
pub(super) struct Ids {
    random: RandomConnectionIdGenerator,
    key: RandomState,
}

impl Ids {
    pub(super) fn new() -> Self {
        Self { random: RandomConnectionIdGenerator::new(RANDOM_BYTES), key: RandomState::new() }
    }

    fn complete(&self, random: &[u8]) -> ConnectionId {
        let mark = self.key.hash_one(random).to_le_bytes();
        let mut id = [0; ID_BYTES];
        id.iter_mut().zip(random.iter().take(RANDOM_BYTES).chain(&mark)).for_each(|(id, byte)| *id = *byte);
        ConnectionId::new(&id)
    }
}

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        let random = self.random.generate_cid();
        self.complete(&random)
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        match id.get(..RANDOM_BYTES) {
            Some(random) if self.complete(random) == *id => Ok(()),
            _ => Err(InvalidCid),
        }
    }

    fn cid_len(&self) -> usize {
        ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests;
