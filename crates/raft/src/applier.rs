//! The state machine as openraft sees it: committed entries become state.
//!
//! Entries are applied in batches. One batch is one write of the state store: what the entries changed, how
//! far they go, and the membership as of there, all or nothing. Then the observer is told, then whoever
//! waits for the entries or for their answers. All work on the state runs on threads that may block.

use std::io;
use std::mem;
use std::sync::Arc;

use conclave_core::{Digest, EntryContext, EntryKind, apply, digest};
use conclave_mvcc::{Batch, ReadMap, Recent, Revised};
use conclave_storage::{StateStore, WorkKind, run};
use futures::stream::{Stream, TryStreamExt};
use openraft::EntryPayload;
use openraft::OptionalSend;
use openraft::entry::RaftEntry;
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::codec::{Mark, encode_mark};
use crate::digest_points::DigestPoints;
use crate::entry::LogEntry;
use crate::observer::{ApplyObserver, Newest};
use crate::raft_metrics::RaftMetrics;
use crate::snapshot::{Snapshot, SnapshotData, Snapshots};
use crate::type_config::{LogId, Reply, SnapshotMeta, StoredMembership, TypeConfig};

/// Most entries in one write of the state.
const BATCH_ENTRIES_MAX: usize = 4_096;
/// So much at once, of which nobody here waits for an answer, comes to a node that catches up: clients of the others
/// go before it.
const CATCH_UP_ENTRIES: usize = 512;
const CATCH_UP_SIZE_BYTES: usize = 512 << 10;
/// So much is known of keys that were looked up or written lately.
const RECENT_SIZE_BYTES_MAX: usize = 8 << 20;
/// Entries of so many bytes end a batch.
const BATCH_SIZE_BYTES_MAX: usize = 8 << 20;

/// The state machine of this node.
pub(crate) struct Applier {
    state: StateStore,
    snapshots: Snapshots,
    observer: Arc<dyn ApplyObserver>,
    digests: DigestPoints,
    metrics: RaftMetrics,
    mark: Mark,
    /// Nobody else writes the state; it is gone while a batch is applied.
    recent: Recent,
    /// The index of the last entry that was applied, for those who wait.
    applied: watch::Sender<u64>,
    /// Shutting down waits for it, and for those of the work that is under way: the store is not in use any more when
    /// all are gone.
    in_use: TaskTrackerToken,
}

/// What an applier works with.
pub(crate) struct ApplierParts {
    pub(crate) state: StateStore,
    pub(crate) snapshots: Snapshots,
    pub(crate) observer: Arc<dyn ApplyObserver>,
    pub(crate) digests: DigestPoints,
    pub(crate) metrics: RaftMetrics,
    /// As read from the state.
    pub(crate) mark: Mark,
    pub(crate) in_use: TaskTrackerToken,
}

/// What a batch of entries led to.
struct Done {
    mark: Mark,
    recent: Recent,
    replies: Vec<Reply>,
    revised: Vec<Revised>,
    present: Vec<Revised>,
    digests: Vec<(u64, Digest)>,
}

impl Applier {
    /// The state machine, and how far it has come, as it changes.
    pub(crate) fn new(parts: ApplierParts) -> (Self, watch::Receiver<u64>) {
        let ApplierParts { state, snapshots, observer, digests, metrics, mark, in_use } = parts;
        let (applied, progress) = watch::channel(mark.applied_index());
        let recent = no_recent();
        (Self { state, snapshots, observer, digests, metrics, mark, recent, applied, in_use }, progress)
    }

    async fn apply_batch(&mut self, batch: Vec<EntryResponder<TypeConfig>>) -> io::Result<()> {
        let (entries, responders): (Vec<LogEntry>, Vec<Option<ApplyResponder<TypeConfig>>>) =
            batch.into_iter().unzip();
        let is_awaited = responders.iter().any(Option::is_some);
        let (state, mark) = (self.state.clone(), self.mark.clone());
        let (began, count) = (Instant::now(), entries.len());
        let is_behind = !is_awaited && is_much(&entries);
        let recent = mem::replace(&mut self.recent, no_recent());
        let work = move || apply_entries(&state, mark, recent, &entries);
        let kind = if is_behind { WorkKind::Background } else { WorkKind::Awaited };
        let done = run(self.state.threads(), kind, self.in_use.clone(), work).await?;
        let Done { mark, recent, replies, revised, present, digests } = done?;
        (self.mark, self.recent) = (mark, recent);
        self.metrics.applied(count, began.elapsed());
        self.digests.note(digests);
        self.observer.applied(&revised, &present);
        self.applied.send_replace(self.mark.applied_index());
        for (responder, reply) in responders.into_iter().zip(replies) {
            if let Some(responder) = responder {
                responder.send(reply);
            }
        }
        Ok(())
    }
}

fn is_much(entries: &[LogEntry]) -> bool {
    let size_bytes: usize = entries.iter().map(LogEntry::size_bytes).sum();
    entries.len() >= CATCH_UP_ENTRIES || size_bytes >= CATCH_UP_SIZE_BYTES
}

/// Applies consecutive entries with one write. Blocks.
fn apply_entries(
    state: &StateStore,
    mut mark: Mark,
    recent: Recent,
    entries: &[LogEntry],
) -> io::Result<Done> {
    let mut replies = Vec::with_capacity(entries.len());
    let (mut revised, mut present, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    let (writes, recent) = state.read(|view: &dyn ReadMap| {
        let mut batch = Batch::with_recent(view, recent);
        for entry in entries {
            let done = apply_entry(&mut batch, &mut mark, entry)?;
            replies.push(Reply(done.answer));
            revised.extend(done.revised);
            present.extend(done.present);
            let index = entry.log_id().index();
            if DigestPoints::wants(index) {
                digests.push((index, digest(&batch).map_err(io::Error::other)?));
            }
        }
        Ok::<_, io::Error>(batch.into_parts())
    })?;
    state.write(&writes, Some(&encode_mark(&mark)))?;
    Ok(Done { mark, recent: recent.unwrap_or_else(no_recent), replies, revised, present, digests })
}

fn no_recent() -> Recent {
    Recent::new(RECENT_SIZE_BYTES_MAX)
}

fn apply_entry(
    batch: &mut Batch<'_>,
    mark: &mut Mark,
    entry: &LogEntry,
) -> io::Result<conclave_core::Applied> {
    let log_id: LogId = entry.log_id();
    check_order(mark.last_applied, log_id)?;
    let kind = match entry.payload() {
        EntryPayload::Normal(proposal) => EntryKind::Proposal(&proposal.0),
        EntryPayload::Blank => EntryKind::Other,
        EntryPayload::Membership(membership) => {
            mark.membership = StoredMembership::new(Some(log_id), membership.clone());
            EntryKind::Other
        }
    };
    let context = EntryContext { index: log_id.index(), term: **log_id.committed_leader_id() };
    let applied = apply(batch, context, kind).map_err(io::Error::other)?;
    mark.last_applied = Some(log_id);
    Ok(applied)
}

/// An entry must follow the one that was applied before; otherwise this state would differ from the others.
fn check_order(last_applied: Option<LogId>, next: LogId) -> io::Result<()> {
    let follows = last_applied.is_none_or(|last| next.index() == last.index() + 1);
    if follows {
        return Ok(());
    }
    let gap = format!("entry {next} cannot be applied after {last_applied:?}");
    Err(io::Error::new(io::ErrorKind::InvalidData, gap))
}

impl RaftStateMachine<TypeConfig> for Applier {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Snapshots;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.mark.last_applied, self.mark.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        let mut batch = Vec::new();
        let mut size_bytes = 0;
        while let Some((entry, responder)) = entries.try_next().await? {
            size_bytes += entry.size_bytes();
            batch.push((entry, responder));
            if batch.len() >= BATCH_ENTRIES_MAX || size_bytes >= BATCH_SIZE_BYTES_MAX {
                self.apply_batch(mem::take(&mut batch)).await?;
                size_bytes = 0;
            }
        }
        if batch.is_empty() { Ok(()) } else { self.apply_batch(batch).await }
    }

    async fn get_snapshot_builder(&mut self) -> Snapshots {
        self.snapshots.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: SnapshotData) -> io::Result<()> {
        let (snapshots, state) = (self.snapshots.clone(), self.state.clone());
        let mark = Mark::from_meta(meta);
        let announced = mark.clone();
        let installing = run(self.state.threads(), WorkKind::Background, self.in_use.clone(), move || {
            snapshots.install(data, &announced)?;
            state.read(Newest::of).map_err(io::Error::other)
        });
        let newest = installing.await??;
        self.mark = mark;
        self.recent.clear();
        self.digests.clear();
        self.observer.replaced(newest);
        self.applied.send_replace(self.mark.applied_index());
        tracing::info!(applied_index = self.mark.applied_index(), newest = %newest.revision, "snapshot installed");
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        Ok(self.snapshots.offer())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use conclave_core::kv::{KvCommand, Operation, Put, PutLease, Txn};
    use conclave_core::{Command, RequestId, encode_proposal};
    use conclave_storage::{DataDir, Identity};
    use futures::FutureExt as _;
    use openraft::RaftSnapshotBuilder as _;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::codec::{decode_mark, log_id};
    use crate::durable_applied::DurableApplied;
    use crate::type_config::Proposal;

    struct Unobserved;

    impl ApplyObserver for Unobserved {
        fn applied(&self, _revised: &[Revised], _present: &[Revised]) {}
        fn replaced(&self, _newest: Newest) {}
    }

    fn applier(state: &StateStore, tasks: &TaskTracker) -> Applier {
        let parts = ApplierParts {
            state: state.clone(),
            snapshots: Snapshots::new(state.clone(), DurableApplied::default(), tasks.token()),
            observer: Arc::new(Unobserved),
            digests: DigestPoints::default(),
            metrics: RaftMetrics::default(),
            mark: Mark::default(),
            in_use: tasks.token(),
        };
        Applier::new(parts).0
    }

    /// Sets the same key to another value.
    fn put(index: u64) -> EntryResponder<TypeConfig> {
        let put = Put {
            key: Bytes::from_static(b"key"),
            value: Some(index.to_string().into()),
            lease: PutLease::None,
            with_previous: false,
        };
        let txn = Txn { success: vec![Operation::Put(put)], ..Txn::default() };
        let command = Command::Kv(KvCommand::Txn(txn));
        let bytes = encode_proposal(&conclave_core::Proposal {
            request_id: RequestId::unused(),
            time_ms: 1,
            command,
        });
        (LogEntry::new(log_id(1, index), EntryPayload::Normal(Proposal(bytes))), None)
    }

    /// What a key was before the snapshot is nothing to what is applied after it.
    #[tokio::test]
    async fn whoever_takes_over_a_snapshot_goes_on_as_whoever_applied_all_of_it() {
        let (ahead, behind) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let open = |folder: &tempfile::TempDir, node_id| {
            let dir = DataDir::open(folder.path(), Identity { node_id, cluster_id: 1 }).unwrap();
            StateStore::open(&dir).unwrap()
        };
        let states = [open(&ahead, 1), open(&behind, 2)];
        let tasks = TaskTracker::new();
        let [mut ahead, mut behind] = states.each_ref().map(|state| applier(state, &tasks));
        ahead.apply_batch((0..5).map(put).collect()).await.unwrap();
        behind.apply_batch((0..2).map(put).collect()).await.unwrap();

        let snapshot = ahead.get_snapshot_builder().await.build_snapshot().await.unwrap();
        behind.install_snapshot(&snapshot.meta, snapshot.snapshot).await.unwrap();
        let both_at = |index| {
            let digests = states.each_ref().map(|state| state.read(digest).unwrap());
            assert_eq!(digests[0], digests[1], "after entry {index}");
        };
        both_at(4);
        for index in 5..7 {
            ahead.apply_batch(vec![put(index)]).await.unwrap();
            behind.apply_batch(vec![put(index)]).await.unwrap();
            both_at(index);
        }
    }

    #[tokio::test]
    async fn a_shutdown_waits_for_what_is_being_applied_in_the_background() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
        let (state, tasks) = (StateStore::open(&dir).unwrap(), TaskTracker::new());
        let mut applier = applier(&state, &tasks);
        let last = BATCH_ENTRIES_MAX as u64 - 1;
        let blank = |index| (LogEntry::new(log_id(1, index), EntryPayload::Blank), None);
        let applying = applier.apply_batch((0..=last).map(blank).collect()).now_or_never();
        assert!(applying.is_none(), "it has begun, and nobody waits for it any more");
        drop(applier);
        tasks.close();
        tasks.wait().await;
        let mark = decode_mark(&state.mark().unwrap().expect("something was applied")).unwrap();
        assert_eq!(mark.last_applied, Some(log_id(1, last)), "it was done to its end before");
    }
}
