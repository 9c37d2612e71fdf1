//! What can go wrong on disk. All of it is fatal to the store: the node stops before it answers anything.

use std::io;
use std::path::{Path, PathBuf};

use crate::Identity;

/// Why the data directory or a store cannot be used. Each says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused.
    #[error("{what} failed on {}: {source}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The disk is full.
    #[error("the disk is full: {what} failed on {}; free space or give the node a larger disk, then restart it", path.display())]
    Full {
        /// What was attempted.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
    },

    /// Another process uses the directory.
    #[error("{} is locked: another process uses this data directory; stop it first, or choose another directory", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },

    /// The directory holds something, but no node's data.
    #[error("{} is not empty and holds no node's data (found \"{found}\"); choose an empty directory or one that this node wrote", path.display())]
    NotADataDir {
        /// The directory.
        path: PathBuf,
        /// One name that is in it.
        found: String,
    },

    /// The directory belongs to another node, or to a node of another cluster.
    #[error("{} belongs to {found}, but this is {expected}; check node_id, the cluster's name and members, and data_dir in the settings", path.display())]
    OtherNode {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: Identity,
        /// Who wants to open it.
        expected: Identity,
    },

    /// The identity, the log or the vote is not as it was written. A node that does not know what it
    /// promised must not vote again.
    #[error("{} is damaged: {reason}; this node must not vote again under its id: replace it by a new node with a new id and an empty data directory", path.display())]
    Corrupt {
        /// Where the damage was found.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// The applied state is missing or not as it was written. It can be had again: from the log if
    /// nothing was purged (see [`crate::StateStore::recreate`]), else from another node; the text is for
    /// a node that knows no other one.
    #[error("the state in {} is damaged: {reason}; the log was cut, so it cannot be made anew from it, and this node knows no other one to have it from: restore a backup (`conclave backup restore`)", path.display())]
    StateDamaged {
        /// Where the damage was found.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// RocksDB failed otherwise.
    #[error("{what} failed on {}: {message}", path.display())]
    Engine {
        /// What was attempted.
        what: &'static str,
        /// The store's directory.
        path: PathBuf,
        /// What RocksDB said.
        message: String,
    },

    /// A write to the log failed before: nothing is known of what is on disk since.
    #[error("the log failed before and takes nothing any more: {cause}")]
    Failed {
        /// The first failure.
        cause: String,
    },

    /// A received snapshot is not what was announced. The state that was there is untouched.
    #[error("the received snapshot cannot be used: {reason}; it has to be sent again")]
    Snapshot {
        /// What is wrong with it.
        reason: String,
    },

    /// A received snapshot does not fit on the disk. The state that was there is untouched.
    #[error("the disk of {} has no room for the snapshot: {missing_bytes} bytes are to come, {kept_bytes} more are kept for the log, but {free_bytes} are free; free space: the snapshot is then sent again", path.display())]
    NoRoom {
        /// Where it would be received.
        path: PathBuf,
        /// What is still to come.
        missing_bytes: u64,
        /// What has to stay free.
        kept_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },

    /// What is not flushed yet may not fit on the disk. Nothing was begun.
    #[error("the disk of {} has no room to write the state out: {needed_bytes} bytes are needed, but {free_bytes} are free; free space", path.display())]
    NoRoomToFlush {
        /// Where the state lies.
        path: PathBuf,
        /// What a flush may need, and what it leaves free.
        needed_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },

    /// A write to a row that belongs to this crate.
    #[error("row \"{key}\" is reserved: keys from f0 on belong to the storage layer")]
    ReservedRow {
        /// The key, escaped.
        key: String,
    },
}

impl StorageError {
    /// The system's refusal; a full disk is told apart.
    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { what, path },
            _ => Self::Io { what, path, source },
        }
    }

    pub(crate) fn corrupt(path: &Path, reason: impl ToString) -> Self {
        Self::Corrupt { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn state_damaged(path: &Path, reason: impl ToString) -> Self {
        Self::StateDamaged { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn snapshot(reason: impl ToString) -> Self {
        Self::Snapshot { reason: reason.to_string() }
    }
}

impl From<StorageError> for io::Error {
    fn from(error: StorageError) -> Self {
        let kind = match &error {
            StorageError::Io { source, .. } => source.kind(),
            StorageError::Full { .. } | StorageError::NoRoom { .. } | StorageError::NoRoomToFlush { .. } => {
                io::ErrorKind::StorageFull
            }
            StorageError::Corrupt { .. }
            | StorageError::StateDamaged { .. }
            | StorageError::Snapshot { .. } => io::ErrorKind::InvalidData,
            StorageError::Locked { .. } => io::ErrorKind::WouldBlock,
            StorageError::NotADataDir { .. }
            | StorageError::OtherNode { .. }
            | StorageError::ReservedRow { .. } => io::ErrorKind::InvalidInput,
            StorageError::Engine { .. } | StorageError::Failed { .. } => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
