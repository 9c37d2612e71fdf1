//! A received checkpoint, file by file, before it becomes the state.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::data_dir::DirLock;
use crate::{CheckpointFile, StorageError, files};

const NAME_SIZE_BYTES_MAX: usize = 100;

/// A folder for the files of another node's checkpoint. Removed when dropped, unless it was installed
/// ([`crate::StateStore::install`]).
pub struct Staging {
    path: PathBuf,
    number: u64,
    kept: bool,
    _lock: DirLock,
}

/// One file that is being received. Removed when dropped, unless it was finished.
pub struct StagedFile {
    announced: CheckpointFile,
    path: PathBuf,
    file: File,
    size_bytes: u64,
    checksum: Xxh3,
    finished: bool,
}

impl Staging {
    /// An empty folder for a generation of this number.
    pub(crate) fn create(path: PathBuf, number: u64, lock: DirLock) -> Result<Self, StorageError> {
        files::recreate_dir(&path)?;
        Ok(Self { path, number, kept: false, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// It becomes the state, as the generation of this number.
    pub(crate) fn keep(mut self) -> u64 {
        self.kept = true;
        self.number
    }

    /// Begins to receive `file`, from its start; what was received of it before is dropped.
    pub fn file(&self, file: CheckpointFile) -> Result<StagedFile, StorageError> {
        check_name(&file.name)?;
        let path = self.path.join(&file.name);
        let opened = File::create(&path)
            .map_err(|error| StorageError::io("creating a file of a received snapshot", &path, error))?;
        Ok(StagedFile {
            announced: file,
            path,
            file: opened,
            size_bytes: 0,
            checksum: Xxh3::new(),
            finished: false,
        })
    }
}

impl StagedFile {
    /// How much was received: the offset at which the next bytes must begin.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds bytes, which must begin where those before ended and stay within what was announced.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        if offset != self.size_bytes {
            return Err(self.unfit(format!("bytes begin at {offset} instead of {}", self.size_bytes)));
        }
        if bytes.len() as u64 > self.announced.size_bytes - self.size_bytes {
            return Err(
                self.unfit(format!("it is longer than announced, {} bytes", self.announced.size_bytes))
            );
        }
        self.file
            .write_all(bytes)
            .map_err(|error| StorageError::io("writing a received snapshot", &self.path, error))?;
        self.checksum.update(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Checks size and checksum against what was announced, and syncs the file.
    pub fn finish(mut self) -> Result<(), StorageError> {
        if self.size_bytes != self.announced.size_bytes {
            let (found, announced) = (self.size_bytes, self.announced.size_bytes);
            return Err(self.unfit(format!("{found} bytes came instead of {announced}")));
        }
        if self.checksum.digest() != self.announced.checksum {
            return Err(self.unfit("its checksum is wrong".to_owned()));
        }
        self.file
            .sync_all()
            .map_err(|error| StorageError::io("syncing a received snapshot", &self.path, error))?;
        self.finished = true;
        Ok(())
    }

    fn unfit(&self, reason: String) -> StorageError {
        StorageError::snapshot(format!("file \"{}\": {reason}", self.announced.name))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = files::remove_dir(&self.path) {
            tracing::warn!(%error, "a received snapshot stays until the next start");
        }
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if let Err(error) = files::remove_file(&self.path) {
            tracing::warn!(%error, "an unfinished file of a received snapshot stays");
        }
    }
}

/// A name comes from another node: it must not lead out of the folder.
fn check_name(name: &str) -> Result<(), StorageError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = (1..=NAME_SIZE_BYTES_MAX).contains(&name.len());
    if fits && name.bytes().all(plain) && !name.starts_with('.') {
        Ok(())
    } else {
        Err(StorageError::snapshot(format!("\"{}\" is no name of a file", name.escape_debug())))
    }
}
