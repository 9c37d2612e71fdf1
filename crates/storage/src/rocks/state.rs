//! The state's database. It writes no log of its own: what is flushed together is one moment.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use conclave_mvcc::{ReadMap, WriteSet};
use rocksdb::properties::{self, PropName};
use rocksdb::{DB, Error, Options, ReadOptions, WriteBatch, WriteOptions, checkpoint};

use super::engine::{self, Engine};
use super::view::{FORMAT, FORMAT_ROW, Found, MARK_ROW, RocksView};
use crate::{Reach, StateDb, StateRead, StorageError};

const VERIFY_READAHEAD_BYTES: usize = 2 * 1024 * 1024;

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
        state.verify()?;
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

    /// Reads every row once: RocksDB finds out that a block is damaged when it reads it, and what nobody asks for
    /// would be handed on in snapshots and be missed only when the other copies are gone.
    fn verify(&self) -> Result<(), StorageError> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_readahead_size(VERIFY_READAHEAD_BYTES);
        options.set_total_order_seek(true);
        let mut rows = self.db.raw_iterator_opt(options);
        rows.seek_to_first();
        while rows.valid() {
            rows.next();
        }
        rows.status().map_err(|error| self.failed("verifying the state", &error))
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
    fn view_in_memory<'a>(&'a self, reach: &'a Reach) -> Box<dyn ReadMap + 'a> {
        Box::new(RocksView::in_memory(&self.db, &self.found, reach))
    }

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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A database of several blocks, and the one table that it lies in.
    fn flushed(path: &Path, engine: &Engine) -> PathBuf {
        let state = RocksState::create(path, engine).unwrap();
        let mut writes = WriteSet::default();
        for row in 0..20_000_u32 {
            writes.put(Bytes::copy_from_slice(&row.to_be_bytes()), row.to_string().into());
        }
        state.write(&writes, Some(b"mark")).unwrap();
        state.flush().unwrap();
        drop(state);
        let tables = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        let largest = tables.filter(|path| path.extension() == Some("sst".as_ref()));
        largest.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
    }

    #[test]
    fn a_block_that_nobody_asks_for_is_found_damaged_too() {
        let (dir, engine) = (tempfile::tempdir().unwrap(), Engine::new());
        let path = dir.path().join("db");
        let table = flushed(&path, &engine);
        let whole = fs::read(&table).unwrap();
        for eighth in 0..8 {
            let mut damaged = whole.clone();
            damaged[whole.len() * 3 / 4 * eighth / 8] ^= 1;
            fs::write(&table, &damaged).unwrap();
            let opened = RocksState::open(&path, &engine).err();
            assert!(matches!(opened, Some(StorageError::StateDamaged { .. })), "{eighth}: {opened:?}");
        }
        fs::write(&table, &whole).unwrap();
        RocksState::open(&path, &engine).unwrap();
    }
}
