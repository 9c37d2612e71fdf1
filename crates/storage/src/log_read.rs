//! Reading entries: from memory if they are there, else from disk.

use std::ops::Range;

use bytes::Bytes;
use rocksdb::ReadOptions;

use crate::log_queue::{Place, Shared};
use crate::log_rows::{self, RowError};
use crate::{StorageError, engine};

/// See [`crate::LogStore::read`].
pub(crate) fn read(
    shared: &Shared,
    range: Range<u64>,
    size_bytes_max: usize,
) -> Result<Vec<Bytes>, StorageError> {
    loop {
        match shared.locate(&range, size_bytes_max)? {
            Place::Memory(entries) => return Ok(entries),
            Place::Nowhere => return Ok(Vec::new()),
            Place::Disk { range: on_disk, removals } => {
                let mut entries = read_rows(shared, &on_disk, size_bytes_max)?;
                match (entries.missing, shared.removed_since(removals)) {
                    (None, _) => {}
                    // Somebody removed them while they were read: look again.
                    (Some(_), true) => continue,
                    (Some(index), false) => return Err(missing(shared, index)),
                }
                if entries.room_bytes > 0 && on_disk.end < range.end {
                    entries.taken.extend(read_on(shared, on_disk.end..range.end, entries.room_bytes)?);
                }
                return Ok(entries.taken);
            }
        }
    }
}

/// More entries, if they are in memory and begin where the range does.
fn read_on(shared: &Shared, range: Range<u64>, size_bytes_max: usize) -> Result<Vec<Bytes>, StorageError> {
    if shared.first_index().is_none_or(|first| first > range.start) {
        return Ok(Vec::new());
    }
    let Place::Memory(mut entries) = shared.locate(&range, size_bytes_max)? else { return Ok(Vec::new()) };
    if entries.first().is_some_and(|first| first.len() > size_bytes_max) {
        entries.clear();
    }
    Ok(entries)
}

struct Rows {
    taken: Vec<Bytes>,
    /// What is left of the bytes that were allowed.
    room_bytes: usize,
    /// The first entry that should be there and is not.
    missing: Option<u64>,
}

fn read_rows(shared: &Shared, range: &Range<u64>, size_bytes_max: usize) -> Result<Rows, StorageError> {
    let mut rows = Rows { taken: Vec::new(), room_bytes: size_bytes_max, missing: None };
    let mut next = range.start;
    let mut full = false;
    let scanned = log_rows::scan(&shared.db, range, ReadOptions::default(), |index, entry| {
        full = !rows.taken.is_empty() && entry.len() > rows.room_bytes;
        if full || index != next {
            return false;
        }
        rows.room_bytes = rows.room_bytes.saturating_sub(entry.len());
        rows.taken.push(entry);
        next += 1;
        true
    });
    scanned.map_err(|error| row_error(shared, error))?;
    if full {
        rows.room_bytes = 0;
    }
    rows.missing = (!full && next < range.end).then_some(next);
    Ok(rows)
}

fn missing(shared: &Shared, index: u64) -> StorageError {
    StorageError::corrupt(&shared.path, format!("entry {index} is missing"))
}

fn row_error(shared: &Shared, error: RowError) -> StorageError {
    match error {
        RowError::Engine(error) => engine::log_error("reading the log", &shared.path, &error),
        RowError::Damaged(reason) => StorageError::corrupt(&shared.path, reason),
    }
}
