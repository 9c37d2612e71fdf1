//! A backup: the state of this node at one moment, as files that are read a piece at a time.
//!
//! It holds every write that was acknowledged before it was asked for, if the node can find out; without a
//! quorum it holds what this node has, which may be all that is left of a cluster.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_core::{Digest, applied_time_ms, digest};
use conclave_mvcc::{MapError, ReadMap, Revision, newest_revision};
use conclave_raft::{Applied, applied_of_mark};
use conclave_storage::{Checkpoint, CheckpointFile, FileReader, StorageError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::alarms::Alarm;
use crate::blocking::blocking;
use crate::handle::{NodeHandle, Shared};
use crate::read::become_fresh;
use crate::readiness::Readiness;
use crate::request_error::RequestError;

/// Backups that a node makes at once: each keeps files on disk that would go otherwise.
pub(crate) const BACKUPS_MAX: usize = 2;
/// How long a backup waits until it may hold every write that was acknowledged before.
const FRESH_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest piece of a file, in bytes.
const PIECE_SIZE_BYTES_MAX: u64 = 1 << 20;

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupManifest {
    /// The cluster's id.
    pub cluster_id: u64,
    /// The cluster's name.
    pub cluster_name: String,
    /// The node that was read.
    pub node_id: u64,
    /// Version of its program.
    pub version: &'static str,
    /// The revision that the state is at.
    pub revision: Revision,
    /// The last log entry in it.
    pub applied: Applied,
    /// Digest of all that was applied.
    pub digest: Digest,
    /// When the newest entry in it was stamped, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The files.
    pub files: Vec<CheckpointFile>,
}

/// A piece of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupPiece {
    /// Which of the manifest's files, from 0.
    pub file: usize,
    /// Offset of the piece, in bytes.
    pub offset: u64,
    /// The piece. Of an empty file there is one, which is empty.
    pub data: Bytes,
}

/// A backup that is being read. Its files go when it is dropped.
pub struct Backup {
    shared: Arc<Shared>,
    manifest: BackupManifest,
    checkpoint: Arc<Checkpoint>,
    /// The files still to be read, the next one last; and the one that is being read.
    rest: Vec<usize>,
    open: Option<Reading>,
    _turn: OwnedSemaphorePermit,
}

struct Reading {
    index: usize,
    file: FileReader,
    offset: u64,
}

impl NodeHandle {
    /// Makes a backup of this node's state.
    ///
    /// # Errors
    /// [`RequestError::Overloaded`] if as many are made already as may be at once; [`RequestError::NoRoom`] if the
    /// state cannot be written out.
    pub async fn create_backup(&self) -> Result<Backup, RequestError> {
        let shared = &self.shared;
        let turn = Arc::clone(&shared.backups).try_acquire_owned().map_err(|_| RequestError::overloaded())?;
        if shared.is_raised(Alarm::Corrupt) {
            return Err(RequestError::corrupt());
        }
        wait_fresh(shared).await?;
        let state = shared.state.clone();
        let checkpoint = blocking(shared, move || {
            let checkpoint = state.checkpoint().map_err(not_made)?;
            let seen = Seen::read(&checkpoint)?;
            Ok::<_, RequestError>((checkpoint, seen))
        });
        let (checkpoint, seen) = checkpoint.await.map_err(failed)??;
        let manifest = seen.manifest(shared, &checkpoint);
        let rest = (0..manifest.files.len()).rev().collect();
        let (shared, checkpoint) = (Arc::clone(shared), Arc::new(checkpoint));
        Ok(Backup { shared, manifest, checkpoint, rest, open: None, _turn: turn })
    }
}

impl Backup {
    /// What it is.
    pub fn manifest(&self) -> &BackupManifest {
        &self.manifest
    }

    /// Leaves files out.
    pub fn leave_out(&mut self, known: impl Fn(&CheckpointFile) -> bool) {
        let files = &self.manifest.files;
        self.rest.retain(|index| !known(&files[*index]));
    }

    /// The next piece; none after the last.
    ///
    /// # Errors
    /// If a file cannot be read, or the node is about to stop.
    pub async fn next_piece(&mut self) -> Result<Option<BackupPiece>, RequestError> {
        if *self.shared.readiness.borrow() == Readiness::ShuttingDown {
            return Err(RequestError::shutting_down());
        }
        let Some(index) = self.open.as_ref().map(|open| open.index).or_else(|| self.rest.pop()) else {
            return Ok(None);
        };
        let (open, checkpoint) = (self.open.take(), Arc::clone(&self.checkpoint));
        let described = self.manifest.files[index].clone();
        let reading = blocking(&self.shared, move || {
            let reading = match open {
                Some(reading) => reading,
                None => {
                    let file = checkpoint.open(&described.name).map_err(failed)?;
                    Reading { index, file, offset: 0 }
                }
            };
            read_piece(reading, described.size_bytes).map_err(failed)
        });
        let (piece, rest) = reading.await.map_err(failed)??;
        self.open = rest;
        Ok(Some(piece))
    }
}

/// Reads a piece, and what is left of the file.
fn read_piece(mut reading: Reading, size_bytes: u64) -> io::Result<(BackupPiece, Option<Reading>)> {
    let mut data = Vec::new();
    (&mut reading.file).take(PIECE_SIZE_BYTES_MAX).read_to_end(&mut data)?;
    let piece = BackupPiece { file: reading.index, offset: reading.offset, data: data.into() };
    reading.offset += piece.data.len() as u64;
    let ended = reading.offset >= size_bytes || piece.data.is_empty();
    Ok((piece, (!ended).then_some(reading)))
}

/// What a checkpoint says of itself.
struct Seen {
    applied: Applied,
    revision: Revision,
    digest: Digest,
    time_ms: i64,
}

impl Seen {
    fn read(checkpoint: &Checkpoint) -> Result<Self, RequestError> {
        let applied = checkpoint.mark().map(|mark| applied_of_mark(mark)).transpose().map_err(failed)?;
        let applied = applied.flatten().unwrap_or_default();
        let read = |view: &dyn ReadMap| {
            let (revision, digest) = (newest_revision(view)?, digest(view)?);
            Ok::<_, MapError>(Self { applied, revision, digest, time_ms: applied_time_ms(view)? })
        };
        Ok(checkpoint.read(read).map_err(failed)??)
    }

    fn manifest(self, shared: &Shared, checkpoint: &Checkpoint) -> BackupManifest {
        BackupManifest {
            cluster_id: shared.cluster_id,
            cluster_name: shared.cluster_name.clone(),
            node_id: shared.node_id,
            version: shared.version,
            revision: self.revision,
            applied: self.applied,
            digest: self.digest,
            time_ms: self.time_ms,
            files: checkpoint.files().to_vec(),
        }
    }
}

async fn wait_fresh(shared: &Shared) -> Result<(), RequestError> {
    match become_fresh(shared, Instant::now() + FRESH_TIMEOUT).await {
        Err(
            error @ (RequestError::NoLeader { .. }
            | RequestError::Recovering { .. }
            | RequestError::DeadlineExceeded),
        ) => {
            tracing::warn!(%error, "a backup is made of what this node has: the others may have more");
            Ok(())
        }
        outcome => outcome,
    }
}

fn not_made(error: StorageError) -> RequestError {
    match error {
        StorageError::NoRoomToFlush { needed_bytes, free_bytes, .. } => {
            RequestError::NoRoom { needed_bytes, free_bytes }
        }
        error => failed(error),
    }
}

fn failed(error: impl std::fmt::Display) -> RequestError {
    RequestError::NodeFailed { cause: error.to_string() }
}
