//! Before consensus starts: whether the two stores belong together. After it: forming the cluster.

use conclave_storage::{LogStore, StateStore};
use openraft::errors::{InitializeError, RaftError};

use crate::codec::{CodecError, Mark, decode_mark};
use crate::consensus::Raft;
use crate::durable_applied::DurableApplied;
use crate::errors::ConsensusError;
use crate::options::ConsensusOptions;
use crate::peer_channel::endpoint;

/// What the stores held at the start.
pub(crate) struct Found {
    pub(crate) mark: Mark,
    /// How much of the log the state holds on disk: what was read at the start was on disk.
    pub(crate) durable: DurableApplied,
    /// Index of the last entry in the log.
    pub(crate) last_index: Option<u64>,
}

/// Reads how far the stores go, and refuses if entries are missing between them. Blocks.
///
/// The state may be behind the log, which is replayed then; and ahead of it, when a snapshot was installed
/// or entries were applied that the others had on disk before this node. It may not be behind what the log
/// has dropped, and not be there without a vote: corruption is not absence.
pub(crate) fn inspect(log: &LogStore, state: &StateStore) -> Result<Found, ConsensusError> {
    let unreadable =
        |source: CodecError| ConsensusError::Unreadable { what: "how far the state goes", source };
    let mark = state.mark()?.map(|mark| decode_mark(&mark)).transpose().map_err(unreadable)?;
    let mark = mark.unwrap_or_default();
    let durable = DurableApplied::default();
    if let Some(last_applied) = mark.last_applied {
        durable.raise(last_applied.index());
        if log.vote()?.is_none() {
            return Err(ConsensusError::LogLost { applied: last_applied.index() });
        }
    }
    if let Some((purged, _)) = log.purged()
        && !durable.covers(purged)
    {
        return Err(ConsensusError::Gap { purged, applied: mark.last_applied.map(|log_id| log_id.index()) });
    }
    Ok(Found { mark, durable, last_index: log.last_index() })
}

/// Refuses addresses that cannot be used, before anything runs.
pub(crate) fn check_members(options: &ConsensusOptions) -> Result<(), ConsensusError> {
    for (id, address) in &options.members {
        endpoint(*id, &address.peer)?;
    }
    Ok(())
}

/// Forms the cluster, if this node is new and knows the first members. All of them may do so at once: with
/// the same members it is the same cluster.
pub(crate) async fn form(raft: &Raft, options: &ConsensusOptions) -> Result<(), ConsensusError> {
    let stopped = |error: &dyn std::fmt::Display| ConsensusError::Engine(error.to_string());
    if raft.is_initialized().await.map_err(|error| stopped(&error))? || options.members.is_empty() {
        return Ok(());
    }
    if !options.members.contains_key(&options.node_id) {
        return Err(ConsensusError::NotAMember(options.node_id));
    }
    match raft.initialize(options.members.clone()).await {
        Ok(()) => {
            tracing::info!(members = ?options.members.keys(), "cluster formed");
            Ok(())
        }
        // Another member was faster, and this node already takes part.
        Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(error) => Err(stopped(&error)),
    }
}
