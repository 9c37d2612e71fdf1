//! What a node's data lies on: files, and two databases. A fault is another implementation.
//!
//! # What is there after a crash
//!
//! A crash is the end of the process, or a loss of power, at any moment. The end of the process alone loses nothing of
//! files, and of a state's database what was not flushed. A loss of power leaves at least this:
//!
//! | what | is durable |
//! |---|---|
//! | a file's content, its size with it | when [`DiskFile::sync`] returned. Of what was written since, any part may be there, down to whole sectors of 512 bytes |
//! | which names a folder has: made, renamed, removed | when [`Disk::sync_dir`] of the folder returned. Before, each may be as it was or as it is; a rename is done whole or not at all; of a folder that is removed, a part may be left |
//! | a batch in a log's database | when [`LogDb::write`] returned. Batches are there whole and in order: never one without all before it |
//! | a write to a state's database | when a [`StateDb::flush`] or [`StateDb::checkpoint`] that began after it returned. Writes are there whole and in order |
//! | an empty database | when it was made, but for the name of its folder |
//!
//! After a sync, flush or write that failed, nothing is known of what it was to make durable, and it is not tried again.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::{LogDb, Space, StateDb, StateRead, StorageError};

/// Holds a file's lock, until the last clone is dropped.
pub type Held = Arc<dyn Any + Send + Sync>;

/// Files and databases. All calls may block.
///
/// Those about files give the error of the system: [`io::ErrorKind::NotFound`] if what they are about is not there,
/// [`io::ErrorKind::StorageFull`] if there is no room.
pub trait Disk: Send + Sync + 'static {
    /// All that a file holds.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Makes a file, to be read and written: empty, whatever was there under its name.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that is there, to be read.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file with all that it holds, to be read and written; an empty one if it is not there.
    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// How much a file holds, in bytes.
    fn size_bytes(&self, path: &Path) -> io::Result<u64>;

    /// Gives a file or a folder another name, also in another folder. A file that has this name is replaced. Files
    /// that are open stay so.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Whoever has it open goes on.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder, and those above it, unless they are there.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder with all that is in it. No database in it is open.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Names of all that is in a folder, in any order.
    fn names(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Whether there is a folder of this name.
    fn is_dir(&self, path: &Path) -> bool;

    /// Makes durable which names a folder has.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Locks a file, which is made if it is missing; none if it is held already, in this process or another. The lock
    /// goes with the process too.
    fn lock(&self, path: &Path) -> io::Result<Option<Held>>;

    /// How much room there is where `path` lies.
    fn space(&self, path: &Path) -> io::Result<Space>;

    /// Makes an empty log in a folder that is not there yet, and opens it.
    fn create_log(&self, path: &Path) -> Result<Box<dyn LogDb>, StorageError>;

    /// Opens a log that is there. One that is missing or damaged is [`StorageError::Corrupt`], as far as it is seen:
    /// of damage at the end, where a crash could have torn a write, nothing need be said, and the log ends before it.
    fn open_log(&self, path: &Path) -> Result<Box<dyn LogDb>, StorageError>;

    /// Makes an empty state in a folder that is not there yet, and opens it.
    fn create_state(&self, path: &Path) -> Result<Box<dyn StateDb>, StorageError>;

    /// Opens a state that is there: one that was created, or a copy of a [`StateDb::checkpoint`]. One that is missing,
    /// damaged or no state is [`StorageError::StateDamaged`].
    fn open_state(&self, path: &Path) -> Result<Box<dyn StateDb>, StorageError>;

    /// Opens a copy of a [`StateDb::checkpoint`], to be read; its files stay as they are. One that is missing or
    /// damaged is [`StorageError::StateDamaged`].
    fn open_copy(&self, path: &Path) -> Result<Box<dyn StateRead>, StorageError>;
}

/// An open file. It is closed when it is dropped, which makes nothing durable.
pub trait DiskFile: Send + Sync {
    /// Reads from `offset` on into `buffer`, and gives how many bytes that were; zero only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all `bytes` from `offset` on, which is no further than the end.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes durable what the file holds. Not its name: see [`Disk::sync_dir`].
    fn sync(&self) -> io::Result<()>;
}

/// Reads a file from its beginning, or from where it is told to.
pub struct FileReader {
    file: Box<dyn DiskFile>,
    offset: u64,
}

impl FileReader {
    /// At the beginning of `file`.
    pub fn new(file: Box<dyn DiskFile>) -> Self {
        Self { file, offset: 0 }
    }

    /// What is read next begins at `offset`.
    pub fn seek(&mut self, offset: u64) {
        self.offset = offset;
    }
}

impl io::Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
