//! The two databases of a [`crate::Disk`]: ordered maps of bytes. When what is durable is told there.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use conclave_mvcc::{ReadMap, WriteSet};

use crate::{Reach, StorageError};

/// A log's rows. It is closed when it is dropped; nobody reads or writes then.
///
/// What cannot be read or written is [`StorageError::Corrupt`], [`StorageError::Full`] or [`StorageError::Engine`].
pub trait LogDb: Send + Sync {
    /// The value under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError>;

    /// Gives the rows of `keys`, as they are at one moment, to `take`: key and value, in order, until there is no more
    /// or it says to stop.
    fn scan(
        &self,
        keys: Range<&[u8]>,
        purpose: ScanPurpose,
        take: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StorageError>;

    /// Writes all of `batch` at once, one change after the other; it is on disk when this returns. One thread at a
    /// time writes.
    fn write(&self, batch: LogBatch) -> Result<(), StorageError>;

    /// Tells how far the log goes: more after every write, and after a crash what it was after the last write that is
    /// there.
    fn sequence(&self) -> u64;
}

/// What rows are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanPurpose {
    /// To be used: likely again soon.
    Use,
    /// To see that all are there: many, and once.
    Verify,
}

/// What is written to a log at once.
#[derive(Debug, Default)]
pub struct LogBatch {
    /// In this order.
    pub changes: Vec<LogChange>,
}

/// A change of a log's rows.
#[derive(Debug)]
pub enum LogChange {
    /// A row gets a value.
    Put {
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// All rows of a range of keys go.
    DeleteRange(Range<Vec<u8>>),
}

/// A state as it can be read.
pub trait StateRead: Send + Sync {
    /// The mark that was written last; none if there never was one.
    fn mark(&self) -> Result<Option<Bytes>, StorageError>;

    /// All rows as they are now: what is written later is not seen.
    fn view(&self) -> Box<dyn ReadMap + '_>;
}

/// A state's rows, and a mark beside them. It is closed when it is dropped, which makes nothing durable; nobody reads or
/// writes then.
///
/// What cannot be read or written is [`StorageError::StateDamaged`], [`StorageError::Full`] or [`StorageError::Engine`].
pub trait StateDb: StateRead {
    /// The same rows, of those that are in memory. One that is not there, or is hard to find, is an error, and `reach`
    /// is told: nothing is waited for.
    fn view_in_memory<'a>(&'a self, reach: &'a Reach) -> Box<dyn ReadMap + 'a>;

    /// Writes all of it at once, and `mark` with it; without a mark the old one stays. It is seen by whoever reads
    /// from then on. Keys begin with a byte below [`RESERVED_FROM`].
    fn write(&self, writes: &WriteSet, mark: Option<&[u8]>) -> Result<(), StorageError>;

    /// Makes everything durable that was written before.
    fn flush(&self) -> Result<(), StorageError>;

    /// Flushes, and copies all to a folder that is not there yet. Its files never change. Whoever has all of them, under
    /// the same names, in a folder on any such disk can open it there; names are of letters, digits, `-`, `_` and `.`,
    /// which does not come first.
    fn checkpoint(&self, path: &Path) -> Result<(), StorageError>;

    /// About how much it takes on disk, in bytes.
    fn live_size_bytes(&self) -> Result<u64, StorageError>;

    /// What a flush writes at most, in bytes.
    fn unflushed_size_bytes(&self) -> Result<u64, StorageError>;

    /// What was met since it was opened that is not as it was written, if anything was: by whoever read, also through a
    /// view, wrote, flushed or copied.
    fn damage(&self) -> Option<String>;
}

/// Keys of a state from this byte on are the database's own.
pub const RESERVED_FROM: u8 = 0xf0;

/// Whether a key of a state is the database's own.
pub(crate) fn is_reserved(key: &[u8]) -> bool {
    key.first().is_some_and(|&table| table >= RESERVED_FROM)
}
