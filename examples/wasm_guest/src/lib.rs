//! A program inside WebAssembly that calls and is called, and that imports nothing.
//!
//! *Shows*: `Peer` where there are no sockets, threads or clocks; the module's exports take and return only
//! integers.
//! *Run*: `cargo run --example wasm`, which builds this and runs it.
//! *Expect*: see `examples/wasm.rs`.

// The lint counts the attribute that names an export as unsafe code: a name that another library of the same
// program has would be undefined behaviour. A module on its own has no other library.
#![allow(unsafe_code)]

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use ipfi::mux::bytewise::Peer;
use ipfi::{CallError, Context, Interface, Status};

/// Procedures of the host.
const IS_PRIME: u64 = 0;
const USER_NAME: u64 = 1;
const SAY: u64 = 2;

static PEER: LazyLock<Mutex<Peer>> = LazyLock::new(|| {
    let interface = Interface::new().procedure(0, |context: Context, (id,): (u32,)| async move {
        let name: String = context.wire().call(USER_NAME, (id,)).await?;
        Ok::<_, Status>(format!("Hello, {name}, from the inside!"))
    });
    Mutex::new(Peer::server(interface))
});

fn peer() -> MutexGuard<'static, Peer> {
    PEER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a byte from the host. Returns 0, or 1 when the connection has ended.
#[unsafe(no_mangle)]
pub extern "C" fn push(byte: i32) -> i32 {
    u8::try_from(byte).map_or(1, |byte| i32::from(peer().push(byte).is_err()))
}

/// Gives a byte to the host, or -1 when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn pull() -> i32 {
    peer().pull().map_or(-1, i32::from)
}

/// Looks for the first prime from `number` on, asking the host about each, and says what it found.
#[unsafe(no_mangle)]
pub extern "C" fn start_call(number: i32) {
    let mut peer = peer();
    let wire = peer.wire().clone();
    // The result has been told by then; nobody takes it.
    let _ = peer.spawn(async move {
        let mut candidate = u64::from(number.unsigned_abs());
        while !wire.call::<bool>(IS_PRIME, (candidate,)).await? {
            candidate += 1;
        }
        wire.notify(SAY, (format!("the first prime from {number} on is {candidate}"),)).await?;
        Ok::<_, CallError>(())
    });
}
