//! The state as files that another node can take over.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use conclave_mvcc::ReadMap;

use crate::generation::Generation;
use crate::{Disk, FileReader, Held, StorageError, Threads, checksum, files};

/// One file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFile {
    /// Its name, without a folder: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// xxh3-64 of its content.
    pub checksum: u64,
}

/// The state of one moment as files. They share the disk with the store until that changes them, and
/// go when this is dropped.
pub struct Checkpoint {
    path: PathBuf,
    files: Vec<CheckpointFile>,
    mark: Option<Bytes>,
    disk: Arc<dyn Disk>,
    threads: Arc<dyn Threads>,
    _lock: Held,
}

impl Checkpoint {
    /// Makes one of what is in `generation`, in a folder that does not exist yet.
    pub(crate) fn create(
        generation: &Generation,
        path: PathBuf,
        (disk, threads): (Arc<dyn Disk>, Arc<dyn Threads>),
        lock: Held,
    ) -> Result<Self, StorageError> {
        // From here on, dropping it removes what there is of it.
        let mut checkpoint = Self { path, files: Vec::new(), mark: None, disk, threads, _lock: lock };
        generation.db().checkpoint(&checkpoint.path)?;
        checkpoint.files = list(&*checkpoint.disk, &checkpoint.path)?;
        checkpoint.mark = checkpoint.disk.open_copy(&checkpoint.path)?.mark()?;
        Ok(checkpoint)
    }

    /// All its files, in order of name.
    pub fn files(&self) -> &[CheckpointFile] {
        &self.files
    }

    /// Where work on it that blocks is done.
    pub fn threads(&self) -> &dyn Threads {
        &*self.threads
    }

    /// The mark that was written with what is in it.
    pub fn mark(&self) -> Option<&Bytes> {
        self.mark.as_ref()
    }

    /// Reads what is in it.
    pub fn read<T>(&self, read: impl FnOnce(&dyn ReadMap) -> T) -> Result<T, StorageError> {
        let copy = self.disk.open_copy(&self.path)?;
        Ok(read(&*copy.view()))
    }

    /// Opens one of its files for reading.
    pub fn open(&self, name: &str) -> Result<FileReader, StorageError> {
        let path = self.path.join(name);
        let known = self.files.iter().any(|file| file.name == name);
        let opened = if known { self.disk.open(&path) } else { Err(io::ErrorKind::NotFound.into()) };
        let opened = opened.map_err(|error| StorageError::io("opening a file of a checkpoint", &path, error));
        opened.map(FileReader::new)
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        if let Err(error) = files::remove_dir(&*self.disk, &self.path) {
            tracing::warn!(%error, "a checkpoint stays until the next start");
        }
    }
}

fn list(disk: &dyn Disk, path: &Path) -> Result<Vec<CheckpointFile>, StorageError> {
    let mut listed = Vec::new();
    for name in files::names(disk, path)? {
        let (size_bytes, checksum) = checksum::of_file(disk, &path.join(&name))?;
        listed.push(CheckpointFile { name, size_bytes, checksum });
    }
    Ok(listed)
}
