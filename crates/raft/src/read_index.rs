//! The two ways to a read index: the leader has a quorum confirm it, a follower asks the leader.

use std::time::Duration;

use openraft::ReadPolicy;
use openraft::errors::{Fatal, RaftError};
use tokio::time::Instant;

use crate::consensus::Raft;
use crate::errors::ReadIndexError;
use crate::peer_client;
use crate::peers::Peers;
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
pub(crate) fn ask_leader(peers: Peers, round_timeout: Duration) -> Confirm {
    Box::new(move || {
        let peers = peers.clone();
        Box::pin(async move {
            let leader = peers.leader().ok_or(ReadIndexError::NoLeader)?;
            let client = peers.client(leader).map_err(|_| ReadIndexError::NoLeader)?;
            peer_client::read_index(client, Instant::now() + round_timeout).await
        })
    })
}
