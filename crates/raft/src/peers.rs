//! The other members, and how they are reached.

use std::sync::Arc;

use openraft::async_runtime::WatchReceiver as _;

use crate::consensus::Raft;
use crate::errors::PeerError;
use crate::peer_channel::{PeerChannels, PeerClient};

/// The members that the engine knows. Clones know the same.
#[derive(Clone)]
pub(crate) struct Peers {
    raft: Raft,
    channels: Arc<PeerChannels>,
}

impl Peers {
    pub(crate) fn new(raft: &Raft, channels: &Arc<PeerChannels>) -> Self {
        Self { raft: raft.clone(), channels: Arc::clone(channels) }
    }

    /// A client of a member.
    ///
    /// # Errors
    /// If there is no such member, or its address cannot be used.
    pub(crate) fn client(&self, node: u64) -> Result<PeerClient, PeerError> {
        let metrics = self.raft.server_metrics();
        let address = metrics.borrow_watched().membership_config.membership().get_node(&node).cloned();
        let address = address.ok_or(PeerError::Unknown(node))?;
        let connections = self.channels.to(node, &address);
        let connections =
            connections.map_err(|error| PeerError::Failed { node, cause: error.to_string() })?;
        Ok(connections.ordinary)
    }

    /// The member that is known to lead.
    pub(crate) fn leader(&self) -> Option<u64> {
        self.raft.server_metrics().borrow_watched().current_leader
    }
}
