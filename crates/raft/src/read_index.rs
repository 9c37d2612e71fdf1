//! The two ways to a read index: the leader has a quorum confirm it, a follower asks the leader.

use std::sync::Arc;
use std::time::Duration;

use openraft::ReadPolicy;
use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{Fatal, RaftError};
use tokio::time::Instant;

use crate::consensus::Raft;
use crate::errors::ReadIndexError;
use crate::peer_channel::PeerChannels;
use crate::peer_client;
use crate::read_gate::Confirm;

/// Confirms that this node leads, by a round of heartbeats that a quorum answers. Bounded by the engine.
pub(crate) fn confirm_leadership(raft: &Raft) -> Confirm {
    let raft = raft.clone();
    Box::new(move || {
        let raft = raft.clone();
        Box::pin(async move {
            match raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
                Ok(linearizer) => Ok(linearizer.read_log_id().index()),
                Err(RaftError::APIError(error)) => {
                    tracing::debug!(%error, "leadership is not confirmed");
                    Err(ReadIndexError::NoLeader)
                }
                Err(RaftError::Fatal(Fatal::Stopped)) => Err(ReadIndexError::ShuttingDown),
                Err(RaftError::Fatal(fatal)) => Err(ReadIndexError::Fatal(fatal.to_string())),
            }
        })
    })
}

/// Asks the node that is known to lead.
pub(crate) fn ask_leader(raft: &Raft, channels: &Arc<PeerChannels>, round_timeout: Duration) -> Confirm {
    let (raft, channels) = (raft.clone(), Arc::clone(channels));
    Box::new(move || {
        let (metrics, channels) = (raft.server_metrics(), Arc::clone(&channels));
        Box::pin(async move {
            let leader = {
                let metrics = metrics.borrow_watched();
                let membership = metrics.membership_config.membership();
                metrics.current_leader.and_then(|id| Some((id, membership.get_node(&id)?.clone())))
            };
            let (id, address) = leader.ok_or(ReadIndexError::NoLeader)?;
            let connections = channels.to(id, &address).map_err(|_| ReadIndexError::NoLeader)?;
            peer_client::read_index(connections.ordinary, Instant::now() + round_timeout).await
        })
    })
}
