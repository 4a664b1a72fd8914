//! A peer in this process.

use std::sync::Arc;

use ipfi_core::memory::{MemoryOptions, pair};
use ipfi_core::session::Side;
use ipfi_core::{Interface, Peer, Wire, WireOptions};
use ipfi_mux::TokioRuntime;

/// A wire to `interface` itself, with neither sockets nor bytes of frames between: for tests of what is written against a
/// wire, a typed client above all.
///
/// ```
/// # use ipfi::Interface;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ipfi::CallError> {
/// let interface = Interface::new().procedure(0, |(name,): (String,)| async move { format!("Hello, {name}!") });
/// let wire = ipfi::in_process(interface);
/// let greeting: String = wire.call(0, ("Ada",)).await?;
/// # assert_eq!(greeting, "Hello, Ada!");
/// # Ok(()) }
/// ```
///
/// Calls are what they are over any carrier: values are encoded, limits and deadlines hold, dropping cancels. It ends
/// when the last handle is dropped.
///
/// # Panics
///
/// Outside of a tokio runtime, whose tasks run the handlers.
pub fn in_process<S>(interface: Interface<S>) -> Wire {
    let server = WireOptions::new(interface, Peer::new(Side::Client, "memory"));
    let client = WireOptions::new(Interface::new(), Peer::new(Side::Server, "memory"));
    let (near, far) = pair(MemoryOptions::new(client.limits_ref().clone()));
    let runtime = Arc::new(TokioRuntime::current());
    let (wire, near) = Wire::new(near, runtime.clone(), client);
    let (held, far) = Wire::new(far, runtime, server);
    tokio::spawn(near);
    tokio::spawn(async move {
        far.await;
        // The connection lives while a handle does, at either end.
        drop(held);
    });
    wire
}
