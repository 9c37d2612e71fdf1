//! Before consensus starts: whether the two stores belong together. After it: forming the cluster.

use conclave_storage::{LogStore, StateStore};
use openraft::errors::{InitializeError, RaftError};

use crate::codec::{CodecError, Mark, decode_mark, encode_log_id};
use crate::consensus::Raft;
use crate::durable_applied::DurableApplied;
use crate::errors::ConsensusError;
use crate::network::Network;
use crate::options::ConsensusOptions;
use crate::type_config::LogId;

/// What the stores held at the start.
pub(crate) struct Found {
    pub(crate) mark: Mark,
    /// How much of the log the state holds on disk: what was read at the start was on disk.
    pub(crate) durable: DurableApplied,
    /// Index of the last entry in the log.
    pub(crate) last_index: Option<u64>,
    /// The log ends before what the state holds: it is to begin after this entry.
    pub(crate) superseded_by: Option<LogId>,
}

/// Reads how far the stores go, and refuses if entries are missing between them. Blocks.
///
/// The state may be behind the log, which is replayed then; and ahead of it, when a snapshot was installed
/// or entries were applied that the others had on disk before this node; then the log is made to begin after
/// it, as the crash prevented. It may not be behind what the log has dropped, and not be there without a vote:
/// corruption is not absence.
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
    let last_index = log.last_index();
    let end = last_index.or(log.purged().map(|(index, _)| index));
    let superseded_by = mark.last_applied.filter(|last_applied| end < Some(last_applied.index()));
    Ok(Found { mark, durable, last_index, superseded_by })
}

/// Drops a log that ends before what the state holds. The engine does so too, but it goes by the order of log
/// ids: a last entry that was never committed, of a later term, looks to it as if it came after the state.
pub(crate) async fn drop_superseded(log: &LogStore, found: &Found) -> Result<(), ConsensusError> {
    let Some(last_applied) = &found.superseded_by else { return Ok(()) };
    let applied = last_applied.index();
    tracing::info!(end = found.last_index, applied, "the log ends before the state: it begins after it now");
    let dropped = log.purge_up_to(applied, encode_log_id(Some(last_applied))).await;
    dropped.map_err(|error| ConsensusError::Engine(error.to_string()))
}

/// Refuses addresses that cannot be used, before anything runs.
pub(crate) fn check_members(network: &dyn Network, options: &ConsensusOptions) -> Result<(), ConsensusError> {
    for (id, address) in &options.members {
        network.check(*id, &address.peer)?;
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use conclave_mvcc::WriteSet;
    use conclave_storage::{DataDir, Identity, WorkKind, run};
    use openraft::EntryPayload;
    use openraft::storage::RaftLogStorage as _;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::codec::{encode_entry, encode_mark, encode_vote, log_id, vote};
    use crate::log_adapter::LogAdapter;

    /// Killed when a snapshot had taken the state's place, and before the log was purged.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_that_ends_before_the_state_begins_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
        let (log, state) = (LogStore::open(&dir).unwrap(), StateStore::open(&dir).unwrap());
        log.save_vote(encode_vote(&vote(4, 2, true))).await.unwrap();
        let uncommitted: Vec<(u64, Bytes)> =
            (0..=9).map(|index| (index, encode_entry(&log_id(3, index), &EntryPayload::Blank))).collect();
        log.append(uncommitted, Box::new(|written| written.unwrap()));
        let mark = Mark { last_applied: Some(log_id(2, 20)), ..Mark::default() };
        state.write(&WriteSet::default(), Some(&encode_mark(&mark))).unwrap();

        let stores = (log.clone(), state.clone());
        let inspecting = run(state.threads(), WorkKind::Awaited, (), move || inspect(&stores.0, &stores.1));
        let found = inspecting.await.unwrap().unwrap();
        drop_superseded(&log, &found).await.unwrap();
        assert_eq!((found.mark, found.last_index), (mark, Some(9)));
        let mut adapter = LogAdapter::new(log, found.durable, TaskTracker::new().token());
        let kept = adapter.get_log_state().await.unwrap();
        assert_eq!(kept.last_purged_log_id, Some(log_id(2, 20)));
        assert_eq!(
            kept.last_log_id,
            Some(log_id(2, 20)),
            "not an entry of term 3, which would win elections"
        );
    }
}
