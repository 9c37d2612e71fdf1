//! How the rows of the log store are keyed. All values are sealed with a checksum ([`crate::checksum`]).
//!
//! | key | value |
//! |---|---|
//! | `00 00` | the format |
//! | `00 01` | the vote |
//! | `00 02` | index up to which the log was purged, and the mark that came with it |
//! | `00 03` | what is known to be committed |
//! | `01`, index (big-endian) | the entry |

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use crate::{LogBatch, LogChange, LogDb, ScanPurpose, StorageError, checksum};

/// The format that is written, and the only one that is read so far.
pub(crate) const FORMAT: u8 = 1;

pub(crate) const FORMAT_ROW: &[u8] = &[0x00, 0x00];
pub(crate) const VOTE_ROW: &[u8] = &[0x00, 0x01];
pub(crate) const PURGED_ROW: &[u8] = &[0x00, 0x02];
pub(crate) const COMMITTED_ROW: &[u8] = &[0x00, 0x03];
const ENTRY: u8 = 0x01;
const INDEX_SIZE_BYTES: usize = 8;

/// The key of an entry.
pub(crate) fn entry_key(index: u64) -> [u8; 1 + INDEX_SIZE_BYTES] {
    let mut key = [ENTRY; 1 + INDEX_SIZE_BYTES];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The index in an entry's key; none for another key.
pub(crate) fn index_of(key: &[u8]) -> Option<u64> {
    let (&ENTRY, index) = key.split_first()? else { return None };
    Some(u64::from_be_bytes(index.try_into().ok()?))
}

/// The value of the row that tells what was purged.
pub(crate) fn purged_value(index: u64, mark: &[u8]) -> Vec<u8> {
    [&index.to_be_bytes(), mark].concat()
}

/// What [`purged_value`] was made of.
pub(crate) fn split_purged(value: &Bytes) -> Option<(u64, Bytes)> {
    let (index, _) = value.split_first_chunk::<INDEX_SIZE_BYTES>()?;
    Some((u64::from_be_bytes(*index), value.slice(INDEX_SIZE_BYTES..)))
}

/// Adds a row with its checksum.
pub(crate) fn put(batch: &mut LogBatch, key: &[u8], value: &[u8]) {
    batch.changes.push(LogChange::Put { key: key.to_vec(), value: checksum::seal(key, value) });
}

/// Adds the removal of entries.
pub(crate) fn remove(batch: &mut LogBatch, entries: &Range<u64>) {
    if !entries.is_empty() {
        let keys = entry_key(entries.start).to_vec()..entry_key(entries.end).to_vec();
        batch.changes.push(LogChange::DeleteRange(keys));
    }
}

/// Why a row cannot be given.
#[derive(Debug)]
pub(crate) enum RowError {
    Refused(StorageError),
    Damaged(String),
}

impl RowError {
    /// The same for the log that lies there.
    pub(crate) fn at(self, path: &Path) -> StorageError {
        match self {
            Self::Refused(error) => error,
            Self::Damaged(reason) => StorageError::corrupt(path, reason),
        }
    }
}

/// One row's value.
pub(crate) fn get(db: &dyn LogDb, key: &[u8]) -> Result<Option<Bytes>, RowError> {
    let row = db.get(key).map_err(RowError::Refused)?;
    row.map(|row| unseal(key, &row)).transpose()
}

/// Gives the entries of `range` to `take`, in order and from the first that is there, until there is no
/// more or `take` says to stop.
pub(crate) fn scan(
    db: &dyn LogDb,
    range: &Range<u64>,
    purpose: ScanPurpose,
    mut take: impl FnMut(u64, Bytes) -> bool,
) -> Result<(), RowError> {
    let (start, end) = (entry_key(range.start), entry_key(range.end));
    let mut damaged = None;
    let scanned = db.scan(&start..&end, purpose, &mut |key, row| match entry(key, row) {
        Ok((index, entry)) => take(index, entry),
        Err(reason) => {
            damaged = Some(reason);
            false
        }
    });
    scanned.map_err(RowError::Refused)?;
    damaged.map_or(Ok(()), Err)
}

fn entry(key: &[u8], row: &[u8]) -> Result<(u64, Bytes), RowError> {
    let index = index_of(key).ok_or_else(|| RowError::Damaged(format!("a key of {} bytes", key.len())))?;
    Ok((index, unseal(key, row)?))
}

fn unseal(key: &[u8], row: &[u8]) -> Result<Bytes, RowError> {
    let damaged = || match index_of(key) {
        Some(index) => format!("the checksum of entry {index} is wrong"),
        None => format!("the checksum of row \"{}\" is wrong", key.escape_ascii()),
    };
    checksum::unseal(key, row).ok_or_else(|| RowError::Damaged(damaged()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_in_the_order_of_their_indexes() {
        assert_eq!(entry_key(258), [1, 0, 0, 0, 0, 0, 0, 1, 2]);
        for (lower, upper) in [(0, 1), (255, 256), (1 << 32, (1 << 32) + 1), (1, u64::MAX)] {
            assert!(entry_key(lower) < entry_key(upper));
            assert_eq!(index_of(&entry_key(upper)), Some(upper));
        }
        assert_eq!(index_of(VOTE_ROW), None);
        assert_eq!(index_of(&entry_key(1)[..8]), None);
    }

    #[test]
    fn what_was_purged_can_be_split_again() {
        let value = Bytes::from(purged_value(7, b"mark"));
        assert_eq!(split_purged(&value), Some((7, Bytes::from_static(b"mark"))));
        assert_eq!(split_purged(&value.slice(..7)), None);
    }
}
