//! A log's database: an ordered map whose batches are on the medium, whole and in order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use conclave_storage::{LogBatch, LogChange, LogDb, ScanPurpose, StorageError};

use super::error::engine;
use super::faults::Operation;
use super::host_disk::{HostDisk, Inner};
use super::tree::{Database, FolderRef};
use crate::dice::Dice;

type Rows = BTreeMap<Bytes, Bytes>;

/// A log as it lies on the medium.
#[derive(Default)]
pub(super) struct LogTable {
    rows: Arc<Rows>,
    sequence: u64,
    size_bytes: u64,
    /// Alive as long as it is open.
    opened: Weak<()>,
    /// A write has failed.
    has_failed: bool,
}

impl LogTable {
    pub(super) fn is_open(&self) -> bool {
        self.opened.strong_count() > 0
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Opens it: what is given is held until it is closed.
    pub(super) fn open(&mut self) -> Arc<()> {
        let opened = Arc::new(());
        self.opened = Arc::downgrade(&opened);
        self.has_failed = false;
        opened
    }

    /// All that was written is left: always true.
    pub(super) fn crash(&mut self) -> bool {
        self.opened = Weak::new();
        true
    }

    /// Turns a bit over in the value of a row that `of` means; false if there is none.
    pub(super) fn damage(&mut self, of: impl Fn(&[u8]) -> bool, dice: &mut Dice) -> bool {
        let keys: Vec<Bytes> =
            self.rows.iter().filter(|(key, _)| of(key)).map(|(key, _)| key.clone()).collect();
        if keys.is_empty() {
            return false;
        }
        let rows = Arc::make_mut(&mut self.rows);
        let value = rows.get_mut(dice.pick(&keys)).expect("its key was found just now");
        let mut bytes = value.to_vec();
        let Some(last) = bytes.len().checked_sub(1) else { return false };
        let at = usize::try_from(dice.within(0..=last as u64)).expect("it lies within what is in memory");
        bytes[at] ^= 1 << dice.within(0..=7);
        *value = bytes.into();
        true
    }

    fn write(&mut self, batch: LogBatch) {
        self.sequence += batch.changes.len().max(1) as u64;
        let rows = Arc::make_mut(&mut self.rows);
        for change in batch.changes {
            match change {
                LogChange::Put { key, value } => {
                    self.size_bytes += (key.len() + value.len()) as u64;
                    let key_size = key.len();
                    if let Some(old) = rows.insert(key.into(), value.into()) {
                        self.size_bytes -= (key_size + old.len()) as u64;
                    }
                }
                LogChange::DeleteRange(keys) => self.size_bytes -= remove(rows, &keys),
            }
        }
    }
}

/// Removes rows, and tells what they took, in bytes.
fn remove(rows: &mut Rows, keys: &Range<Vec<u8>>) -> u64 {
    let keys: Vec<Bytes> = range(rows, &keys.start, &keys.end).map(|(key, _)| key.clone()).collect();
    let removed = keys.iter().map(|key| key.len() + rows.remove(key).map_or(0, |value| value.len()));
    removed.sum::<usize>() as u64
}

fn range<'a>(rows: &'a Rows, start: &[u8], end: &[u8]) -> impl Iterator<Item = (&'a Bytes, &'a Bytes)> {
    use std::ops::Bound::{Excluded, Included};
    // A map does not take a range that ends before it begins.
    let end = end.max(start);
    rows.range::<[u8], _>((Included(start), Excluded(end)))
}

/// A log that is open.
pub(super) struct OpenLog {
    pub(super) disk: HostDisk,
    pub(super) path: PathBuf,
    pub(super) folder: FolderRef,
    pub(super) _opened: Arc<()>,
}

impl OpenLog {
    fn with<T>(&self, use_it: impl FnOnce(&mut LogTable) -> T) -> T {
        match &mut self.folder.lock().database {
            Some(Database::Log(log)) => use_it(log),
            _ => unreachable!("a log stays one"),
        }
    }

    fn rows(&self) -> Result<Arc<Rows>, StorageError> {
        let begun = self.disk.begin(Operation::Read);
        begun.map_err(|error| engine("reading the log", &self.path, &error))?;
        Ok(self.with(|log| Arc::clone(&log.rows)))
    }

    /// Whether a batch may be written.
    fn check_room(&self, inner: &mut Inner, batch: &LogBatch) -> Result<(), StorageError> {
        let sizes = batch.changes.iter().map(|change| match change {
            LogChange::Put { key, value } => key.len() + value.len(),
            LogChange::DeleteRange(_) => 0,
        });
        if inner.takes(sizes.sum::<usize>() as u64) {
            return Ok(());
        }
        Err(StorageError::Full { what: "writing the log", path: self.path.clone() })
    }
}

impl LogDb for OpenLog {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        Ok(self.rows()?.get(key).cloned())
    }

    fn scan(
        &self,
        keys: Range<&[u8]>,
        _purpose: ScanPurpose,
        take: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StorageError> {
        let rows = self.rows()?;
        for (key, value) in range(&rows, keys.start, keys.end) {
            if !take(key, value) {
                break;
            }
        }
        Ok(())
    }

    /// One that fails is on the medium all the same, or not.
    fn write(&self, batch: LogBatch) -> Result<(), StorageError> {
        let failed = |error| engine("writing the log", &self.path, &error);
        let mut inner = self.disk.alive().map_err(failed)?;
        if self.with(|log| log.has_failed) {
            return Err(failed(std::io::Error::other("a write has failed before")));
        }
        let outcome = self
            .check_room(&mut inner, &batch)
            .and_then(|()| inner.draw(Operation::Write).map_err(failed))
            .and_then(|()| inner.draw(Operation::Sync).map_err(failed));
        let is_written = match &outcome {
            Ok(()) => true,
            Err(StorageError::Full { .. }) => false,
            Err(_) => inner.dice.happens(50),
        };
        self.with(|log| {
            log.has_failed = outcome.is_err();
            if is_written {
                log.write(batch);
            }
        });
        outcome
    }

    fn sequence(&self) -> u64 {
        self.with(|log| log.sequence)
    }
}
