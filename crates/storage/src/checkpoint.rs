//! The state as files that another node can take over.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use conclave_mvcc::ReadMap;

use crate::data_dir::DirLock;
use crate::generation::{self, Generation};
use crate::{StorageError, checksum, files};

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
    _lock: DirLock,
}

impl Checkpoint {
    /// Makes one of what is in `generation`, in a folder that does not exist yet.
    pub(crate) fn create(
        generation: &Generation,
        path: PathBuf,
        lock: DirLock,
    ) -> Result<Self, StorageError> {
        // From here on, dropping it removes what there is of it.
        let mut checkpoint = Self { path, files: Vec::new(), mark: None, _lock: lock };
        generation.checkpoint(&checkpoint.path)?;
        checkpoint.files = list(&checkpoint.path)?;
        checkpoint.mark = generation::read_mark_of_copy(&checkpoint.path)?;
        Ok(checkpoint)
    }

    /// All its files, in order of name.
    pub fn files(&self) -> &[CheckpointFile] {
        &self.files
    }

    /// The mark that was written with what is in it.
    pub fn mark(&self) -> Option<&Bytes> {
        self.mark.as_ref()
    }

    /// Reads what is in it.
    pub fn read<T>(&self, read: impl FnOnce(&dyn ReadMap) -> T) -> Result<T, StorageError> {
        generation::read_copy(&self.path, read)
    }

    /// Opens one of its files for reading.
    pub fn open(&self, name: &str) -> Result<File, StorageError> {
        let path = self.path.join(name);
        let known = self.files.iter().any(|file| file.name == name);
        let opened = if known { File::open(&path) } else { Err(std::io::ErrorKind::NotFound.into()) };
        opened.map_err(|error| StorageError::io("opening a file of a checkpoint", &path, error))
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        if let Err(error) = files::remove_dir(&self.path) {
            tracing::warn!(%error, "a checkpoint stays until the next start");
        }
    }
}

fn list(path: &Path) -> Result<Vec<CheckpointFile>, StorageError> {
    let mut listed = Vec::new();
    for name in files::names(path)? {
        let (size_bytes, checksum) = checksum::of_file(&path.join(&name))?;
        listed.push(CheckpointFile { name, size_bytes, checksum });
    }
    Ok(listed)
}
