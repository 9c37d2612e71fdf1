//! Makes the data directory of a node from a backup, while no node runs.
//!
//! The nodes that are made in one restore form a new cluster, with an id of its own: no node of the old one can
//! come in between, nor one of another restore of the same backup. They hold what the backup holds. Revisions go
//! on well after it, so that none is given out twice, and whoever watches begins anew.
//!
//! All is built in a folder of its own in the data directory and moved to its place at the end, the identity
//! last. A restore that was cut off leaves a directory that no node starts on, and can be begun again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use conclave_core::{cluster, digest};
use conclave_mvcc::{
    KeyRange, MapError, ReadMap, Revision, Transaction, WriteSet, newest_present, newest_revision,
    skip_to_present, skip_to_revision, write_floor,
};
use conclave_raft::{Applied, CodecError, ConsensusError, PeerAddress, applied_of_mark, restore};
use conclave_storage::{
    CheckpointFile, Claim, Identity, LogStore, MemberNote, StagedFile, Staging, StateStore, StorageError,
};

use crate::cluster_id::{Origin, restored_cluster_id};

/// Where it is built.
const BUILDING: &str = "restoring";
/// What is moved to its place, in this order: where there is an identity, all else is there.
const PARTS: [&str; 5] = ["log", "state", "snapshots", "member", "identity"];
/// What an empty directory may hold.
const IGNORED: [&str; 2] = ["LOCK", "lost+found"];
/// Revisions beyond this are given out by nobody.
const REVISION_MAX: u64 = u64::MAX / 2;

/// What is restored, and as which node.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// Folder of the node's data: empty, or not there.
    pub data_dir: PathBuf,
    /// Id of the node, one of the members.
    pub node_id: u64,
    /// Name of the new cluster.
    pub cluster_name: String,
    /// Its members, the same on all of them.
    pub members: BTreeMap<u64, PeerAddress>,
    /// How far revisions are moved on: by more than were given out after the backup. The same on all members.
    pub revision_gap: u64,
    /// What was drawn for the first node that is restored, for all that follow; none: this is the first. Two
    /// restores of one backup make two clusters.
    pub restore_id: Option<u64>,
    /// What is in the backup.
    pub backup: BackedUp,
}

/// What is in a backup, as its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// Tells the backup from all others: a checksum over its manifest.
    pub checksum: u64,
    /// Id of the cluster that it is of.
    pub cluster_id: u64,
    /// The revision that the state is at.
    pub revision: u64,
    /// The last log entry in it.
    pub applied: Applied,
    /// Digest of all that was applied, as hexadecimal digits.
    pub digest: String,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Id of the new cluster.
    pub cluster_id: u64,
    /// What the other nodes must be restored with.
    pub restore_id: u64,
    /// The newest revision now; the next write takes the one after it.
    pub revision: u64,
    /// What it was built in, if that could not be removed. The node is whole; it may be removed by hand.
    pub left_over: Option<String>,
}

/// Why a backup cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The data directory is in use.
    #[error("{} is not empty: it holds {found:?}; a backup is restored to an empty directory", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// What is in it.
        found: String,
    },
    /// The node is none of the members.
    #[error("node {0} is none of the members of the initial cluster")]
    NotAMember(u64),
    /// The revisions would come to an end.
    #[error("revisions cannot be moved on from {revision} by {gap}: {REVISION_MAX} is the last")]
    GapTooLarge {
        /// Of the backup.
        revision: u64,
        /// How far they should be moved on.
        gap: u64,
    },
    /// The state is not what the manifest says.
    #[error("the backup is damaged: the {what} of the state is {found}, and its manifest says {expected}")]
    Differs {
        /// What differs.
        what: &'static str,
        /// In the state.
        found: String,
        /// In the manifest.
        expected: String,
    },
    /// The directory cannot be read or written.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was done.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The stores cannot be made.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] MapError),
    /// How far the state goes cannot be read.
    #[error(transparent)]
    Mark(#[from] CodecError),
    /// The stores cannot be given their members.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
}

/// A data directory that is being made. Dropped before it is finished, it is none.
pub struct Restore {
    options: RestoreOptions,
    restore_id: u64,
    cluster_id: u64,
    /// Held so that nobody else uses the directory.
    _claim: Claim,
    log: LogStore,
    state: StateStore,
    staging: Staging,
    open: Option<StagedFile>,
}

impl Restore {
    /// Begins in an empty data directory. Blocks, as all of it does.
    ///
    /// # Errors
    /// See [`RestoreError`]. What was in the directory is still there.
    pub fn begin(options: RestoreOptions) -> Result<Self, RestoreError> {
        let RestoreOptions { node_id, cluster_name, members, revision_gap, restore_id, backup, .. } =
            &options;
        if !members.contains_key(node_id) {
            return Err(RestoreError::NotAMember(*node_id));
        }
        revision_after(backup.revision, *revision_gap)?;
        let restore_id = restore_id.unwrap_or_else(|| rand::random_range(1..=u64::MAX));
        let origin = Origin {
            cluster_id: backup.cluster_id,
            backup: backup.checksum,
            restore_id,
            revision_gap: *revision_gap,
        };
        let cluster_id = restored_cluster_id(origin, cluster_name, members);
        let path = &options.data_dir;
        clear(path)?;
        let claim = Claim::take(path)?;
        let building = Claim::take(&path.join(BUILDING))?;
        // It never forms a cluster: it has one.
        let note = MemberNote {
            instance: rand::random_range(1..=u64::MAX),
            joined: true,
            cluster_name: cluster_name.clone(),
        };
        building.write_note(&note)?;
        let dir = building.open(Identity { node_id: *node_id, cluster_id })?;
        let (log, state) = (LogStore::open(&dir)?, StateStore::open(&dir)?);
        let staging = state.stage()?;
        Ok(Self { options, restore_id, cluster_id, _claim: claim, log, state, staging, open: None })
    }

    /// Begins with the next file of the backup.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn begin_file(&mut self, file: CheckpointFile) -> Result<(), RestoreError> {
        self.open = Some(self.staging.file(file)?);
        Ok(())
    }

    /// Adds bytes to it.
    ///
    /// # Errors
    /// If they are too many, or cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let file = self.open.as_mut().expect("a file was begun before it is written to");
        let offset = file.size_bytes();
        Ok(file.write(offset, bytes)?)
    }

    /// The file is complete.
    ///
    /// # Errors
    /// If it is not what was announced, or cannot be written.
    pub fn finish_file(&mut self) -> Result<(), RestoreError> {
        match self.open.take() {
            Some(file) => Ok(file.finish()?),
            None => Ok(()),
        }
    }

    /// Makes the data directory of the files.
    ///
    /// # Errors
    /// If they are not the state that the manifest tells of, or something cannot be written.
    pub fn finish(self) -> Result<Restored, RestoreError> {
        let Self { options, restore_id, cluster_id, _claim: claim, log, state, staging, .. } = self;
        state.install(staging)?;
        check(&state, &options.backup)?;
        let newest = revision_after(options.backup.revision, options.revision_gap)?;
        let writes = state.read(|view| begin_anew(view, newest))?;
        restore(&log, &state, options.node_id, options.members, &writes)?;
        log.close();
        drop(state);
        move_parts(&options.data_dir)?;
        // From here on the node is there, whatever becomes of what it was built in.
        let building = options.data_dir.join(BUILDING);
        let removed = fs::remove_dir_all(&building);
        let left_over = removed.err().map(|source| failed("removing", &building, source).to_string());
        drop(claim);
        Ok(Restored { cluster_id, restore_id, revision: newest.get(), left_over })
    }
}

/// What makes the state the beginning of a new cluster's.
fn begin_anew(view: &dyn ReadMap, newest: Revision) -> Result<WriteSet, MapError> {
    let mut transaction = Transaction::begin(view)?;
    cluster::begin_anew(&mut transaction)?;
    let mut writes = transaction.seal().writes;
    write_floor(&mut writes, &KeyRange::all(), newest);
    let gap = newest.get() - newest_revision(view)?.get();
    skip_to_revision(&mut writes, newest);
    skip_to_present(&mut writes, Revision::new(newest_present(view)?.get() + gap));
    Ok(writes)
}

fn revision_after(revision: u64, gap: u64) -> Result<Revision, RestoreError> {
    let newest = revision.checked_add(gap).filter(|newest| *newest <= REVISION_MAX);
    newest.map(Revision::new).ok_or(RestoreError::GapTooLarge { revision, gap })
}

/// Whether the state is what the manifest says.
fn check(state: &StateStore, backup: &BackedUp) -> Result<(), RestoreError> {
    let mark = state.mark()?.map(|mark| applied_of_mark(&mark)).transpose()?;
    let applied = mark.flatten().unwrap_or_default();
    let (revision, digest) =
        state.read(|view| Ok::<_, MapError>((newest_revision(view)?, digest(view)?.to_string())))?;
    let entry = |applied: Applied| format!("{} of term {}", applied.index, applied.term);
    same("last entry", entry(applied), entry(backup.applied))?;
    same("revision", revision.to_string(), backup.revision.to_string())?;
    same("digest", digest, backup.digest.clone())
}

fn same(what: &'static str, found: String, expected: String) -> Result<(), RestoreError> {
    if found == expected { Ok(()) } else { Err(RestoreError::Differs { what, found, expected }) }
}

/// Refuses a directory that holds anything but what a restore that was cut off has left, and removes that.
fn clear(path: &Path) -> Result<(), RestoreError> {
    let names = names(path)?;
    let building = names.iter().any(|name| name == BUILDING);
    let leftover = |name: &str| building && (name == BUILDING || PARTS.contains(&name)) && name != "identity";
    for name in names.iter().filter(|name| !IGNORED.contains(&name.as_str())) {
        if !leftover(name) {
            return Err(RestoreError::NotEmpty { path: path.to_owned(), found: name.clone() });
        }
    }
    if !building {
        return Ok(());
    }
    // Refused if another restore is under way.
    drop(Claim::take(&path.join(BUILDING))?);
    // What it was built in goes last, so that this can be cut off too.
    let parts = PARTS.iter().filter(|part| names.iter().any(|name| name == *part));
    for name in parts.chain([&BUILDING]) {
        let part = path.join(name);
        let removed = if part.is_dir() { fs::remove_dir_all(&part) } else { fs::remove_file(&part) };
        removed.map_err(|source| failed("removing", &part, source))?;
    }
    Ok(())
}

fn names(path: &Path) -> Result<Vec<String>, RestoreError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|source| failed("listing", path, source))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| failed("listing", path, source))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Moves what was built to its place, durably.
fn move_parts(path: &Path) -> Result<(), RestoreError> {
    let building = path.join(BUILDING);
    sync(&building)?;
    for part in PARTS {
        if part == "identity" {
            sync(path)?;
        }
        let (from, to) = (building.join(part), path.join(part));
        fs::rename(&from, &to).map_err(|source| failed("moving", &from, source))?;
    }
    sync(path)
}

fn sync(path: &Path) -> Result<(), RestoreError> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|source| failed("syncing", path, source))
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> RestoreError {
    RestoreError::Io { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
