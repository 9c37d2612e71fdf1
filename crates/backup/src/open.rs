//! Reads a backup, wherever it lies.

use std::collections::BTreeMap;
use std::fmt;

use crate::archive_read::ArchiveReader;
use crate::{BackupError, FileSink, Manifest, Place, Repository};

/// Which backup of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which one of those of the cluster.
    pub which: Which,
    /// Of which cluster. None: of the only one that has backups here.
    pub cluster_id: Option<u64>,
}

/// Which backup of a cluster is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Newest,
    /// The one with this id.
    Id(String),
    /// The newest that holds nothing after this revision.
    Revision(u64),
    /// The newest that holds nothing after this time, in milliseconds since 1970-01-01 UTC.
    Time(i64),
}

impl From<Which> for Wanted {
    fn from(which: Which) -> Self {
        Self { which, cluster_id: None }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Newest => f.write_str("at all"),
            Which::Id(id) => f.write_str(id),
            Which::Revision(revision) => write!(f, "of revision {revision} or before"),
            Which::Time(time_ms) => match jiff::Timestamp::from_millisecond(*time_ms) {
                Ok(time) => write!(f, "of {time} or before"),
                Err(_) => write!(f, "of {time_ms} ms or before"),
            },
        }?;
        match self.cluster_id {
            Some(cluster_id) => write!(f, " of cluster {cluster_id:016x}"),
            None => Ok(()),
        }
    }
}

impl Wanted {
    /// Whether a backup is one that may be meant.
    fn fits(&self, manifest: &Manifest) -> bool {
        let is_of_cluster = self.cluster_id.is_none_or(|cluster_id| manifest.cluster_id == cluster_id);
        is_of_cluster
            && match &self.which {
                Which::Newest => true,
                Which::Id(id) => manifest.id() == *id,
                Which::Revision(revision) => manifest.revision <= *revision,
                Which::Time(time_ms) => manifest.time_ms <= *time_ms,
            }
    }
}

/// A backup that is being read.
pub struct OpenBackup {
    place: String,
    manifest: Manifest,
    source: Source,
}

enum Source {
    Archive(Box<ArchiveReader>),
    Repository(Repository),
}

impl OpenBackup {
    /// Opens a backup and reads its manifest.
    ///
    /// # Errors
    /// If there is none that is what is wanted, or its manifest cannot be read.
    pub async fn open(place: &Place, wanted: &Wanted) -> Result<Self, BackupError> {
        let none =
            |place: &str| BackupError::NoSuchBackup { place: place.into(), wanted: wanted.to_string() };
        if let Place::Archive(path) = place {
            let (reader, manifest) = ArchiveReader::open(path)?;
            let place = path.display().to_string();
            if !wanted.fits(&manifest) {
                return Err(none(&place));
            }
            return Ok(Self { place, manifest, source: Source::Archive(Box::new(reader)) });
        }
        let repository = Repository::open(place)?;
        let manifest = match &wanted.which {
            Which::Id(id) => Some(repository.manifest(id).await?).filter(|manifest| wanted.fits(manifest)),
            _ => newest(&repository, wanted).await?,
        };
        let manifest = manifest.ok_or_else(|| none(repository.place()))?;
        let place = repository.place().to_owned();
        Ok(Self { place, manifest, source: Source::Repository(repository) })
    }

    /// What it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it lies.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Gives all files to `sink`, in the manifest's order.
    ///
    /// # Errors
    /// At the first that is damaged or missing, or that the sink does not take.
    pub async fn read(mut self, sink: &mut dyn FileSink) -> Result<(), BackupError> {
        for file in 0..self.manifest.files.len() {
            self.read_file(file, sink).await?;
        }
        self.end()
    }

    /// Reads everything and tells all damage that is found. Nothing: it is intact.
    ///
    /// # Errors
    /// If it cannot be read at all: that is no damage.
    pub async fn verify(mut self, sink: &mut dyn FileSink) -> Result<Vec<BackupError>, BackupError> {
        let mut damage = Vec::new();
        for file in 0..self.manifest.files.len() {
            match self.read_file(file, sink).await {
                Ok(()) => {}
                Err(error @ BackupError::Damaged { .. }) => damage.push(error),
                Err(error @ BackupError::Broken { .. }) => {
                    damage.push(error);
                    return Ok(damage);
                }
                Err(error) => return Err(error),
            }
        }
        match self.end() {
            Err(error) if error.is_damage() => damage.push(error),
            ended => ended?,
        }
        Ok(damage)
    }

    async fn read_file(&mut self, index: usize, sink: &mut dyn FileSink) -> Result<(), BackupError> {
        let file = &self.manifest.files[index];
        match &mut self.source {
            Source::Archive(archive) => archive.read(file, sink),
            Source::Repository(repository) => repository.read(file, sink).await,
        }
    }

    fn end(self) -> Result<(), BackupError> {
        match self.source {
            Source::Archive(archive) => archive.end(),
            Source::Repository(_) => Ok(()),
        }
    }
}

/// The newest backup that fits. One whose manifest cannot be read may be a newer one: that is an error, unless
/// somebody names another. So are several clusters whose backups fit: their revisions and times say nothing of one
/// another, and the newest may be that of a drill.
async fn newest(repository: &Repository, wanted: &Wanted) -> Result<Option<Manifest>, BackupError> {
    let listing = repository.list().await?;
    if let Some(unreadable) = listing.unreadable.into_iter().next() {
        return Err(unreadable.error);
    }
    let fitting: Vec<Manifest> = listing.backups.into_iter().filter(|backup| wanted.fits(backup)).collect();
    let clusters: BTreeMap<u64, String> =
        fitting.iter().map(|backup| (backup.cluster_id, backup.cluster_name.clone())).collect();
    if clusters.len() > 1 {
        let place = repository.place().to_owned();
        return Err(BackupError::SeveralClusters { place, clusters });
    }
    Ok(fitting.into_iter().next_back())
}
