//! Rows that were spoilt: whoever reads them is told, or reads something; nothing panics.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

use bytes::Bytes;
use conclave_fuzz::inputs_of;
use conclave_mvcc::{
    ChangeLimits, ChangePlace, CollectQuery, KeyRange, MapError, MemoryMap, PresentCursor, RangeCursor,
    Revision, SweepQuery, Transaction, WriteSet, changed_keys, changes_since, floor_of, history,
    newest_present, write_floor,
};

fn write(map: &mut MemoryMap, change: impl FnOnce(&mut Transaction<'_>)) {
    let mut transaction = Transaction::begin(map).unwrap();
    change(&mut transaction);
    let sealed = transaction.seal();
    map.write(&sealed.writes);
}

/// Keys with a past, of the present only, and floors.
fn store() -> MemoryMap {
    let mut map = MemoryMap::default();
    for (number, key) in ["a", "b", "a", "a\0b", "c"].into_iter().enumerate() {
        let value = Bytes::from(format!("value {number}"));
        write(&mut map, |transaction| {
            transaction.put(key.into(), value.clone(), "note".into()).unwrap();
            transaction.put("z".into(), value.clone(), Bytes::new()).unwrap();
            transaction.put_present(key.into(), value).unwrap();
        });
    }
    write(&mut map, |transaction| {
        transaction.delete("b".into()).unwrap();
        transaction.delete_present("b".into()).unwrap();
    });
    let mut writes = WriteSet::default();
    write_floor(&mut writes, &KeyRange::new("a", "b"), Revision::new(3));
    write_floor(&mut writes, &KeyRange::new("b", ""), Revision::new(2));
    map.write(&writes);
    map
}

fn read_keys(map: &MemoryMap) -> Result<(), MapError> {
    for revision in [Revision::new(3), Revision::MAX] {
        let mut cursor = RangeCursor::new(map, &KeyRange::all(), revision)?;
        while cursor.key().is_some() {
            cursor.record()?;
            cursor.advance()?;
        }
    }
    Ok(())
}

fn read_present(map: &MemoryMap) -> Result<(), MapError> {
    newest_present(map)?;
    let mut cursor = PresentCursor::new(map, &KeyRange::all())?;
    while cursor.key().is_some() {
        cursor.record()?;
        cursor.advance()?;
    }
    Ok(())
}

fn read_changes(map: &MemoryMap) -> Result<(), MapError> {
    for revision in (0..9).map(Revision::new) {
        changed_keys(map, revision, &KeyRange::all(), 9)?;
    }
    let limits = ChangeLimits { revisions_max: 99, size_bytes_max: 99_999 };
    changes_since(map, Revision::ZERO, limits).map(drop)
}

fn read_the_past(map: &MemoryMap) -> Result<(), MapError> {
    floor_of(map, &KeyRange::all())?;
    floor_of(map, &KeyRange::single("b"))?;
    ["a", "b", "a\0b", "z"]
        .iter()
        .try_for_each(|key| history(map, key.as_bytes(), Revision::MAX, 9).map(drop))
}

fn change(map: &MemoryMap) -> Result<(), MapError> {
    let mut transaction = Transaction::begin(map)?;
    transaction.put("a".into(), "new".into(), Bytes::new())?;
    transaction.delete("z".into())?;
    transaction.put_present("a".into(), "new".into())?;
    transaction.raise_floor(&KeyRange::new("a", "b"), Revision::new(4))?;
    transaction.forget_past(&KeyRange::all(), "c".into())?;
    drop(transaction.seal());
    Ok(())
}

fn collect(map: &MemoryMap) -> Result<(), MapError> {
    let (range, floor, points) = (KeyRange::new("", "z"), Revision::new(6), [Revision::new(3)]);
    let mut transaction = Transaction::begin(map)?;
    transaction.collect(&CollectQuery {
        range: &range,
        within: None,
        floor,
        points: &points,
        rows_max: 99,
    })?;
    let place = ChangePlace::default();
    transaction.sweep(&SweepQuery {
        ranges: &[KeyRange::new("z", "")],
        from: Revision::ZERO,
        to: floor,
        place,
        rows_max: 99,
        size_bytes_max: 99_999,
    })?;
    drop(transaction.seal());
    Ok(())
}

/// Writes the row that was spoilt, under its own key or one that was spoilt with it.
fn damaged(good: &MemoryMap, key: &[u8], value: &[u8]) -> MemoryMap {
    let mut writes = WriteSet::default();
    writes.put(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
    let mut map = good.clone();
    map.write(&writes);
    map
}

fn read_all(map: &MemoryMap) {
    for read in [read_keys, read_present, read_changes, read_the_past, change, collect] {
        read(map).ok();
    }
}

#[test]
fn whole_rows_can_be_read() {
    let map = store();
    for read in [read_keys, read_present, read_changes, read_the_past, change, collect] {
        read(&map).unwrap();
    }
}

#[test]
fn fuzz_values_of_rows() {
    let map = store();
    let rows: Vec<_> = map.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    inputs_of!(rows.iter().map(|(_, value)| value))
        .for_each(|input| read_all(&damaged(&map, &rows[input.seed].0, input)));
}

#[test]
fn fuzz_keys_of_rows() {
    let map = store();
    let rows: Vec<_> = map.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    inputs_of!(rows.iter().map(|(key, _)| key))
        .for_each(|input| read_all(&damaged(&map, input, &rows[input.seed].1)));
}
