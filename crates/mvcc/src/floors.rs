//! Floors: from which revision on the changes of a range of keys are all still there.
//!
//! Collection removes what nobody need read any more. Whoever replays changes must know where that happened:
//! a replay from revision R on is whole only if R is above the floor of every range that it looks at.
//!
//! A floor's row lies under the end of its range, so that the first row after a key is that of the range which
//! contains it: `00` and the escaped end, or `01` and the start if the range has no end. Its value, format 1: `01`,
//! revision (8), start. Ranges do not overlap, but for that of all keys, which may be there beside others.

use bytes::Bytes;

use crate::{KeyRange, MapError, ReadMap, Revision, WriteSet, rows};

const FORMAT: u8 = 1;

/// The newest revision up to which changes of the range may be gone: replay from a later one. Zero: all are there.
///
/// # Errors
/// The map cannot be read.
pub fn floor_of(view: &dyn ReadMap, range: &KeyRange) -> Result<Revision, MapError> {
    let of_all = row_of(&KeyRange::all());
    let mut floor = match view.get(&of_all)? {
        Some(row) => overlapping(&row, &of_all, range)?.unwrap_or(Revision::ZERO),
        None => Revision::ZERO,
    };
    let (end, mut cursor) = (rows::floor_row(&range.end), view.cursor_before(rows::FLOORS_END));
    cursor.seek(&rows::floor_row(&range.after(&range.start).start))?;
    while let (Some(key), Some(row)) = (cursor.key().filter(|key| *key < rows::FLOORS_END), cursor.value()) {
        if key != of_all {
            let Some(found) = overlapping(row, key, range)? else { break };
            floor = floor.max(found);
            // The next one begins at the end of this, or later.
            if !range.end.is_empty() && key >= end.as_slice() {
                break;
            }
        }
        cursor.advance()?;
    }
    Ok(floor)
}

/// The floor of a range that has a row of its own, if it has a floor: the same as [`floor_of`], without a search.
pub(crate) fn own_floor(view: &dyn ReadMap, range: &KeyRange) -> Result<Revision, MapError> {
    let mut floor = Revision::ZERO;
    for key in [row_of(range), row_of(&KeyRange::all())] {
        if let Some(row) = view.get(&key)? {
            floor = floor.max(overlapping(&row, &key, range)?.unwrap_or_default());
        }
    }
    Ok(floor)
}

/// Adds the row of a floor: for whoever writes a map without a transaction, as a restore does.
pub fn write_floor(writes: &mut WriteSet, range: &KeyRange, revision: Revision) {
    let mut row = vec![FORMAT];
    row.extend_from_slice(&revision.get().to_be_bytes());
    row.extend_from_slice(&range.start);
    writes.put(Bytes::from(row_of(range)), row.into());
}

/// The row of a range's own floor.
fn row_of(range: &KeyRange) -> Vec<u8> {
    let mut row = rows::floor_row(&range.end);
    if range.end.is_empty() {
        row.extend_from_slice(&range.start);
    }
    row
}

/// The floor in a row whose range ends after the start of `range`, if it begins before its end.
fn overlapping(row: &[u8], key: &[u8], range: &KeyRange) -> Result<Option<Revision>, MapError> {
    let damaged = || MapError::damaged("unknown floor", key);
    let (number, start) =
        row.strip_prefix(&[FORMAT]).and_then(|row| row.split_first_chunk::<8>()).ok_or_else(damaged)?;
    let begins_before = range.end.is_empty() || start < range.end.as_ref();
    Ok(begins_before.then(|| Revision::new(u64::from_be_bytes(*number))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryMap;

    fn with(floors: &[(KeyRange, u64)]) -> MemoryMap {
        let mut writes = WriteSet::default();
        for (range, revision) in floors {
            write_floor(&mut writes, range, Revision::new(*revision));
        }
        let mut map = MemoryMap::default();
        map.write(&writes);
        map
    }

    #[test]
    fn golden_bytes() {
        let mut writes = WriteSet::default();
        write_floor(&mut writes, &KeyRange::new("a", "b"), Revision::new(258));
        write_floor(&mut writes, &KeyRange::all(), Revision::new(1));
        write_floor(&mut writes, &KeyRange::new("c", ""), Revision::new(2));
        let rows: Vec<_> = writes.iter().map(|(key, row)| (key.to_vec(), row.unwrap().to_vec())).collect();
        let golden: [(&[u8], &[u8]); 3] = [
            (b"\x04\x00b\x00\x00", b"\x01\0\0\0\0\0\0\x01\x02a"),
            (b"\x04\x01", b"\x01\0\0\0\0\0\0\0\x01"),
            (b"\x04\x01c", b"\x01\0\0\0\0\0\0\0\x02c"),
        ];
        assert_eq!(rows, golden.map(|(key, row)| (key.to_vec(), row.to_vec())));
    }

    #[test]
    fn the_floor_of_a_range_is_the_highest_that_it_touches() {
        let map =
            with(&[(KeyRange::prefix("b/"), 5), (KeyRange::prefix("d/"), 9), (KeyRange::single("e"), 3)]);
        let floor = |range: KeyRange| floor_of(&map, &range).unwrap().get();
        assert_eq!(floor(KeyRange::new("b/", "d/")), 5);
        assert_eq!(floor(KeyRange::single("b/x")), 5);
        assert_eq!(floor(KeyRange::prefix("b/x")), 5);
        assert_eq!(floor(KeyRange::prefix("c/")), 0);
        assert_eq!(floor(KeyRange::single("a")), 0);
        assert_eq!(floor(KeyRange::new("a", "b/a")), 5);
        assert_eq!(floor(KeyRange::single("e")), 3);
        assert_eq!(floor(KeyRange::single("e\0")), 0);
        assert_eq!(floor(KeyRange::all()), 9);
        assert_eq!(floor(KeyRange::new("b/z", "d/a")), 9);
    }

    #[test]
    fn one_over_everything_counts_everywhere() {
        let map = with(&[(KeyRange::prefix("b/"), 5), (KeyRange::all(), 7)]);
        assert_eq!(floor_of(&map, &KeyRange::single("b/x")), Ok(Revision::new(7)));
        assert_eq!(floor_of(&map, &KeyRange::single("z")), Ok(Revision::new(7)));
        for (range, own) in [(KeyRange::prefix("b/"), 7), (KeyRange::prefix("c/"), 7), (KeyRange::all(), 7)] {
            assert_eq!(own_floor(&map, &range), Ok(Revision::new(own)));
        }
        let map = with(&[(KeyRange::prefix("b/"), 5)]);
        assert_eq!(own_floor(&map, &KeyRange::prefix("b/")), Ok(Revision::new(5)));
        assert_eq!(own_floor(&map, &KeyRange::prefix("c/")), Ok(Revision::ZERO));
    }

    #[test]
    fn a_range_without_an_end_counts_from_its_start() {
        let (tail, before) = (KeyRange::new("d", ""), KeyRange::new("", "b"));
        for of_all in [None, Some((KeyRange::all(), 4))] {
            let beside = u64::from(of_all.is_some()) * 4;
            let floors: Vec<_> = [(tail.clone(), 7), (before.clone(), 5)].into_iter().chain(of_all).collect();
            let map = with(&floors);
            let ranges = [
                (tail.clone(), 7),
                (KeyRange::single("x"), 7),
                (KeyRange::new("c", "e"), 7),
                (KeyRange::new("a", ""), 7),
                (KeyRange::all(), 7),
                (KeyRange::new("c", "d"), beside),
                (KeyRange::new("b", "d"), beside),
                (before.clone(), 5),
                (KeyRange::new("a", "c"), 5),
            ];
            for (range, floor) in ranges {
                assert_eq!(floor_of(&map, &range), Ok(Revision::new(floor)), "{range:?}");
            }
            assert_eq!(own_floor(&map, &tail), Ok(Revision::new(7)));
            assert_eq!(own_floor(&map, &before), Ok(Revision::new(5)));
        }
    }
}
