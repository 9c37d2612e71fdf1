//! Has another node give its state to this one, whose own was damaged.
//!
//! The log still holds what this node has promised, but not from the beginning: its first entries were dropped, because
//! the state held what came of them. Every member's state holds committed entries alone, so any will do that reaches as
//! far as what was dropped. Until it is there this node takes part in nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conclave_proto::raft::v1 as proto;
use conclave_storage::{LogStore, Staging, StateStore, StorageError};
use openraft::entry::RaftEntry as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;

use crate::codec::{CodecError, decode_entry, decode_mark};
use crate::network::Network;
use crate::peer_channel::{PeerChannels, PeerClient};
use crate::raft_metrics::RaftMetrics;
use crate::snapshot_receive::{Intake, ReceiveError, attended, receive_header};
use crate::type_config::{LogId, PeerAddress};

/// How long a node may take to make a snapshot and tell of it.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long until all are asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// Who may have a state.
pub struct StateSources {
    /// How they are reached.
    pub network: Arc<dyn Network>,
    /// The cluster's id.
    pub cluster_id: u64,
    /// Where (`host:port`), by node. They are asked in this order.
    pub addresses: BTreeMap<u64, String>,
}

/// Why none gave its state.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// This node's stores cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What they hold cannot be read.
    #[error("what this node holds cannot be read: {0}")]
    Unreadable(#[from] CodecError),
    /// Nobody did in time.
    #[error(
        "this node's state was damaged, its log was cut, and none of the other nodes it knows ({asked}) gave it theirs: \
         {told}. It asks them again when it is started again; what is left of the old state is in its folder `state/damaged`"
    )]
    NoState {
        /// Who was asked.
        asked: String,
        /// What the last of them said.
        told: String,
    },
}

/// Whether the log has dropped entries that the state does not hold. Blocks.
///
/// # Errors
/// If one of them cannot be read.
pub fn lacks_entries(log: &LogStore, state: &StateStore) -> Result<bool, FetchError> {
    let Some((purged, _)) = log.purged() else { return Ok(false) };
    let mark = state.mark()?.map(|mark| decode_mark(&mark)).transpose()?;
    let applied = mark.and_then(|mark| mark.last_applied).map(|log_id| log_id.index());
    Ok(applied < Some(purged))
}

/// Fetches a state and puts it in this one's place; asks all again until the deadline.
///
/// # Errors
/// See [`FetchError`]. This node's state is what it was.
pub async fn fetch_state(
    log: &LogStore,
    state: &StateStore,
    sources: &StateSources,
    deadline: Instant,
) -> Result<(), FetchError> {
    let channels = PeerChannels::new(Arc::clone(&sources.network), sources.cluster_id);
    let tasks = TaskTracker::new();
    let intake = Intake { state: state.clone(), metrics: RaftMetrics::default(), in_use: tasks.token() };
    let mut told = "it knows none".to_owned();
    loop {
        for (node, address) in &sources.addresses {
            match fetch_from(&channels, (*node, address), log, &intake).await {
                Ok(index) => {
                    tracing::warn!(node, index, "the state was had from another node");
                    return Ok(());
                }
                Err(why) => {
                    tracing::warn!(
                        node,
                        address,
                        why,
                        "this node's state is to be had from another one, but not from this"
                    );
                    told = format!("node {node}: {why}");
                }
            }
        }
        if Instant::now() >= deadline {
            let asked = sources.addresses.iter().map(|(node, address)| format!("{node} at {address}"));
            return Err(FetchError::NoState { asked: asked.collect::<Vec<_>>().join(", "), told });
        }
        sleep(PAUSE).await;
    }
}

/// Fetches the state of one node; tells the last entry that it holds.
async fn fetch_from(
    channels: &PeerChannels,
    (node, address): (u64, &str),
    log: &LogStore,
    intake: &Intake,
) -> Result<u64, String> {
    let address = PeerAddress { peer: address.to_owned(), ..PeerAddress::default() };
    let connections = channels.to(node, &address).map_err(|error| error.to_string())?;
    receive_from(connections.bulk, log, intake).await
}

async fn receive_from(mut client: PeerClient, log: &LogStore, intake: &Intake) -> Result<u64, String> {
    let (staged, is_staged) = mpsc::channel(1);
    let calling = timeout(HEADER_TIMEOUT, client.fetch_snapshot(ReceiverStream::new(is_staged))).await;
    let parts =
        calling.map_err(|_| "it did not answer in time")?.map_err(|status| status.message().to_owned())?;
    let mut parts = attended(parts.into_inner());
    let header = timeout(HEADER_TIMEOUT, receive_header(&mut parts)).await;
    let (announced, files) =
        header.map_err(|_| "it did not answer in time")?.map_err(|error| error.to_string())?;
    let mark = announced.mark;
    let purged = log.purged().map_or(0, |(index, _)| index);
    let Some(last_applied) = mark.last_applied.filter(|log_id| log_id.index() >= purged) else {
        return Err(format!("it has not applied entry {purged}, up to which this node's log was cut"));
    };
    let receiver = intake.begin(files).await.map_err(|error| error.to_string())?;
    let request = proto::FetchSnapshotRequest { staged: Some(receiver.staged()) };
    // If it takes nothing any more, no files come.
    let _ = staged.send(request).await;
    let received = intake.receive_files(receiver, parts, mark).await.map_err(|error| error.to_string())?;
    install(received, last_applied, log, intake).await.map_err(|error| error.to_string())?;
    Ok(last_applied.index())
}

/// First the log, then the state: cut off between the two, this node begins again.
async fn install(
    received: Staging,
    last_applied: LogId,
    log: &LogStore,
    intake: &Intake,
) -> Result<(), ReceiveError> {
    let kept = log.clone();
    if intake.blocking(move || contradicts(&kept, &last_applied)).await? {
        let index = last_applied.index();
        tracing::warn!(index, "the end of the log was never committed and is dropped");
        log.truncate_after(index.checked_sub(1)).await.map_err(ReceiveError::Unfit)?;
    }
    let state = intake.state.clone();
    let installing = intake.blocking(move || {
        state.install(received)?;
        Ok(state.remove_damaged()?)
    });
    installing.await
}

/// Whether the log has another entry than the state where that has its last one: one that was never committed, and
/// neither was what follows it. Blocks.
fn contradicts(log: &LogStore, last_applied: &LogId) -> Result<bool, ReceiveError> {
    let index = last_applied.index();
    if log.purged().is_some_and(|(purged, _)| purged >= index) {
        return Ok(false);
    }
    let there = log.read(index..index + 1, usize::MAX)?;
    let entry = there.first().map(decode_entry).transpose()?;
    Ok(entry.is_some_and(|entry| entry.log_id() != *last_applied))
}

#[cfg(test)]
mod tests {
    use conclave_storage::{DataDir, Identity};
    use openraft::EntryPayload;

    use super::*;
    use crate::codec::{encode_entry, encode_log_id, log_id};

    #[test]
    fn a_log_may_go_on_after_the_state_but_not_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
        let log = LogStore::open(&dir).unwrap();
        log.purge_up_to(4, encode_log_id(Some(&log_id(1, 4)))).wait().unwrap();
        let entries = (5..=9).map(|index| (index, encode_entry(&log_id(2, index), &EntryPayload::Blank)));
        let (written, is_written) = std::sync::mpsc::channel();
        log.append(entries.collect(), Box::new(move |outcome| written.send(outcome.is_ok()).unwrap()));
        assert!(is_written.recv().unwrap());
        let contradicts = |term, index| contradicts(&log, &log_id(term, index)).unwrap();
        assert!(!contradicts(2, 7), "entries 8 and 9 may be committed later");
        assert!(contradicts(3, 7), "what was committed as entry 7 is another one");
        assert!(!contradicts(1, 4) && !contradicts(3, 10), "the log has nothing there");
    }
}
