//! One generation of the state: an opened RocksDB, and the folder it lies in.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use conclave_mvcc::{ReadMap, WriteSet};
use rocksdb::properties::{self, PropName};
use rocksdb::{DB, Error, Options, WriteBatch, WriteOptions, checkpoint};

use crate::engine::{self, Engine};
use crate::state_view::{FORMAT, FORMAT_ROW, MARK_ROW, StateView, is_reserved};
use crate::{StorageError, files};

/// An opened map. Closed when the last user leaves; its folder goes then too, if another took its place.
pub(crate) struct Generation {
    db: DB,
    /// After the DB, so that this is closed when the folder goes.
    folder: Folder,
}

struct Folder {
    path: PathBuf,
    retired: AtomicBool,
}

impl Generation {
    /// Makes an empty map, durably.
    pub(crate) fn create(path: &Path, engine: &Engine) -> Result<(), StorageError> {
        let mut options = engine.state_options();
        options.create_if_missing(true);
        options.set_error_if_exists(true);
        let db = open_db(&options, path)?;
        let generation = Self { db, folder: Folder::new(path.to_owned()) };
        let mut batch = WriteBatch::default();
        batch.put(FORMAT_ROW, [FORMAT]);
        generation.write(batch)?;
        generation.flush()?;
        files::sync_dir(path)
    }

    /// Opens a map that is there.
    pub(crate) fn open(path: PathBuf, engine: &Engine) -> Result<Self, StorageError> {
        let db = open_db(&engine.state_options(), &path)?;
        match db.get(FORMAT_ROW).map_err(|error| failed("opening the state", &path, &error))?.as_deref() {
            Some([FORMAT]) => Ok(Self { db, folder: Folder::new(path) }),
            Some(found) => {
                Err(StorageError::state_damaged(&path, format!("its format {found:?} is not known here")))
            }
            None => Err(StorageError::state_damaged(&path, "it has no format")),
        }
    }

    /// It as it is now.
    pub(crate) fn view(&self) -> StateView<'_> {
        StateView::new(&self.db)
    }

    pub(crate) fn write(&self, batch: WriteBatch) -> Result<(), StorageError> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.write_opt(batch, &options).map_err(|error| self.failed("writing the state", &error))
    }

    pub(crate) fn mark(&self) -> Result<Option<Bytes>, StorageError> {
        read_mark(&self.db).map_err(|error| self.failed("reading the state", &error))
    }

    pub(crate) fn flush(&self) -> Result<(), StorageError> {
        self.db.flush().map_err(|error| self.failed("flushing the state", &error))
    }

    /// Copies it, by hard links, to a folder that does not exist yet. Everything in it is flushed first.
    pub(crate) fn checkpoint(&self, path: &Path) -> Result<(), StorageError> {
        checkpoint::Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(path))
            .map_err(|error| self.failed("making a checkpoint", &error))
    }

    pub(crate) fn size_bytes(&self) -> Result<u64, StorageError> {
        Ok(self.measure(properties::LIVE_SST_FILES_SIZE)?.saturating_add(self.unflushed_bytes()?))
    }

    /// What a flush writes, at most.
    pub(crate) fn unflushed_bytes(&self) -> Result<u64, StorageError> {
        self.measure(properties::CUR_SIZE_ALL_MEM_TABLES)
    }

    fn measure(&self, property: &PropName) -> Result<u64, StorageError> {
        let measured = self.db.property_int_value(property);
        Ok(measured.map_err(|error| self.failed("measuring the state", &error))?.unwrap_or(0))
    }

    /// Another generation is valid from now on.
    pub(crate) fn retire(&self) {
        self.folder.retired.store(true, Ordering::Relaxed);
    }

    fn failed(&self, what: &'static str, error: &Error) -> StorageError {
        failed(what, &self.folder.path, error)
    }
}

/// The mark in a copy of a generation that nobody has opened.
pub(crate) fn read_mark_of_copy(path: &Path) -> Result<Option<Bytes>, StorageError> {
    let opened = DB::open_for_read_only(&Options::default(), path, false);
    opened.and_then(|db| read_mark(&db)).map_err(|error| failed("reading a checkpoint", path, &error))
}

/// Reads in a copy of a generation that nobody has opened.
pub(crate) fn read_copy<T>(path: &Path, read: impl FnOnce(&dyn ReadMap) -> T) -> Result<T, StorageError> {
    let opened = DB::open_for_read_only(&Options::default(), path, false);
    opened.map(|db| read(&StateView::new(&db))).map_err(|error| failed("reading a checkpoint", path, &error))
}

/// One batch of it all. Rows of this crate's own are refused.
pub(crate) fn to_batch(writes: &WriteSet, mark: Option<&[u8]>) -> Result<WriteBatch, StorageError> {
    let mut batch = WriteBatch::default();
    for (key, value) in writes.iter() {
        if is_reserved(key) {
            return Err(StorageError::ReservedRow { key: key.escape_ascii().to_string() });
        }
        match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        }
    }
    if let Some(mark) = mark {
        batch.put(MARK_ROW, mark);
    }
    Ok(batch)
}

fn open_db(options: &Options, path: &Path) -> Result<DB, StorageError> {
    DB::open(options, path).map_err(|error| failed("opening the state", path, &error))
}

fn read_mark(db: &DB) -> Result<Option<Bytes>, Error> {
    db.get(MARK_ROW).map(|mark| mark.map(Bytes::from))
}

fn failed(what: &'static str, path: &Path, error: &Error) -> StorageError {
    engine::state_error(what, path, error)
}

impl Folder {
    fn new(path: PathBuf) -> Self {
        Self { path, retired: AtomicBool::new(false) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.retired.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = files::remove_dir(&self.path) {
            tracing::warn!(%error, "a replaced state stays until the next start");
        }
    }
}
