//! Calls over memory: the core alone, and no runtime.

use std::pin::pin;
use std::sync::Arc;

use futures_executor::block_on;
use futures_util::future::{Either, join, select};
use ipfi_core::limits::Limits;
use ipfi_core::memory::{MemoryOptions, pair};
use ipfi_core::runtime::{Runtime, Sleep, Task};
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use ipfi_core::{Interface, Peer, Wire, WireOptions};

use crate::calls::{echo, interface};

/// Every call is answered at its first poll, so nothing needs to be run; time stands still.
struct Still;

impl Runtime for Still {
    fn spawn(&self, _: Task) {
        unreachable!("the handler is ready at once");
    }

    fn spawn_blocking(&self, _: Box<dyn FnOnce() + Send>) {
        unreachable!("no procedure blocks");
    }

    fn now(&self) -> Time {
        Time::ZERO
    }

    fn sleep_until(&self, _: Time) -> Sleep {
        Box::pin(futures_util::future::pending())
    }
}

/// Unary calls, one after another.
pub(crate) fn calls(times: u64) {
    let (near, far) = pair(MemoryOptions::new(Limits::default()));
    let options = |interface, side| WireOptions::new(interface, Peer::new(side, "memory"));
    let (client, near) = Wire::new(near, Arc::new(Still), options(Interface::new(), Side::Server));
    let (_server, far) = Wire::new(far, Arc::new(Still), options(interface(), Side::Client));
    let calling = async {
        for _ in 0..times {
            echo(&client).await;
        }
    };
    match block_on(select(pin!(calling), pin!(join(near, far)))) {
        Either::Left(_) => {}
        Either::Right((ends, _)) => panic!("the connection ended: {ends:?}"),
    }
}
