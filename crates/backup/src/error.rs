//! Why a backup cannot be written or read.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// Why a backup cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The place is neither a path nor a URL that is understood.
    #[error("\"{place}\" cannot hold a backup: {reason}")]
    Place {
        /// What was given.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of this machine cannot be read or written.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The object store refuses, or cannot be reached.
    #[error("{what} {object}: {source}")]
    Store {
        /// What was done.
        what: &'static str,
        /// The object.
        object: String,
        /// What the store says.
        source: Box<object_store::Error>,
        /// Variables that would have told a bucket who asks, and are not set.
        unset: Vec<&'static str>,
    },
    /// There is something already where the archive is to be.
    #[error("{} is there already", path.display())]
    Exists {
        /// The archive.
        path: PathBuf,
    },
    /// What is there is no backup, or was written by a newer program.
    #[error("{place} is no backup that can be read here: {reason}")]
    NotABackup {
        /// Where it is.
        place: String,
        /// Why not.
        reason: String,
    },
    /// One file of it is not what was written; the others may be.
    #[error("{place} is damaged: {reason}")]
    Damaged {
        /// The file or object.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The backup itself is not what was written: nothing more can be read of it.
    #[error("{place} is damaged: {reason}")]
    Broken {
        /// The archive or manifest.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No backup is what was asked for.
    #[error("{place} holds no backup {wanted}")]
    NoSuchBackup {
        /// The repository.
        place: String,
        /// What was asked for.
        wanted: String,
    },
    /// There is nothing where a backup should be read.
    #[error("there is no {place}")]
    Missing {
        /// The file or directory.
        place: String,
    },
    /// Backups of several clusters are what was asked for.
    #[error("{place} holds backups of {} clusters: {}", clusters.len(), told(clusters))]
    SeveralClusters {
        /// The repository.
        place: String,
        /// Their ids and names.
        clusters: BTreeMap<u64, String>,
    },
    /// What was sent is not what the manifest says.
    #[error("what was sent does not fit its manifest: {0}")]
    Unfit(String),
    /// Whoever takes the files cannot.
    #[error("{0}")]
    Sink(io::Error),
}

impl BackupError {
    pub(crate) fn damaged(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Damaged { place: place.into(), reason: reason.into() }
    }

    pub(crate) fn broken(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Broken { place: place.into(), reason: reason.into() }
    }

    pub(crate) fn not_a_backup(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::NotABackup { place: place.into(), reason: reason.into() }
    }

    /// Whether the backup is not what was written.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Broken { .. })
    }
}

fn told(clusters: &BTreeMap<u64, String>) -> String {
    let told = clusters.iter().map(|(id, name)| format!("{id:016x} ({})", name.escape_debug()));
    told.collect::<Vec<_>>().join(", ")
}
