//! The peers, one module each.

mod bare_ids;
#[cfg(feature = "capnp")]
mod capnp;
mod ipfi;
#[cfg(feature = "ipfi_0_1")]
mod ipfi_0_1;
#[cfg(feature = "_quic")]
mod ipfi_quic;
#[cfg(feature = "irpc")]
mod irpc;
#[cfg(feature = "jsonrpsee")]
mod jsonrpsee;
mod per_stream;
#[cfg(feature = "qmux")]
mod qmux;
#[cfg(feature = "_quic")]
mod quic;
mod raw;
#[cfg(feature = "_quic")]
mod raw_quinn;
#[cfg(feature = "_raw_ws")]
mod raw_ws;
#[cfg(feature = "remoc")]
mod remoc;
pub(crate) mod socket;
#[cfg(feature = "tarpc")]
mod tarpc;
#[cfg(feature = "tonic")]
mod tonic;
#[cfg(feature = "tonic_web")]
mod tonic_web;
#[cfg(feature = "yamux")]
mod yamux;

use tokio::net::{TcpStream, UnixStream};

use crate::peer::{Kind, Needs, Offers, Peer, Result};
use crate::process;
use crate::sample::{Sample, Setup, runtime};
use crate::workloads::Workload;

/// A peer made a value, so that peers of different types fit one list.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) offers: Offers,
    /// Takes one sample, in this process.
    pub(crate) sample: fn(Workload, Setup) -> Result<Sample>,
    /// Serves, as a process of its own.
    pub(crate) serve: fn(Needs) -> Result<()>,
}

fn entry<P: Peer>() -> Entry {
    Entry { name: P::NAME, kind: P::KIND, offers: P::OFFERS, sample: sample::<P>, serve: process::serve::<P> }
}

/// Runs `workload` once against `P`.
fn sample<P: Peer>(workload: Workload, setup: Setup) -> Result<Sample> {
    // Spawned, because the thread that blocks on it would be a third one.
    let runtime = runtime()?;
    runtime.block_on(async { tokio::spawn(workload.run::<P>(setup)).await? })
}

/// All that this build has. ipfi is first: the others are compared with it.
pub(crate) fn all() -> Vec<Entry> {
    vec![
        entry::<ipfi::Ipfi<ipfi::Tcp>>(),
        entry::<ipfi::Ipfi<ipfi::Unix>>(),
        #[cfg(feature = "ipfi_tls")]
        entry::<ipfi::Ipfi<ipfi::Tls>>(),
        #[cfg(feature = "ipfi_ws")]
        entry::<ipfi::Ipfi<ipfi::Ws>>(),
        #[cfg(feature = "ipfi_quic")]
        entry::<ipfi_quic::IpfiQuic<ipfi_quic::Shared>>(),
        #[cfg(feature = "ipfi_quic_streams")]
        entry::<ipfi_quic::IpfiQuic<ipfi_quic::Streams>>(),
        #[cfg(feature = "raw_quinn")]
        entry::<raw_quinn::RawQuinn<raw_quinn::Defaults>>(),
        #[cfg(feature = "raw_quinn_mtu")]
        entry::<raw_quinn::RawQuinn<raw_quinn::AsIpfi>>(),
        #[cfg(feature = "irpc")]
        entry::<irpc::Irpc>(),
        entry::<raw::Raw<TcpStream>>(),
        entry::<raw::Raw<UnixStream>>(),
        entry::<bare_ids::BareIds>(),
        #[cfg(feature = "raw_ws")]
        entry::<raw_ws::RawWs<raw_ws::Together>>(),
        #[cfg(feature = "raw_ws_ready")]
        entry::<raw_ws::RawWs<raw_ws::Ready>>(),
        #[cfg(feature = "raw_ws_each")]
        entry::<raw_ws::RawWs<raw_ws::Each>>(),
        #[cfg(feature = "tarpc")]
        entry::<tarpc::Tarpc>(),
        #[cfg(feature = "remoc")]
        entry::<remoc::Remoc>(),
        #[cfg(feature = "tonic")]
        entry::<tonic::Tonic<tonic::Tcp>>(),
        #[cfg(feature = "tonic_tls")]
        entry::<tonic::Tonic<tonic::Tls>>(),
        #[cfg(feature = "tonic_web")]
        entry::<tonic_web::TonicWeb>(),
        #[cfg(feature = "capnp")]
        entry::<capnp::Capnp>(),
        #[cfg(feature = "jsonrpsee")]
        entry::<jsonrpsee::Jsonrpsee>(),
        #[cfg(feature = "ipfi_0_1")]
        entry::<ipfi_0_1::Ipfi01>(),
        #[cfg(feature = "yamux")]
        entry::<yamux::Yamux>(),
        #[cfg(feature = "qmux")]
        entry::<qmux::Qmux>(),
    ]
}

/// The one of that name.
pub(crate) fn find(name: &str) -> Result<Entry> {
    let entry = all().into_iter().find(|entry| entry.name == name);
    entry.ok_or_else(|| format!("this build has no peer {name}").into())
}
