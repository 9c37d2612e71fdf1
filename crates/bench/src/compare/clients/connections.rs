//! Connections to all nodes, which all clients share.

use anyhow::Context as _;
use tonic::transport::{Channel, Endpoint};

/// How much a node may send ahead of being read, so that no answer of a range waits for leave to be sent.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// So many connections to each node.
#[derive(Debug)]
pub(crate) struct Connections {
    /// Of each node, its connections.
    nodes: Vec<Vec<Channel>>,
}

impl Connections {
    /// Makes them.
    pub(crate) async fn open(addresses: &[String], each: usize) -> anyhow::Result<Self> {
        let mut nodes = Vec::new();
        for address in addresses {
            let endpoint = Endpoint::from_shared(format!("http://{address}"))?
                .initial_stream_window_size(STREAM_WINDOW_BYTES)
                .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
            let mut channels = Vec::new();
            for _ in 0..each {
                channels.push(endpoint.connect().await.with_context(|| format!("{address} is not reached"))?);
            }
            nodes.push(channels);
        }
        Ok(Self { nodes })
    }

    /// A connection to each node for a client, beginning with another node for each.
    pub(crate) fn of_client(&self, number: usize) -> Vec<Channel> {
        let mut channels: Vec<_> = self
            .nodes
            .iter()
            .map(|channels| channels[number / self.nodes.len() % channels.len()].clone())
            .collect();
        channels.rotate_left(number % self.nodes.len());
        channels
    }
}
