//! How the rows of the versions, changes and meta tables are keyed.
//!
//! A key is escaped so that rows sort as the keys do although a revision follows them: `00` becomes
//! `00 ff`, and `00 00` ends the key. No escaped key is another's prefix.

use bytes::Bytes;

use crate::{MapError, Revision};

const VERSIONS: u8 = 0x01;
const CHANGES: u8 = 0x02;
const META: u8 = 0x03;
const FLOORS: u8 = 0x04;
const PRESENT: u8 = 0x05;

const REVISION_SIZE_BYTES: usize = 8;

/// The row that holds the newest revision.
pub(crate) const NEWEST_REVISION: &[u8] = &[META];
/// The row that holds the newest revision of the keys of which only the present is kept.
pub(crate) const NEWEST_PRESENT: &[u8] = &[META, 0x01];

/// What all version rows of `key` begin with, and no other row does.
pub(crate) fn version_prefix(key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(3 + key.len() + REVISION_SIZE_BYTES);
    row.push(VERSIONS);
    for &byte in key {
        row.push(byte);
        if byte == 0x00 {
            row.push(0xff);
        }
    }
    row.extend_from_slice(&[0x00, 0x00]);
    row
}

/// The row that holds what `key`, as its prefix tells, became at `revision`.
pub(crate) fn version_row(prefix: &[u8], revision: Revision) -> Vec<u8> {
    let mut row = Vec::with_capacity(prefix.len() + REVISION_SIZE_BYTES);
    row.extend_from_slice(prefix);
    row.extend_from_slice(&(!revision.get()).to_be_bytes());
    row
}

/// After every version row.
pub(crate) const VERSIONS_END: &[u8] = &[VERSIONS + 1];

/// After every change row.
pub(crate) const CHANGES_END: &[u8] = &[CHANGES + 1];
/// After every row of a floor.
pub(crate) const FLOORS_END: &[u8] = &[FLOORS + 1];

/// The first version row that is no longer of a range with this end; an empty one is no end.
pub(crate) fn versions_end(end: &[u8]) -> Vec<u8> {
    if end.is_empty() { VERSIONS_END.to_vec() } else { version_prefix(end) }
}

/// After every version row of the key with this prefix: no row is written at revision zero.
pub(crate) fn versions_end_of(prefix: &[u8]) -> Vec<u8> {
    version_row(prefix, Revision::ZERO)
}

/// The prefix and the revision of a version row; none if the row is of another table.
pub(crate) fn split_version_row(row: &[u8]) -> Result<Option<(&[u8], Revision)>, MapError> {
    if row.first() != Some(&VERSIONS) {
        return Ok(None);
    }
    let (prefix, inverted) =
        row.split_last_chunk::<REVISION_SIZE_BYTES>().ok_or_else(|| MapError::damaged("short key", row))?;
    Ok(Some((prefix, Revision::new(!u64::from_be_bytes(*inverted)))))
}

/// What all version rows of one key begin with, and no other row does; none if the row is of another table.
pub fn key_part(row: &[u8]) -> Option<&[u8]> {
    split_version_row(row).ok().flatten().map(|(prefix, _)| prefix)
}

/// Whether `row` is a version row with this prefix; if so, its revision.
pub(crate) fn revision_under(prefix: &[u8], row: Option<&[u8]>) -> Option<Revision> {
    let inverted = row?.strip_prefix(prefix)?.try_into().ok()?;
    Some(Revision::new(!u64::from_be_bytes(inverted)))
}

/// The key whose prefix this is.
pub(crate) fn unescape(prefix: &[u8]) -> Result<Vec<u8>, MapError> {
    let damaged = || MapError::damaged("badly escaped key", prefix);
    let escaped = prefix.get(1..).and_then(|rest| rest.strip_suffix(&[0x00, 0x00])).ok_or_else(damaged)?;
    let mut key = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(&byte) = bytes.next() {
        key.push(byte);
        if byte == 0x00 && bytes.next() != Some(&0xff) {
            return Err(damaged());
        }
    }
    Ok(key)
}

/// The row of the floor of the range that ends with `end`; an empty one is no end: what all their rows begin with, which
/// come last.
pub(crate) fn floor_row(end: &[u8]) -> Vec<u8> {
    if end.is_empty() {
        return vec![FLOORS, 0x01];
    }
    let mut row = vec![FLOORS, 0x00];
    row.extend_from_slice(&version_prefix(end)[1..]);
    row
}

/// The row of a key of which only the present is kept.
pub(crate) fn present_row(key: &[u8]) -> Bytes {
    let mut row = Vec::with_capacity(1 + key.len());
    row.push(PRESENT);
    row.extend_from_slice(key);
    row.into()
}

/// The first such row that is no longer of a range with this end; an empty one is no end.
pub(crate) fn present_end(end: &[u8]) -> Bytes {
    if end.is_empty() { Bytes::from_static(&[PRESENT + 1]) } else { present_row(end) }
}

/// The key whose row this is.
pub(crate) fn key_of_present(row: &[u8]) -> Option<&[u8]> {
    row.strip_prefix(&[PRESENT])
}

/// The row that tells the change number `sequence` of `revision`.
pub(crate) fn change_row(revision: Revision, sequence: u32) -> Bytes {
    let mut row = Vec::with_capacity(1 + REVISION_SIZE_BYTES + 4);
    row.push(CHANGES);
    row.extend_from_slice(&revision.get().to_be_bytes());
    row.extend_from_slice(&sequence.to_be_bytes());
    row.into()
}

/// The sequence of the change of `revision` that `row` tells; none if it tells another.
pub(crate) fn sequence_of_change(row: Option<&[u8]>, revision: Revision) -> Option<u32> {
    let row = row?.strip_prefix(&[CHANGES])?.strip_prefix(&revision.get().to_be_bytes())?;
    row.try_into().ok().map(u32::from_be_bytes)
}

/// The revision and the sequence of the change that `row` tells; none if the row is of another table or there is none.
pub(crate) fn place_of_change(row: Option<&[u8]>) -> Result<Option<(Revision, u32)>, MapError> {
    let Some(revision) = revision_of_change(row)? else { return Ok(None) };
    let sequence = sequence_of_change(row, revision);
    let place = sequence.map(|sequence| Some((revision, sequence)));
    place.ok_or_else(|| MapError::damaged("a change without its place", row.unwrap_or_default()))
}

/// The revision whose change `row` tells; none if the row is of another table or there is none.
pub(crate) fn revision_of_change(row: Option<&[u8]>) -> Result<Option<Revision>, MapError> {
    let Some((&CHANGES, rest)) = row.and_then(|row| row.split_first()) else {
        return Ok(None);
    };
    let (revision, _sequence) = rest
        .split_first_chunk::<REVISION_SIZE_BYTES>()
        .ok_or_else(|| MapError::damaged("short change key", rest))?;
    Ok(Some(Revision::new(u64::from_be_bytes(*revision))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_rows() {
        let prefix = version_prefix(b"a\x00b");
        assert_eq!(prefix, b"\x01a\x00\xffb\x00\x00");
        let row = version_row(&prefix, Revision::new(5));
        assert_eq!(row, b"\x01a\x00\xffb\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfa");
        assert_eq!(
            change_row(Revision::new(258), 3).as_ref(),
            b"\x02\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\x03"
        );
        assert_eq!((NEWEST_REVISION, NEWEST_PRESENT), (b"\x03".as_slice(), b"\x03\x01".as_slice()));
    }

    #[test]
    fn a_badly_escaped_key_is_an_error() {
        for prefix in [b"\x01a".as_slice(), b"\x01\x00b\x00\x00", b"", b"\x01\x00\x00\x00"] {
            assert!(unescape(prefix).is_err(), "{prefix:?}");
        }
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0x00, 0x01, 0x61, 0xfe, 0xff]), 0..6)
    }

    proptest! {
        #[test]
        fn rows_lie_by_key_then_newest_first(left in key(), right in key(), a: u64, b: u64) {
            let row = |key: &[u8], revision| version_row(&version_prefix(key), Revision::new(revision));
            let expected = left.cmp(&right).then(b.cmp(&a));
            prop_assert_eq!(row(&left, a).cmp(&row(&right, b)), expected);
        }

        #[test]
        fn no_prefix_begins_another_keys_row(left in key(), right in key(), revision: u64) {
            let row = version_row(&version_prefix(&right), Revision::new(revision));
            let found = revision_under(&version_prefix(&left), Some(&row));
            prop_assert_eq!(found, (left == right).then_some(Revision::new(revision)));
        }

        #[test]
        fn escaping_can_be_undone(key in key()) {
            prop_assert_eq!(unescape(&version_prefix(&key)).unwrap(), key);
        }
    }
}
