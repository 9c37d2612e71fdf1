//! The state's database. It writes no log of its own: what is flushed together is one moment.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use conclave_mvcc::{ReadMap, WriteSet};
use rocksdb::properties::{self, PropName};
use rocksdb::{DB, Error, Options, WriteBatch, WriteOptions, checkpoint};

use super::engine::{self, Engine};
use super::view::{FORMAT, FORMAT_ROW, Found, MARK_ROW, RocksView};
use crate::{StateDb, StateRead, StorageError};

/// See [`StateDb`].
pub(crate) struct RocksState {
    db: DB,
    path: PathBuf,
    unlogged: WriteOptions,
    found: Found,
}

impl RocksState {
    pub(crate) fn create(path: &Path, engine: &Engine) -> Result<Self, StorageError> {
        let mut options = engine.state_options();
        options.create_if_missing(true);
        options.set_error_if_exists(true);
        let state = Self::open_with(&options, path)?;
        let mut batch = WriteBatch::default();
        batch.put(FORMAT_ROW, [FORMAT]);
        state.write_batch(batch)?;
        state.flush()?;
        let synced = File::open(path).and_then(|folder| folder.sync_all());
        synced.map_err(|error| StorageError::io("syncing the directory", path, error))?;
        Ok(state)
    }

    pub(crate) fn open(path: &Path, engine: &Engine) -> Result<Self, StorageError> {
        let state = Self::open_with(&engine.state_options(), path)?;
        let format = state.db.get(FORMAT_ROW);
        match format.map_err(|error| failed("opening the state", path, &error))?.as_deref() {
            Some([FORMAT]) => Ok(state),
            Some(found) => {
                Err(StorageError::state_damaged(path, format!("its format {found:?} is not known here")))
            }
            None => Err(StorageError::state_damaged(path, "it has no format")),
        }
    }

    fn open_with(options: &Options, path: &Path) -> Result<Self, StorageError> {
        let db = DB::open(options, path).map_err(|error| failed("opening the state", path, &error))?;
        let mut unlogged = WriteOptions::default();
        unlogged.disable_wal(true);
        Ok(Self { db, path: path.to_owned(), unlogged, found: Found::default() })
    }

    fn write_batch(&self, batch: WriteBatch) -> Result<(), StorageError> {
        self.db.write_opt(batch, &self.unlogged).map_err(|error| self.failed("writing the state", &error))
    }

    fn measure(&self, property: &PropName) -> Result<u64, StorageError> {
        let measured = self.db.property_int_value(property);
        Ok(measured.map_err(|error| self.failed("measuring the state", &error))?.unwrap_or(0))
    }

    fn failed(&self, what: &'static str, error: &Error) -> StorageError {
        self.found.note(error);
        failed(what, &self.path, error)
    }
}

impl StateRead for RocksState {
    fn mark(&self) -> Result<Option<Bytes>, StorageError> {
        read_mark(&self.db).map_err(|error| self.failed("reading the state", &error))
    }

    fn view(&self) -> Box<dyn ReadMap + '_> {
        Box::new(RocksView::new(&self.db, &self.found))
    }
}

impl StateDb for RocksState {
    fn write(&self, writes: &WriteSet, mark: Option<&[u8]>) -> Result<(), StorageError> {
        let mut batch = WriteBatch::default();
        for (key, value) in writes.iter() {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        if let Some(mark) = mark {
            batch.put(MARK_ROW, mark);
        }
        self.write_batch(batch)
    }

    fn flush(&self) -> Result<(), StorageError> {
        self.db.flush().map_err(|error| self.failed("flushing the state", &error))
    }

    /// By hard links.
    fn checkpoint(&self, path: &Path) -> Result<(), StorageError> {
        checkpoint::Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(path))
            .map_err(|error| self.failed("making a checkpoint", &error))
    }

    fn live_size_bytes(&self) -> Result<u64, StorageError> {
        self.measure(properties::LIVE_SST_FILES_SIZE)
    }

    fn unflushed_size_bytes(&self) -> Result<u64, StorageError> {
        self.measure(properties::CUR_SIZE_ALL_MEM_TABLES)
    }

    fn damage(&self) -> Option<String> {
        self.found.damage()
    }
}

/// A copy of a state, opened to be read. See [`StateRead`].
pub(crate) struct RocksCopy {
    db: DB,
    path: PathBuf,
    found: Found,
}

impl RocksCopy {
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        let db = DB::open_for_read_only(&Options::default(), path, false);
        let db = db.map_err(|error| failed("reading a checkpoint", path, &error))?;
        Ok(Self { db, path: path.to_owned(), found: Found::default() })
    }
}

impl StateRead for RocksCopy {
    fn mark(&self) -> Result<Option<Bytes>, StorageError> {
        read_mark(&self.db).map_err(|error| failed("reading a checkpoint", &self.path, &error))
    }

    fn view(&self) -> Box<dyn ReadMap + '_> {
        Box::new(RocksView::new(&self.db, &self.found))
    }
}

fn read_mark(db: &DB) -> Result<Option<Bytes>, Error> {
    db.get(MARK_ROW).map(|mark| mark.map(Bytes::from))
}

fn failed(what: &'static str, path: &Path, error: &Error) -> StorageError {
    engine::state_error(what, path, error)
}
