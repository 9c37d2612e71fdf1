//! The log's database.

use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rocksdb::{DB, Error, Options, ReadOptions, WriteBatch, WriteOptions};

use super::engine::{self, Engine};
use crate::{LogBatch, LogChange, LogDb, ScanPurpose, StorageError};

const VERIFY_READAHEAD_BYTES: usize = 2 * 1024 * 1024;

/// See [`LogDb`].
pub(crate) struct RocksLog {
    db: DB,
    path: PathBuf,
    synced: WriteOptions,
}

impl RocksLog {
    pub(crate) fn create(path: &Path, engine: &Engine) -> Result<Self, StorageError> {
        let mut options = engine.log_options();
        options.create_if_missing(true);
        options.set_error_if_exists(true);
        Self::open_with(&options, path, "creating the log")
    }

    pub(crate) fn open(path: &Path, engine: &Engine) -> Result<Self, StorageError> {
        Self::open_with(&engine.log_options(), path, "opening the log")
    }

    fn open_with(options: &Options, path: &Path, what: &'static str) -> Result<Self, StorageError> {
        let db = DB::open(options, path).map_err(|error| engine::log_error(what, path, &error))?;
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        Ok(Self { db, path: path.to_owned(), synced })
    }

    fn failed(&self, what: &'static str, error: &Error) -> StorageError {
        engine::log_error(what, &self.path, error)
    }
}

impl LogDb for RocksLog {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        let value = self.db.get(key).map_err(|error| self.failed("reading the log", &error))?;
        Ok(value.map(Bytes::from))
    }

    fn scan(
        &self,
        keys: Range<&[u8]>,
        purpose: ScanPurpose,
        take: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StorageError> {
        let (mut options, what) = reading(purpose);
        options.set_iterate_upper_bound(keys.end);
        let mut rows = self.db.raw_iterator_opt(options);
        rows.seek(keys.start);
        while let Some((key, value)) = rows.item() {
            if !take(key, value) {
                return Ok(());
            }
            rows.next();
        }
        // A row that cannot be read looks like the end: only the status tells.
        rows.status().map_err(|error| self.failed(what, &error))
    }

    fn write(&self, batch: LogBatch) -> Result<(), StorageError> {
        let mut rows = WriteBatch::default();
        for change in batch.changes {
            match change {
                LogChange::Put { key, value } => rows.put(key, value),
                LogChange::DeleteRange(keys) => rows.delete_range(keys.start, keys.end),
            }
        }
        let written = self.db.write_opt(rows, &self.synced);
        written.map_err(|error| self.failed("writing the log", &error))
    }

    fn sequence(&self) -> u64 {
        self.db.latest_sequence_number()
    }
}

fn reading(purpose: ScanPurpose) -> (ReadOptions, &'static str) {
    let mut options = ReadOptions::default();
    match purpose {
        ScanPurpose::Use => (options, "reading the log"),
        ScanPurpose::Verify => {
            options.fill_cache(false);
            options.set_readahead_size(VERIFY_READAHEAD_BYTES);
            (options, "verifying the log")
        }
    }
}
