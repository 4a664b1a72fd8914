//! Makes as many unary calls as the argument says, over memory, on one thread, and asks for nothing that could
//! differ between two runs: a count of its instructions is the same every time.

use std::sync::Arc;

use futures_executor::block_on;
use futures_util::future::{Either, join, select};
use ipfi_core::limits::Limits;
use ipfi_core::memory::{MemoryOptions, pair};
use ipfi_core::runtime::{Runtime, Sleep, Task};
use ipfi_core::session::Side;
use ipfi_core::time::Time;
use ipfi_core::{Interface, Peer, Wire, WireOptions};

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

fn main() {
    let calls: u64 = std::env::args().nth(1).and_then(|calls| calls.parse().ok()).unwrap_or(1000);
    let (near, far) = pair(MemoryOptions::new(Limits::default()));
    let peer = |side| Peer::new(side, "memory");
    let echo = Interface::new().procedure(0, |(text,): (String,)| async move { text });
    let (client, near) =
        Wire::new(near, Arc::new(Still), WireOptions::new(Interface::new(), peer(Side::Server)));
    let (_server, far) = Wire::new(far, Arc::new(Still), WireOptions::new(echo, peer(Side::Client)));
    let calling = async move {
        for _ in 0..calls {
            let text: String =
                client.call(0, ("32 bytes of text, as a user has.",)).await.expect("it is answered");
            assert_eq!(text.len(), 32);
        }
    };
    block_on(async {
        let (calling, serving) = (std::pin::pin!(calling), join(near, far));
        match select(calling, serving).await {
            Either::Left(_) => {}
            Either::Right((ends, _)) => panic!("the connection ended: {ends:?}"),
        }
    });
}
