//! Reading entries: from memory if they are there, else from disk.

use std::ops::Range;

use bytes::Bytes;
use rocksdb::ReadOptions;

use crate::log_queue::{Located, Place, Shared};
use crate::log_rows::{self, RowError};
use crate::{StorageError, engine};

/// See [`crate::LogStore::read`].
pub(crate) fn read(
    shared: &Shared,
    range: Range<u64>,
    size_bytes_max: usize,
) -> Result<Vec<Bytes>, StorageError> {
    loop {
        let Located { place, removals } = shared.locate(&range, size_bytes_max)?;
        match place {
            Place::Memory { entries, .. } => return Ok(entries),
            Place::Nowhere => return Ok(Vec::new()),
            Place::Disk(on_disk) => {
                let rows = read_rows(shared, &on_disk, size_bytes_max)?;
                match rows.missing {
                    None => return read_on(shared, rows, on_disk.end..range.end, removals),
                    // Somebody removed it while it was read: look again.
                    Some(_) if shared.removed_since(removals) => {}
                    Some(index) => return Err(missing(shared, index)),
                }
            }
        }
    }
}

/// Adds the entries of `range` that fit, if they are in memory and the log is the same that `rows` was
/// read from: entries of a time before a truncation and of one after it never come together.
fn read_on(
    shared: &Shared,
    rows: Rows,
    range: Range<u64>,
    removals: u64,
) -> Result<Vec<Bytes>, StorageError> {
    let Rows { mut taken, room_bytes, .. } = rows;
    if room_bytes == 0 {
        return Ok(taken);
    }
    let located = shared.locate(&range, room_bytes)?;
    match located.place {
        Place::Memory { first, entries }
            if located.removals == removals && first == range.start && entries[0].len() <= room_bytes =>
        {
            taken.extend(entries);
        }
        Place::Memory { .. } | Place::Disk(_) | Place::Nowhere => {}
    }
    Ok(taken)
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
