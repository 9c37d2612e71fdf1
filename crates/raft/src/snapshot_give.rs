//! Gives a snapshot to a node that asks for one: its own state was damaged, and its log does not reach back to the
//! beginning. See [`crate::state_fetch`].

use std::sync::Arc;

use conclave_proto::raft::v1 as proto;
use futures::stream::{Stream, StreamExt as _};
use openraft::RaftSnapshotBuilder as _;
use tokio::sync::Semaphore;
use tonic::{Status, Streaming};

use crate::peer_status::{busy, not_given};
use crate::raft_metrics::RaftMetrics;
use crate::snapshot::Snapshots;
use crate::snapshot_rate::SnapshotRate;
use crate::snapshot_send::give_snapshot;
use crate::type_config::Vote;

/// Gives snapshots, one at a time. Clones are the same.
#[derive(Clone)]
pub(crate) struct SnapshotGiver {
    snapshots: Snapshots,
    rate: Arc<SnapshotRate>,
    metrics: RaftMetrics,
    giving: Arc<Semaphore>,
}

impl SnapshotGiver {
    pub(crate) fn new(snapshots: Snapshots, rate: Arc<SnapshotRate>, metrics: RaftMetrics) -> Self {
        Self { snapshots, rate, metrics, giving: Arc::new(Semaphore::new(1)) }
    }

    /// A new snapshot, as messages. One that was made before may end before the log of whoever asks begins.
    pub(crate) async fn give(
        &self,
        vote: Vote,
        mut staged: Streaming<proto::FetchSnapshotRequest>,
    ) -> Result<impl Stream<Item = Result<proto::InstallSnapshotRequest, Status>> + Send + use<>, Status>
    {
        let permit = Arc::clone(&self.giving).try_acquire_owned().map_err(|_| busy())?;
        let snapshot = self.snapshots.clone().build_snapshot().await.map_err(|error| not_given(&error))?;
        let is_staged = async move { staged.message().await.ok().flatten()?.staged };
        let way = (Arc::clone(&self.rate), self.metrics.clone());
        let messages = give_snapshot(vote, snapshot, is_staged, way);
        Ok(messages.map(move |message| {
            let _at_it = &permit;
            Ok(message)
        }))
    }
}
