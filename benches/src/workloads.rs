//! The workloads: what each is called, what it asks of a peer, and which of its figures is compared.

mod beside;
mod calls;
mod connections;
mod frames;
mod streams;

use crate::peer::{Handshake, Needs, Offers, Peer, Result};
use crate::sample::{Metric, Sample, Setup};

/// One workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// For the headline of its table.
    pub(crate) about: &'static str,
    /// The figure that peers are compared by.
    pub(crate) compared: Metric,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Calls { outstanding: usize },
    Counts { outstanding: usize },
    Items { sequences: usize },
    Bulk { streams: usize },
    Download,
    Large { outstanding: usize },
    Beside { streams: usize },
    Connect { loops: usize, handshake: Handshake },
    Frames { at_once: usize },
    IdleStreams { streams: usize },
    IdleConnections { connections: usize },
    AcrossConnections { connections: usize },
    BesideIdle { streams: usize },
}

const fn of(name: &'static str, about: &'static str, compared: Metric, kind: Kind) -> Workload {
    Workload { name, about, compared, kind }
}

pub(crate) const WORKLOADS: &[Workload] = &[
    of("sequential", "one caller, one call after another", Metric::P50Us, Kind::Calls { outstanding: 1 }),
    of("outstanding_64", "64 independent callers", Metric::PerSecond, Kind::Calls { outstanding: 64 }),
    of("outstanding_512", "512 independent callers", Metric::PerSecond, Kind::Calls { outstanding: 512 }),
    of("outstanding_1024", "1024 independent callers", Metric::PerSecond, Kind::Calls { outstanding: 1024 }),
    of("items_1", "one sequence of 8-byte items", Metric::PerSecond, Kind::Items { sequences: 1 }),
    of("items_100", "100 sequences at once", Metric::PerSecond, Kind::Items { sequences: 100 }),
    of("bulk_1", "64 KiB chunks on one stream", Metric::MibPerSecond, Kind::Bulk { streams: 1 }),
    of("bulk_16", "64 KiB chunks on 16 streams", Metric::MibPerSecond, Kind::Bulk { streams: 16 }),
    of("download_1", "64 KiB chunks from the server", Metric::MibPerSecond, Kind::Download),
    of("large_8", "1 MiB echo, 8 outstanding", Metric::MibPerSecond, Kind::Large { outstanding: 8 }),
    of(
        "beside_bulk_8",
        "calls at a fixed rate beside 8 bulk streams",
        Metric::P99Us,
        Kind::Beside { streams: 8 },
    ),
    of("connect", "connect, call, close, in 8 loops", Metric::PerSecond, connect(Handshake::Full)),
    of("connect_resumed", "the same, sessions resumed", Metric::PerSecond, connect(Handshake::Resumed)),
    of("connect_early", "the same, the call as early data", Metric::PerSecond, connect(Handshake::Early)),
    of(
        "frames_1",
        "STREAM frames of a small call, one at a time",
        Metric::FramesAsking,
        Kind::Frames { at_once: 1 },
    ),
    of("frames_100", "the same, 100 at once", Metric::FramesAsking, Kind::Frames { at_once: 100 }),
    of(
        "counts_1",
        "what one call costs, one at a time",
        Metric::Allocations,
        Kind::Counts { outstanding: 1 },
    ),
    of("counts_128", "the same, 128 outstanding", Metric::Allocations, Kind::Counts { outstanding: 128 }),
    of(
        "idle_streams",
        "heap of an open stream that says nothing",
        Metric::HeapBytes,
        Kind::IdleStreams { streams: 10_000 },
    ),
    of(
        "idle_connections",
        "heap of a connection that says nothing",
        Metric::HeapBytes,
        Kind::IdleConnections { connections: 500 },
    ),
    of("connections_1", ACROSS, Metric::CpuUs, Kind::AcrossConnections { connections: 1 }),
    of("connections_10", ACROSS, Metric::CpuUs, Kind::AcrossConnections { connections: 10 }),
    of("connections_100", ACROSS, Metric::CpuUs, Kind::AcrossConnections { connections: 100 }),
    of("connections_1000", ACROSS, Metric::CpuUs, Kind::AcrossConnections { connections: 1000 }),
    of("streams_10", OPEN, Metric::CpuUs, Kind::BesideIdle { streams: 10 }),
    of("streams_1000", OPEN, Metric::CpuUs, Kind::BesideIdle { streams: 1000 }),
    of("streams_10000", OPEN, Metric::CpuUs, Kind::BesideIdle { streams: 10_000 }),
    of("streams_100000", OPEN, Metric::CpuUs, Kind::BesideIdle { streams: 100_000 }),
];

const fn connect(handshake: Handshake) -> Kind {
    Kind::Connect { loops: 8, handshake }
}

const ACROSS: &str = "8 callers on each of that many connections";
const OPEN: &str = "64 callers beside that many idle open streams";

impl Workload {
    /// Whether a peer that offers this can run it.
    pub(crate) fn fits(&self, offers: Offers) -> bool {
        match self.kind {
            Kind::Calls { outstanding: 1 }
            | Kind::Counts { outstanding: 1 }
            | Kind::Large { .. }
            | Kind::Connect { handshake: Handshake::Full, .. }
            | Kind::IdleConnections { .. } => true,
            Kind::Calls { .. } | Kind::Counts { .. } | Kind::AcrossConnections { .. } => offers.outstanding,
            Kind::Connect { .. } => offers.tickets,
            Kind::Frames { .. } => offers.stream_frames,
            Kind::Items { .. } => offers.items,
            Kind::Bulk { .. } | Kind::Beside { .. } => offers.bulk,
            Kind::Download => offers.download,
            Kind::IdleStreams { streams } => offers.idle >= streams,
            Kind::BesideIdle { streams } => offers.idle >= streams && offers.outstanding,
        }
    }

    /// The size it grows by, and the name of the workloads that differ by that alone.
    pub(crate) fn growth(&self) -> Option<(&'static str, usize)> {
        match self.kind {
            Kind::AcrossConnections { connections } => Some(("connections", connections)),
            Kind::BesideIdle { streams } => Some(("streams", streams)),
            _ => None,
        }
    }

    /// Whether the sample needs the allocator that counts, and so both ends in one process.
    pub(crate) fn counts_allocations(&self) -> bool {
        matches!(self.kind, Kind::Counts { .. } | Kind::IdleStreams { .. } | Kind::IdleConnections { .. })
    }

    /// Whether the sample's system calls are counted.
    pub(crate) fn counts_writes(&self) -> bool {
        matches!(self.kind, Kind::Counts { .. })
    }

    /// Runs it once.
    pub(crate) async fn run<P: Peer>(self, setup: Setup) -> Result<Sample> {
        let needs = |streams: usize, connections: usize| -> Result<Needs> {
            let (streams, connections) = (u32::try_from(streams)?, u32::try_from(connections)?);
            Ok(Needs { streams, connections, handshake: Handshake::Full })
        };
        match self.kind {
            Kind::Calls { outstanding } => {
                calls::rate::<P>(&setup, needs(outstanding, 1)?, outstanding).await
            }
            Kind::Counts { outstanding } => {
                calls::counts::<P>(&setup, needs(outstanding, 1)?, outstanding).await
            }
            Kind::Items { sequences } => streams::items::<P>(&setup, needs(sequences, 1)?, sequences).await,
            Kind::Download => streams::download::<P>(&setup, needs(1, 1)?).await,
            Kind::Bulk { streams } => streams::bulk::<P>(&setup, needs(streams, 1)?, streams).await,
            Kind::Large { outstanding } => {
                streams::large::<P>(&setup, needs(outstanding, 1)?, outstanding).await
            }
            // A slow peer falls behind the rate, and its calls pile up: as many as there are in all.
            Kind::Beside { streams } => {
                beside::bulk::<P>(&setup, needs(streams + beside::calls(&setup), 1)?, streams).await
            }
            Kind::Connect { loops, handshake } => {
                let needs = Needs { handshake, ..needs(1, 2 * loops)? };
                connections::connect::<P>(&setup, needs, loops).await
            }
            Kind::Frames { at_once } => frames::calls::<P>(&setup, needs(at_once, 1)?, at_once).await,
            Kind::IdleStreams { streams } => {
                let streams = setup.scaled(streams);
                streams::idle::<P>(&setup, needs(streams + 1, 1)?, streams).await
            }
            Kind::IdleConnections { connections } => {
                let connections = setup.scaled(connections);
                connections::idle::<P>(&setup, needs(1, connections + 1)?, connections).await
            }
            Kind::AcrossConnections { connections } => {
                let connections = setup.scaled(connections);
                connections::across::<P>(&setup, needs(8, connections)?, connections).await
            }
            Kind::BesideIdle { streams } => {
                let streams = setup.scaled(streams);
                streams::beside_idle::<P>(&setup, needs(streams + 64, 1)?, streams).await
            }
        }
    }
}
