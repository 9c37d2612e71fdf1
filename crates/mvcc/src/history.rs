//! What one key was, at one revision or at all.

use bytes::Bytes;

use crate::{Cursor, MapError, ReadMap, Record, Revision, WriteSet, record, rows};

/// The newest revision of the store.
pub fn newest_revision(view: &dyn ReadMap) -> Result<Revision, MapError> {
    Ok(newest_in(view, rows::NEWEST_REVISION)?.unwrap_or(Revision::EMPTY))
}

/// The newest revision that such a row tells; none before the first.
pub(crate) fn newest_in(view: &dyn ReadMap, row: &'static [u8]) -> Result<Option<Revision>, MapError> {
    let Some(found) = view.get(row)? else { return Ok(None) };
    match found.as_ref() {
        [FORMAT, number @ ..] => number.try_into().ok(),
        _ => None,
    }
    .map(|number| Revision::new(u64::from_be_bytes(number)))
    // There is one after it.
    .filter(|newest| *newest < Revision::MAX)
    .map(Some)
    .ok_or_else(|| MapError::damaged("unknown newest revision", row))
}

/// What `key` was at a revision; none if it did not exist then. [`Revision::MAX`] reads what is now.
pub fn get_at(view: &dyn ReadMap, key: &[u8], at: Revision) -> Result<Option<Record>, MapError> {
    lookup(view.key_cursor().as_mut(), key, at)
}

/// What became of `key` from the revision `from` back in time, the newest first and at most
/// `limit`: at which revision it changed, and to what (none: it was deleted).
pub fn history(
    view: &dyn ReadMap,
    key: &[u8],
    from: Revision,
    limit: usize,
) -> Result<Vec<(Revision, Option<Record>)>, MapError> {
    let prefix = rows::version_prefix(key);
    let mut cursor = view.cursor_before(&rows::versions_end_of(&prefix));
    cursor.seek(&rows::version_row(&prefix, from))?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(revision) = rows::revision_under(&prefix, cursor.key())
    {
        found.push((revision, record_under(cursor.as_ref(), revision)?));
        cursor.advance()?;
    }
    Ok(found)
}

/// The row that says which revision is the newest of its clock.
pub(crate) fn newest_revision_row(newest: Revision) -> Bytes {
    let mut row = vec![FORMAT];
    row.extend_from_slice(&newest.get().to_be_bytes());
    row.into()
}

/// Adds to `writes` that the newest revision is `newest`, which must not be before what it is: the next
/// transaction takes the one after it. For a store that is restored and must not give out a revision twice.
pub fn skip_to_revision(writes: &mut WriteSet, newest: Revision) {
    writes.put(rows::NEWEST_REVISION.into(), newest_revision_row(newest));
}

const FORMAT: u8 = 1;

/// [`get_at`] with a cursor that is there already.
pub(crate) fn lookup(cursor: &mut dyn Cursor, key: &[u8], at: Revision) -> Result<Option<Record>, MapError> {
    let prefix = rows::version_prefix(key);
    cursor.seek(&rows::version_row(&prefix, at))?;
    match rows::revision_under(&prefix, cursor.key()) {
        Some(revision) => record_under(cursor, revision),
        None => Ok(None),
    }
}

/// The newest version row under a prefix, with a cursor that is there already: its revision and its value.
pub(crate) fn newest_version(
    cursor: &mut dyn Cursor,
    prefix: &[u8],
) -> Result<Option<(Revision, Bytes)>, MapError> {
    cursor.seek(&rows::version_row(prefix, Revision::MAX))?;
    let Some(revision) = rows::revision_under(prefix, cursor.key()) else { return Ok(None) };
    let row = cursor.value().ok_or_else(|| MapError::new("a row has a key and no value"))?;
    Ok(Some((revision, Bytes::copy_from_slice(row))))
}

/// The record in the version row that the cursor is at, written at `revision`.
pub(crate) fn record_under(cursor: &dyn Cursor, revision: Revision) -> Result<Option<Record>, MapError> {
    let row = cursor.value().ok_or_else(|| MapError::new("a row has a key and no value"))?;
    record::decode(revision, Bytes::copy_from_slice(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryMap;

    #[test]
    fn golden_bytes_of_the_newest_revision() {
        assert_eq!(newest_revision_row(Revision::new(258)).as_ref(), b"\x01\0\0\0\0\0\0\x01\x02");
    }

    #[test]
    fn revisions_can_be_skipped() {
        let mut map = MemoryMap::default();
        let mut writes = WriteSet::default();
        skip_to_revision(&mut writes, Revision::new(1_000));
        map.write(&writes);
        assert_eq!(newest_revision(&map), Ok(Revision::new(1_000)));
    }

    #[test]
    fn a_damaged_newest_revision_is_an_error() {
        let mut map = MemoryMap::default();
        assert_eq!(newest_revision(&map), Ok(Revision::EMPTY));
        let newer = Bytes::from_static(b"\x02\0\0\0\0\0\0\0\0");
        for row in [newer, newest_revision_row(Revision::MAX)] {
            let mut writes = WriteSet::default();
            writes.put(rows::NEWEST_REVISION.into(), row);
            map.write(&writes);
            assert!(newest_revision(&map).is_err());
        }
    }
}
