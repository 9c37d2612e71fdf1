//! openraft's own suite over the adapters and the real stores.

use std::io;
use std::sync::Arc;

use conclave_mvcc::Revised;
use conclave_storage::{DataDir, Identity, LogStore, StateStore};
use futures::stream::{self, Stream, TryStreamExt};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{EntryPayload, OptionalSend, StorageError};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

use crate::applier::{Applier, ApplierParts};
use crate::codec::{Mark, log_id};
use crate::digest_points::DigestPoints;
use crate::durable_applied::DurableApplied;
use crate::entry::LogEntry;
use crate::log_adapter::LogAdapter;
use crate::observer::{ApplyObserver, Newest};
use crate::raft_metrics::RaftMetrics;
use crate::snapshot::{Snapshot, SnapshotData, Snapshots};
use crate::type_config::{LogId, SnapshotMeta, StoredMembership, TypeConfig};

struct Unobserved;

impl ApplyObserver for Unobserved {
    fn applied(&self, _revised: &[Revised], _present: &[Revised]) {}
    fn replaced(&self, _newest: Newest) {}
}

/// The applier insists on entries without a gap, as consensus gives them; the suite leaves some out. Blank
/// ones take their place.
struct Gapless(Applier);

impl RaftStateMachine<TypeConfig> for Gapless {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Snapshots;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        self.0.applied_state().await
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        let entries: Vec<_> = entries.try_collect().await?;
        let mut next = self.0.applied_state().await?.0.map(|log_id| log_id.index() + 1);
        let mut filled = Vec::new();
        for (entry, responder) in entries {
            let last = entry.log_id();
            for index in next.unwrap_or(last.index())..last.index() {
                let blank = log_id(**last.committed_leader_id(), index);
                filled.push(Ok((LogEntry::new(blank, EntryPayload::Blank), None)));
            }
            next = Some(last.index() + 1);
            filled.push(Ok((entry, responder)));
        }
        self.0.apply(stream::iter(filled)).await
    }

    async fn get_snapshot_builder(&mut self) -> Snapshots {
        self.0.get_snapshot_builder().await
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: SnapshotData) -> io::Result<()> {
        self.0.install_snapshot(meta, data).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.0.get_current_snapshot().await
    }
}

struct Builder;

impl StoreBuilder<TypeConfig, LogAdapter, Gapless, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogAdapter, Gapless), StorageError<TypeConfig>> {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
        let (log, state) = (LogStore::open(&dir).unwrap(), StateStore::open(&dir).unwrap());
        let durable = DurableApplied::default();
        // The suite purges entries without having applied them.
        durable.raise(u64::MAX);
        let tasks = TaskTracker::new();
        let snapshots = Snapshots::new(state.clone(), durable.clone(), tasks.token());
        let (mark, observer) = (Mark::default(), Arc::new(Unobserved));
        let (digests, metrics, in_use) = (DigestPoints::default(), RaftMetrics::default(), tasks.token());
        let parts = ApplierParts { state, snapshots, observer, digests, metrics, mark, in_use };
        let (applier, _) = Applier::new(parts);
        Ok((folder, LogAdapter::new(log, durable, tasks.token()), Gapless(applier)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_adapters_pass_the_suite_of_openraft() {
    Suite::test_all(Builder).await.unwrap();
}
