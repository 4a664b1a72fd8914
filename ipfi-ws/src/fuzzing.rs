//! Bodies of the fuzz targets in `fuzz/`. They live here, compiled by every build and run by the tests on
//! their seeds, so that a change of the code under them cannot leave them behind.
//!
//! Not part of the interface: no version promise covers this module.

use std::io::Cursor;

use ipfi_core::Peer;
use ipfi_core::limits::Limits;
use ipfi_core::session::{Session, Side};
use tokio::io::{join, sink};
use tokio::runtime::Runtime;

use crate::config::WsOptions;
use crate::handshake::{client, server};
use crate::session::Upgraded;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime of one thread")
}

/// The key of a request, that of RFC 6455 section 1.3: an answer to one that is chosen anew each time is never right.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Whatever comes in place of a request or of an answer is taken, or refused in a sentence; never more is held than there may be.
/// The first byte says which side reads.
pub fn handshake(bytes: &[u8]) {
    let Some((side, bytes)) = bytes.split_first() else { return };
    let ws = WsOptions::default();
    let mut stream = join(bytes, sink());
    runtime().block_on(async {
        let fault = if side & 1 == 0 {
            let peer = Peer::new(Side::Client, "ws");
            server::accept(&mut stream, Some("/ipfi"), &ws, peer).await.map(drop).err()
        } else {
            client::answer(&mut stream, KEY, &ws).await.map(drop).err()
        };
        // A sentence without control characters, whatever the peer said.
        if let Some(fault) = fault {
            let said = fault.to_string();
            assert!(!said.chars().any(char::is_control), "{said:?}");
        }
    });
}

/// Whatever comes after the handshake ends the connection, with a cause, once it has ended itself. The first byte says which side
/// reads.
pub fn frames(bytes: &[u8]) {
    let Some((side, bytes)) = bytes.split_first() else { return };
    let side = if side & 1 == 0 { Side::Server } else { Side::Client };
    runtime().block_on(async {
        let stream = join(Cursor::new(bytes.to_vec()), sink());
        let upgraded = Upgraded::new(stream, Vec::new(), side);
        let session =
            upgraded.session(Limits::default(), &WsOptions::default()).await.expect("limits that work");
        while std::future::poll_fn(|cx| session.poll_accept_bi(cx)).await.is_ok() {}
        assert!(session.close_reason().is_some(), "a connection that has ended says why");
    });
}

#[cfg(test)]
mod tests;
