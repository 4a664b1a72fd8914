//! ipfi itself over TCP, as a user has it: the facade, default limits, the default codec.

use std::io;

use ipfi::{Interface, Server, Wire};

use crate::peer::{Client, Peer};

pub(crate) struct Ipfi;

/// A wire is a handle already.
#[derive(Clone)]
pub(crate) struct IpfiClient(Wire);

impl Peer for Ipfi {
    const NAME: &'static str = "ipfi";
    const PIPELINES: bool = true;
    type Client = IpfiClient;

    async fn connect() -> io::Result<IpfiClient> {
        let mut limits = ipfi::Limits::default();
        // The largest workload has 1024 calls outstanding; the default limit of 256 would queue the rest.
        (limits.max_inbound_calls, limits.abuse_budget) = (1024, 3000);
        let interface = Interface::new().procedure(0, |(text,): (String,)| async move { text });
        let server = Server::new(interface).limits(limits).listen("tcp://127.0.0.1:0").bind().await;
        let server = server.map_err(io::Error::other)?;
        let url = server.addresses().remove(0);
        tokio::spawn(server.run());
        ipfi::connect(&url).await.map(IpfiClient).map_err(io::Error::other)
    }
}

impl Client for IpfiClient {
    async fn echo(&self, text: &str) -> io::Result<String> {
        self.0.call(0, (text,)).await.map_err(io::Error::other)
    }
}
