//! Keys of which only the present is kept: what they are, what is told of them, and that nothing else stays.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

use bytes::Bytes;
use conclave_mvcc::{
    Batch, ChangeKind, ChangeLimits, KeyRange, MemoryMap, PresentCursor, Revised, Revision, Sealed,
    Transaction, changes_since, get_at, get_present, newest_present, newest_revision,
};

const EVERYTHING: ChangeLimits = ChangeLimits { revisions_max: usize::MAX, size_bytes_max: usize::MAX };

fn range() -> KeyRange {
    KeyRange::prefix("lock/")
}

fn write(map: &mut MemoryMap, change: impl FnOnce(&mut Transaction<'_>)) -> Option<Revised> {
    let before = newest_revision(map).unwrap();
    let sealed = seal(map, change);
    assert_eq!(sealed.revised, None);
    assert_eq!(newest_revision(map).unwrap(), before, "the clock of what has a past stands still");
    sealed.present
}

fn seal(map: &mut MemoryMap, change: impl FnOnce(&mut Transaction<'_>)) -> Sealed {
    let mut batch = Batch::new(map);
    let mut transaction = Transaction::begin(&batch).unwrap();
    change(&mut transaction);
    let sealed = transaction.seal();
    batch.absorb(sealed.writes.clone()).unwrap();
    let writes = batch.into_writes();
    map.write(&writes);
    sealed
}

fn put(map: &mut MemoryMap, key: &'static str, value: &'static str) -> Revised {
    write(map, |transaction| transaction.put_present(key.into(), value.into()).unwrap()).unwrap()
}

#[test]
fn only_the_present_stays_and_each_change_is_told_once() {
    let mut map = MemoryMap::default();
    let first = put(&mut map, "lock/a", "1");
    assert_eq!(first.events[0].change(), ChangeKind::Added);
    let rows = map.iter().count();
    for (value, version) in [("2", 2), ("3", 3)] {
        let told = put(&mut map, "lock/a", value);
        assert_eq!(told.events[0].change(), ChangeKind::Changed);
        assert_eq!(map.iter().count(), rows, "nothing of the past is there");
        let record = get_present(&map, b"lock/a").unwrap().unwrap();
        assert_eq!((record.value.as_ref(), record.version), (value.as_bytes(), version));
        assert_eq!((record.create_revision, record.mod_revision), (first.revision, told.revision));
        assert_eq!(newest_present(&map), Ok(told.revision));
    }
    assert!(changes_since(&map, first.revision, EVERYTHING).unwrap().is_empty(), "no row tells of it");
    assert_eq!(get_at(&map, b"lock/a", Revision::MAX), Ok(None), "it is no versioned key");
    let gone = write(&mut map, |transaction| {
        assert_eq!(transaction.delete_present("lock/a".into()), Ok(true));
        assert_eq!(transaction.delete_present("lock/a".into()), Ok(false));
    });
    let gone = gone.unwrap();
    assert_eq!(gone.events[0].change(), ChangeKind::Deleted);
    assert_eq!(map.iter().count(), rows - 1);
    assert_eq!(get_present(&map, b"lock/a"), Ok(None));
}

#[test]
fn what_is_made_and_undone_at_once_never_was() {
    let mut map = MemoryMap::default();
    let told = write(&mut map, |transaction| {
        transaction.put_present("lock/a".into(), "1".into()).unwrap();
        assert!(transaction.get_present(&"lock/a".into()).unwrap().is_some(), "it sees itself");
        transaction.delete_present("lock/a".into()).unwrap();
    });
    assert_eq!(told, None);
    assert_eq!(get_present(&map, b"lock/a"), Ok(None));
}

#[test]
fn each_kind_of_keys_has_its_clock() {
    let mut map = MemoryMap::default();
    put(&mut map, "lock/a", "1");
    put(&mut map, "lock/b", "1");
    let told = seal(&mut map, |transaction| {
        assert_eq!(transaction.present_revision(), Ok(Revision::new(3)));
        transaction.put("m".into(), "2".into(), Bytes::new()).unwrap();
        transaction.put_present("lock/b".into(), "1".into()).unwrap();
        transaction.put("a".into(), "0".into(), Bytes::new()).unwrap();
    });
    let keys = |revised: Option<Revised>| {
        let revised = revised.unwrap();
        let keys: Vec<_> = revised.events.iter().map(|event| (event.key.clone(), event.order)).collect();
        (revised.revision.get(), keys)
    };
    assert_eq!(keys(told.revised), (2, vec![("a".into(), 1), ("m".into(), 0)]));
    assert_eq!(keys(told.present), (3, vec![("lock/b".into(), 0)]));
    assert_eq!(newest_present(&map), Ok(Revision::new(3)));
    assert_eq!(newest_revision(&map), Ok(Revision::new(2)));
}

#[test]
fn looking_is_no_change() {
    let mut map = MemoryMap::default();
    put(&mut map, "lock/a", "1");
    let told = write(&mut map, |transaction| {
        transaction.present_revision().unwrap();
        transaction.get_present(&"lock/a".into()).unwrap();
        transaction.delete_present("lock/b".into()).unwrap();
    });
    assert_eq!(told, None);
    assert_eq!(newest_present(&map), Ok(Revision::new(1)));
}

#[test]
fn a_cursor_goes_through_a_range_in_order() {
    let mut map = MemoryMap::default();
    for key in ["lock/b", "lock/a", "lock/c\0", "lock0"] {
        put(&mut map, key, key);
    }
    let mut cursor = PresentCursor::new(&map, &range()).unwrap();
    let mut seen = Vec::new();
    while let Some(key) = cursor.key() {
        assert_eq!(cursor.record().unwrap().value, key);
        seen.push(Bytes::copy_from_slice(key));
        cursor.advance().unwrap();
    }
    assert_eq!(seen, ["lock/a", "lock/b", "lock/c\0"]);
    assert!(cursor.record().is_err());
    assert_eq!(PresentCursor::new(&map, &KeyRange::all()).unwrap().key(), Some(b"lock/a".as_slice()));
}
