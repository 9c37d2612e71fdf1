//! Making the log, and opening it: all of it is verified before anything is answered from it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rocksdb::{DB, ReadOptions, WriteBatch, WriteOptions};

use crate::data_dir::DirLock;
use crate::durable_mark::DurableMark;
use crate::engine::{self, Engine};
use crate::log_bounds::LogBounds;
use crate::log_rows::{self, COMMITTED_ROW, FORMAT, FORMAT_ROW, PURGED_ROW, RowError, VOTE_ROW};
use crate::log_sizes::LogSizes;
use crate::{DataDir, StorageError, files};

const VERIFY_READAHEAD_BYTES: usize = 2 * 1024 * 1024;

/// A log as it was found, intact.
pub(crate) struct Opened {
    pub(crate) db: Arc<DB>,
    pub(crate) path: PathBuf,
    pub(crate) lock: DirLock,
    pub(crate) bounds: LogBounds,
    pub(crate) sizes: LogSizes,
    pub(crate) vote: Option<Bytes>,
    pub(crate) committed: Option<Bytes>,
}

/// Makes an empty log in an empty directory.
pub(crate) fn create(folder: &Path, engine: &Engine) -> Result<(), StorageError> {
    let path = db_path(folder);
    let mut options = engine.log_options();
    options.create_if_missing(true);
    options.set_error_if_exists(true);
    let failed = |error| engine::log_error("creating the log", &path, &error);
    let db = DB::open(&options, &path).map_err(failed)?;
    let mut batch = WriteBatch::default();
    log_rows::put(&mut batch, FORMAT_ROW, &[FORMAT]);
    db.write_opt(batch, &synced()).map_err(failed)?;
    DurableMark::create(&mark_path(folder), db.latest_sequence_number())?;
    drop(db);
    files::sync_dir(folder)
}

/// Opens the log and reads everything that is in it once.
pub(crate) fn open(dir: &DataDir) -> Result<(Opened, DurableMark), StorageError> {
    let folder = dir.log_path();
    let (mut mark, noted) = DurableMark::open(&mark_path(&folder))?;
    let path = db_path(&folder);
    let db = DB::open(&dir.engine().log_options(), &path)
        .map_err(|error| engine::log_error("opening the log", &path, &error))?;
    let found = db.latest_sequence_number();
    if found < noted {
        return Err(lost(&path, found, noted));
    }
    let (bounds, sizes, vote, committed) = verify(&db).map_err(|error| row_error(&path, error))?;
    mark.note(found)?;
    mark.sync()?;
    Ok((Opened { db: Arc::new(db), path, lock: dir.lock(), bounds, sizes, vote, committed }, mark))
}

/// How a write to the log is done: it is on disk when the call returns.
pub(crate) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

fn db_path(folder: &Path) -> PathBuf {
    folder.join("db")
}

fn mark_path(folder: &Path) -> PathBuf {
    folder.join("durable-mark")
}

type Verified = (LogBounds, LogSizes, Option<Bytes>, Option<Bytes>);

fn verify(db: &DB) -> Result<Verified, RowError> {
    match log_rows::get(db, FORMAT_ROW)?.as_deref() {
        Some([FORMAT]) => {}
        Some(found) => return Err(damaged(format!("its format {found:?} is not known here"))),
        None => return Err(damaged("it has no format")),
    }
    let purged = match log_rows::get(db, PURGED_ROW)? {
        Some(value) => {
            Some(log_rows::split_purged(&value).ok_or_else(|| damaged("what was purged cannot be read"))?)
        }
        None => None,
    };
    let (entries, sizes) = verify_entries(db, purged.as_ref().map(|(index, _)| *index))?;
    let bounds = LogBounds::new(entries, purged);
    Ok((bounds, sizes, log_rows::get(db, VOTE_ROW)?, log_rows::get(db, COMMITTED_ROW)?))
}

/// Every entry is intact, and none is missing between the first and the last. A seek from before what
/// was purged would have to pass over all that was removed, so none is made.
fn verify_entries(db: &DB, purged: Option<u64>) -> Result<(Range<u64>, LogSizes), RowError> {
    let start = purged.map_or(0, |index| index.saturating_add(1));
    let mut entries = start..start;
    let mut sizes = LogSizes::default();
    let mut gap = None;
    log_rows::scan(db, &(start..u64::MAX), verifying(), |index, entry| {
        if entries.is_empty() && purged.is_none() {
            entries = index..index;
        }
        if index != entries.end {
            gap = Some(index);
            return false;
        }
        entries.end += 1;
        sizes.push(index, entry.len());
        true
    })?;
    match gap {
        Some(index) => Err(damaged(format!("entry {} is missing, but entry {index} is there", entries.end))),
        None => Ok((entries, sizes)),
    }
}

fn verifying() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    options.set_readahead_size(VERIFY_READAHEAD_BYTES);
    options
}

fn damaged(reason: impl ToString) -> RowError {
    RowError::Damaged(reason.to_string())
}

fn row_error(path: &Path, error: RowError) -> StorageError {
    match error {
        RowError::Engine(error) => engine::log_error("verifying the log", path, &error),
        RowError::Damaged(reason) => StorageError::corrupt(path, reason),
    }
}

fn lost(path: &Path, found: u64, noted: u64) -> StorageError {
    StorageError::corrupt(
        path,
        format!("the write-ahead log ends at write {found}, but write {noted} was acknowledged"),
    )
}
