//! Snapshots of the state: what is built here, and what comes from the leader.
//!
//! A snapshot is a checkpoint of the state store, which flushes first. So a snapshot also tells how much of
//! the log the state holds on disk, and with that what may be purged. Only the newest one is kept; its
//! files share the disk with the state until that changes them.

use std::io::{self, Read as _};
use std::sync::Arc;

use conclave_storage::{Checkpoint, CheckpointFile, Staging, StateStore};
use openraft::RaftSnapshotBuilder;
use openraft::storage::Snapshot as RaftSnapshot;
use parking_lot::Mutex;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::codec::{Mark, decode_mark};
use crate::durable_applied::DurableApplied;
use crate::type_config::{SnapshotMeta, TypeConfig};

/// Bytes of a file that are read or sent at once.
pub(crate) const CHUNK_SIZE_BYTES: usize = 1 << 20;

/// The files of a snapshot.
pub(crate) enum SnapshotData {
    /// Built on this node, to be sent.
    Built(Arc<BuiltFiles>),
    /// Received from the leader and verified, to be installed.
    Received(Staging),
}

/// The files of a snapshot that was built on this node.
pub(crate) struct BuiltFiles {
    pub(crate) checkpoint: Checkpoint,
    /// Shutting down waits for it, as for all that uses the store.
    _in_use: TaskTrackerToken,
}

/// A snapshot with its description.
pub(crate) type Snapshot = openraft::alias::SnapshotOf<TypeConfig, SnapshotData>;

/// The newest snapshot, and how a newer one is made. Clones share it.
#[derive(Clone)]
pub(crate) struct Snapshots {
    state: StateStore,
    durable: DurableApplied,
    newest: Arc<Mutex<Option<Built>>>,
    in_use: TaskTrackerToken,
}

#[derive(Clone)]
struct Built {
    meta: SnapshotMeta,
    files: Arc<BuiltFiles>,
}

impl Snapshots {
    pub(crate) fn new(state: StateStore, durable: DurableApplied, in_use: TaskTrackerToken) -> Self {
        Self { state, durable, newest: Arc::default(), in_use }
    }

    pub(crate) fn newest(&self) -> Option<Snapshot> {
        self.newest.lock().clone().map(Snapshot::from)
    }

    /// Flushes the state and makes a snapshot of it. Blocks.
    fn build(&self) -> io::Result<Snapshot> {
        let checkpoint = self.state.checkpoint()?;
        let mark = checkpoint.mark().map(|mark| decode_mark(mark)).transpose()?.unwrap_or_default();
        if let Some(last_applied) = mark.last_applied {
            self.durable.raise(last_applied.index());
        }
        let files = BuiltFiles { checkpoint, _in_use: self.in_use.clone() };
        let built = Built { meta: mark.to_meta(), files: Arc::new(files) };
        self.keep(built.clone());
        Ok(built.into())
    }

    /// Keeps the newer one: while one was built, one may have been installed.
    fn keep(&self, built: Built) {
        let mut newest = self.newest.lock();
        let newer = newest.as_ref().is_none_or(|kept| kept.meta.last_log_id <= built.meta.last_log_id);
        let replaced = if newer { newest.replace(built) } else { None };
        drop(newest);
        // Its files are removed here, without the lock.
        drop(replaced);
    }

    /// Puts a snapshot in the state's place. Blocks.
    pub(crate) fn install(&self, data: SnapshotData, announced: &Mark) -> io::Result<()> {
        let staged = match data {
            SnapshotData::Received(staged) => staged,
            SnapshotData::Built(files) => stage(&self.state, &files.checkpoint)?,
        };
        self.state.install(staged)?;
        let mark = self.state.mark()?.map(|mark| decode_mark(&mark)).transpose()?.unwrap_or_default();
        if mark != *announced {
            let found = format!("the installed snapshot holds {mark:?} instead of {announced:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, found));
        }
        self.build()?;
        Ok(())
    }
}

impl From<Built> for Snapshot {
    fn from(built: Built) -> Self {
        RaftSnapshot { meta: built.meta, snapshot: SnapshotData::Built(built.files) }
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Snapshots {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let snapshots = self.clone();
        let building = tokio::task::spawn_blocking(move || snapshots.build());
        building.await.map_err(io::Error::other)?
    }
}

/// Copies a checkpoint of this machine to where it can be installed from.
fn stage(state: &StateStore, files: &Checkpoint) -> io::Result<Staging> {
    let staging = state.stage()?;
    for file in files.files() {
        copy(files, file, &staging)?;
    }
    Ok(staging)
}

fn copy(files: &Checkpoint, file: &CheckpointFile, staging: &Staging) -> io::Result<()> {
    let mut source = files.open(&file.name)?;
    let mut target = staging.file(file.clone())?;
    let mut buffer = vec![0; CHUNK_SIZE_BYTES];
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok(target.finish()?);
        }
        let offset = target.size_bytes();
        target.write(offset, &buffer[..count])?;
    }
}
