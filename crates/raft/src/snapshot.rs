//! Snapshots of the state: what is built here, and what comes from the leader.
//!
//! A snapshot is a checkpoint of the state store, which flushes first. So a snapshot also tells how much of
//! the log the state holds on disk, and with that what may be purged. The newest one is kept, and an older one
//! while it is being sent; their files share the disk with the state until that changes them.

use std::io::{self, Read as _};
use std::sync::Arc;

use conclave_storage::{Checkpoint, CheckpointFile, Staging, StateStore, WorkKind, run};
use openraft::RaftSnapshotBuilder;
use openraft::storage::Snapshot as RaftSnapshot;
use parking_lot::Mutex;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::codec::{Mark, decode_mark};
use crate::durable_applied::DurableApplied;
use crate::snapshot_offer::{Built, BuiltFiles, Offers, Transfer};
use crate::snapshot_rate::CHUNK_SIZE_BYTES;
use crate::type_config::{SnapshotMeta, TypeConfig};

/// The files of a snapshot.
pub(crate) enum SnapshotData {
    /// Built on this node, to be sent.
    Built(Transfer),
    /// Received from the leader and verified, to be installed.
    Received(Staging),
}

/// A snapshot with its description.
pub(crate) type Snapshot = openraft::alias::SnapshotOf<TypeConfig, SnapshotData>;

/// The snapshots that are there, and how a newer one is made. Clones share them.
#[derive(Clone)]
pub(crate) struct Snapshots {
    state: StateStore,
    durable: DurableApplied,
    offers: Arc<Mutex<Offers>>,
    in_use: TaskTrackerToken,
}

impl Snapshots {
    pub(crate) fn new(state: StateStore, durable: DurableApplied, in_use: TaskTrackerToken) -> Self {
        Self { state, durable, offers: Arc::default(), in_use }
    }

    /// The one that a follower is sent.
    pub(crate) fn offer(&self) -> Option<Snapshot> {
        let (meta, transfer) = self.offers.lock().offer()?;
        Some(to_snapshot(meta, transfer))
    }

    /// The first entry that somebody needs who is being sent a snapshot, or was a moment ago.
    pub(crate) fn needed_from(&self) -> Option<u64> {
        self.offers.lock().needed_from()
    }

    /// Removes what nobody wants any more, or could not use: the log begins with entry `log_start`. Blocks.
    pub(crate) fn release(&self, log_start: u64) {
        let useless = self.offers.lock().release(log_start);
        // The files are removed here, without the lock.
        drop(useless);
    }

    /// Flushes the state and makes a snapshot of it. Blocks.
    fn build(&self) -> io::Result<Snapshot> {
        let checkpoint = self.state.checkpoint()?;
        let mark = checkpoint.mark().map(|mark| decode_mark(mark)).transpose()?.unwrap_or_default();
        if let Some(last_applied) = mark.last_applied {
            self.durable.raise(last_applied.index());
        }
        let files = Arc::new(BuiltFiles::new(checkpoint, self.in_use.clone()));
        let snapshot = to_snapshot(mark.to_meta(), files.begin_transfer());
        let useless = self.offers.lock().keep(Built { meta: mark.to_meta(), files });
        // The files are removed here, without the lock.
        drop(useless);
        Ok(snapshot)
    }

    /// Puts a snapshot in the state's place. Blocks.
    pub(crate) fn install(&self, data: SnapshotData, announced: &Mark) -> io::Result<()> {
        let staged = match data {
            SnapshotData::Received(staged) => staged,
            SnapshotData::Built(transfer) => {
                let staged = stage(&self.state, &transfer.files().checkpoint)?;
                verify(&staged, announced)?;
                staged
            }
        };
        self.state.install(staged)?;
        let mark = self.state.mark()?.map(|mark| decode_mark(&mark)).transpose()?.unwrap_or_default();
        check_mark(&mark, announced)?;
        self.build()?;
        Ok(())
    }
}

/// Checks that the files belong together, and that the state in them is the one that was announced. Blocks.
pub(crate) fn verify(staged: &Staging, announced: &Mark) -> io::Result<()> {
    let mark = staged.mark()?.map(|mark| decode_mark(&mark)).transpose()?.unwrap_or_default();
    check_mark(&mark, announced)
}

fn check_mark(found: &Mark, announced: &Mark) -> io::Result<()> {
    if found == announced {
        return Ok(());
    }
    let found = format!("the snapshot holds {found:?} instead of {announced:?}");
    Err(io::Error::new(io::ErrorKind::InvalidData, found))
}

fn to_snapshot(meta: SnapshotMeta, transfer: Transfer) -> Snapshot {
    RaftSnapshot { meta, snapshot: SnapshotData::Built(transfer) }
}

impl RaftSnapshotBuilder<TypeConfig> for Snapshots {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let (snapshots, in_use) = (self.clone(), self.in_use.clone());
        run(self.state.threads(), WorkKind::Background, in_use, move || snapshots.build()).await?
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
