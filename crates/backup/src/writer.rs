//! Writes a backup, wherever it goes.

use crate::archive_write::ArchiveWriter;
use crate::object_write::ObjectWriter;
use crate::{BackupError, Manifest, ManifestFile, Place, Repository};

/// A backup that is being written. Dropped before it is finished, it leaves nothing that is a backup.
pub struct BackupWriter {
    manifest: Manifest,
    target: Target,
    /// Bytes of files that were written, before they were compressed.
    size_bytes: u64,
    files: usize,
}

enum Target {
    Archive(Box<ArchiveWriter>),
    Repository { repository: Repository, file: Option<Box<ObjectWriter>>, stored_bytes: u64 },
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its id.
    pub id: String,
    /// How many of its files were written; the others were there already.
    pub files: usize,
    /// How many bytes those have.
    pub size_bytes: u64,
    /// How many bytes were added to the place.
    pub stored_bytes: u64,
}

/// Where a backup will be written.
pub struct Destination {
    place: Place,
    repository: Option<Repository>,
    overwrite: bool,
}

impl Destination {
    /// Opens the place; refuses before anything is sent if there is an archive already.
    ///
    /// # Errors
    /// If it cannot be written there.
    pub fn open(place: Place, overwrite: bool) -> Result<Self, BackupError> {
        let repository = match &place {
            Place::Archive(path) if !overwrite && path.symlink_metadata().is_ok() => {
                return Err(BackupError::Exists { path: path.clone() });
            }
            Place::Archive(_) => None,
            Place::Directory(_) | Place::Bucket(_) => Some(Repository::create(&place)?),
        };
        Ok(Self { place, repository, overwrite })
    }

    /// Files that are there already and need not be sent.
    ///
    /// # Errors
    /// If the repository cannot be read.
    pub async fn known_files(&self) -> Result<Vec<ManifestFile>, BackupError> {
        match &self.repository {
            Some(repository) => repository.known_files().await,
            None => Ok(Vec::new()),
        }
    }

    /// Begins to write the backup with this manifest.
    ///
    /// # Errors
    /// If the manifest cannot be used, or the place cannot be written.
    pub fn begin(self, manifest: Manifest) -> Result<BackupWriter, BackupError> {
        manifest.check().map_err(BackupError::Unfit)?;
        let target = match (self.place, self.repository) {
            (_, Some(repository)) => Target::Repository { repository, file: None, stored_bytes: 0 },
            (Place::Archive(path), None) => {
                Target::Archive(Box::new(ArchiveWriter::begin(&path, self.overwrite, &manifest)?))
            }
            (place, None) => {
                let repository = Repository::create(&place)?;
                Target::Repository { repository, file: None, stored_bytes: 0 }
            }
        };
        Ok(BackupWriter { manifest, target, size_bytes: 0, files: 0 })
    }
}

impl BackupWriter {
    /// What is being written.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Begins the file with this number in the manifest.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn begin_file(&mut self, index: usize) -> Result<(), BackupError> {
        let file = self.manifest.files.get(index).cloned();
        let file = file.ok_or_else(|| BackupError::Unfit(format!("there is no file number {index}")))?;
        self.files += 1;
        match &mut self.target {
            Target::Archive(archive) => archive.begin_file(file),
            Target::Repository { repository, file: open, .. } => {
                *open = Some(Box::new(ObjectWriter::begin(repository, file)?));
                Ok(())
            }
        }
    }

    /// Adds bytes to the file.
    ///
    /// # Errors
    /// If they cannot be written.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.size_bytes += bytes.len() as u64;
        match &mut self.target {
            Target::Archive(archive) => archive.write(bytes),
            Target::Repository { file, .. } => file.as_mut().ok_or_else(no_file)?.write(bytes).await,
        }
    }

    /// The file is complete.
    ///
    /// # Errors
    /// If it is not what the manifest says, or cannot be written.
    pub async fn finish_file(&mut self) -> Result<(), BackupError> {
        match &mut self.target {
            Target::Archive(archive) => archive.finish_file(),
            Target::Repository { file, stored_bytes, .. } => {
                *stored_bytes += file.take().ok_or_else(no_file)?.finish().await?;
                Ok(())
            }
        }
    }

    /// Makes a backup of it, if no file is missing.
    ///
    /// # Errors
    /// If one is, or it cannot be written.
    pub async fn finish(self) -> Result<Written, BackupError> {
        let Self { manifest, target, size_bytes, files } = self;
        let stored_bytes = match target {
            Target::Archive(_) if files != manifest.files.len() => {
                return Err(BackupError::Unfit(format!("{files} of {} files came", manifest.files.len())));
            }
            Target::Archive(archive) => archive.finish()?,
            Target::Repository { repository, stored_bytes, .. } => {
                if let Some(name) = repository.missing(&manifest.files).await? {
                    return Err(BackupError::Unfit(format!("file {name} did not come")));
                }
                repository.write_manifest(&manifest).await?;
                // A file that was here may have been pruned meanwhile: from now on none is.
                if let Some(name) = repository.missing(&manifest.files).await? {
                    repository.remove_manifest(&manifest.id()).await?;
                    return Err(BackupError::Unfit(format!("file {name} was removed meanwhile")));
                }
                stored_bytes
            }
        };
        Ok(Written { id: manifest.id(), files, size_bytes, stored_bytes })
    }

    /// Takes back what was written, as far as that can be done.
    pub async fn abort(self) {
        if let Target::Repository { file: Some(mut file), .. } = self.target {
            file.abort().await;
        }
    }
}

fn no_file() -> BackupError {
    BackupError::Unfit("no file was begun".into())
}
