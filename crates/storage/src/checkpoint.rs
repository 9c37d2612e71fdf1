//! The state as files that another node can take over.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::data_dir::DirLock;
use crate::state_store::Generation;
use crate::{StorageError, checksum, engine, files, state_view};

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
    /// All its files, in order of name.
    pub fn files(&self) -> &[CheckpointFile] {
        &self.files
    }

    /// The mark that was written with what is in it.
    pub fn mark(&self) -> Option<&Bytes> {
        self.mark.as_ref()
    }

    /// Opens one of its files for reading.
    pub fn open(&self, name: &str) -> Result<File, StorageError> {
        let path = self.path.join(name);
        let known = self.files.iter().any(|file| file.name == name);
        let opened = if known { File::open(&path) } else { Err(std::io::ErrorKind::NotFound.into()) };
        opened.map_err(|error| StorageError::io("opening a file of a checkpoint", &path, error))
    }
}
