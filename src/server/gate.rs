//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections and refuses those over a limit.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    max: usize,
    max_per_address: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    gate: Gate,
    address: Option<IpAddr>,
}

/// Which limit a connection was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("too many connections: limit max_connections = {0}")]
    All(usize),
    #[error(
        "too many connections from this address, or its IPv6 /64 prefix: limit max_connections_per_address = {0}"
    )]
    Address(usize),
}

impl Gate {
    pub(super) fn new(max: usize, max_per_address: usize) -> Self {
        Self(Arc::new(Inner { max, max_per_address, held: Mutex::default() }))
    }

    /// A place for a connection, from `address` where the carrier has such a thing.
    pub(super) fn enter(&self, address: Option<IpAddr>) -> Result<Place, Full> {
        let address = address.map(one_peer);
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.all >= self.0.max {
            return Err(Full::All(self.0.max));
        }
        if let Some(address) = address {
            let from_there = held.by_address.entry(address).or_default();
            if *from_there >= self.0.max_per_address {
                return Err(Full::Address(self.0.max_per_address));
            }
            *from_there += 1;
        }
        held.all += 1;
        Ok(Place { gate: self.clone(), address })
    }
}

/// The address under which a peer is counted. With IPv6 that is its /64 prefix: whoever has one address
/// of it usually has all 2^64. An IPv4 address that a socket for both shows as IPv6 is itself.
fn one_peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.gate.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all -= 1;
        if let Some(address) = self.address
            && let Some(from_there) = held.by_address.get_mut(&address)
        {
            *from_there -= 1;
            if *from_there == 0 {
                held.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
