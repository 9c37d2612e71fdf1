//! Making the log, and opening it: all of it is verified before anything is answered from it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::durable_mark::DurableMark;
use crate::log_bounds::LogBounds;
use crate::log_rows::{self, COMMITTED_ROW, FORMAT, FORMAT_ROW, PURGED_ROW, RowError, VOTE_ROW};
use crate::log_sizes::LogSizes;
use crate::{DataDir, Disk, Held, LogBatch, LogDb, ScanPurpose, StorageError, files};

/// A log as it was found, intact.
pub(crate) struct Opened {
    pub(crate) db: Arc<dyn LogDb>,
    pub(crate) path: PathBuf,
    pub(crate) lock: Held,
    pub(crate) bounds: LogBounds,
    pub(crate) sizes: LogSizes,
    pub(crate) vote: Option<Bytes>,
    pub(crate) committed: Option<Bytes>,
}

/// Makes an empty log in an empty directory.
pub(crate) fn create(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    let db = disk.create_log(&db_path(folder))?;
    let mut batch = LogBatch::default();
    log_rows::put(&mut batch, FORMAT_ROW, &[FORMAT]);
    db.write(batch)?;
    DurableMark::create(disk, &mark_path(folder), db.sequence())?;
    drop(db);
    files::sync_dir(disk, folder)
}

/// Opens the log and reads everything that is in it once.
pub(crate) fn open(dir: &DataDir) -> Result<(Opened, DurableMark), StorageError> {
    let folder = dir.log_path();
    let (mut mark, noted) = DurableMark::open(dir.disk(), &mark_path(&folder))?;
    let path = db_path(&folder);
    let db = dir.disk().open_log(&path)?;
    let found = db.sequence();
    if found < noted {
        return Err(lost(&path, found, noted));
    }
    let (bounds, sizes, vote, committed) = verify(&*db).map_err(|error| error.at(&path))?;
    mark.note(found)?;
    mark.sync()?;
    Ok((Opened { db: Arc::from(db), path, lock: dir.lock(), bounds, sizes, vote, committed }, mark))
}

fn db_path(folder: &Path) -> PathBuf {
    folder.join("db")
}

fn mark_path(folder: &Path) -> PathBuf {
    folder.join("durable-mark")
}

type Verified = (LogBounds, LogSizes, Option<Bytes>, Option<Bytes>);

fn verify(db: &dyn LogDb) -> Result<Verified, RowError> {
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
fn verify_entries(db: &dyn LogDb, purged: Option<u64>) -> Result<(Range<u64>, LogSizes), RowError> {
    let start = purged.map_or(0, |index| index.saturating_add(1));
    let mut entries = start..start;
    let mut sizes = LogSizes::default();
    let mut gap = None;
    log_rows::scan(db, &(start..u64::MAX), ScanPurpose::Verify, |index, entry| {
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

fn damaged(reason: impl ToString) -> RowError {
    RowError::Damaged(reason.to_string())
}

fn lost(path: &Path, found: u64, noted: u64) -> StorageError {
    StorageError::corrupt(
        path,
        format!("the write-ahead log ends at write {found}, but write {noted} was acknowledged"),
    )
}
