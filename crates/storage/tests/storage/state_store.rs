//! The state as an ordered map on disk: the same as one in memory, and whole after a crash.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::sync::mpsc;
use std::thread;

use crate::support::{Place, files, flip};
use bytes::Bytes;
use conclave_mvcc::{Cursor, MapError, MemoryMap, ReadMap, WriteSet};
use conclave_storage::{Checkpoint, CheckpointFile, DataDir, StateStore, StorageError};
use proptest::prelude::*;

fn puts(rows: &[(&'static str, &str)]) -> WriteSet {
    let mut writes = WriteSet::default();
    for (key, value) in rows {
        writes.put(Bytes::from(*key), Bytes::from(value.to_string()));
    }
    writes
}

fn get(state: &StateStore, key: &str) -> Option<Bytes> {
    state.read(|view| view.get(key.as_bytes())).unwrap()
}

type Row = (Vec<u8>, Vec<u8>);

fn row(cursor: &dyn Cursor) -> Option<Row> {
    Some((cursor.key()?.to_vec(), cursor.value()?.to_vec()))
}

fn rows(view: &dyn ReadMap) -> Result<Vec<Row>, MapError> {
    let mut cursor = view.cursor();
    let mut rows = Vec::new();
    cursor.seek(b"")?;
    while let Some(row) = row(cursor.as_ref()) {
        rows.push(row);
        cursor.advance()?;
    }
    Ok(rows)
}

#[test]
fn a_read_sees_one_moment() {
    let place = Place::new();
    let state = place.state();
    state.write(&puts(&[("a", "1"), ("b", "1")]), None).unwrap();
    state.read(|view| {
        state.write(&puts(&[("a", "2"), ("c", "2")]), None).unwrap();
        assert_eq!(view.get(b"a").unwrap().unwrap(), "1");
        assert_eq!(rows(view).unwrap().len(), 2);
    });
    assert_eq!(get(&state, "a").unwrap(), "2");
    assert!(state.size_bytes().unwrap() > 0);
}

#[test]
fn a_brief_read_waits_for_no_disk_and_is_short() {
    let place = Place::new();
    let state = place.state();
    let mut writes = WriteSet::default();
    for row in 0..1_000_u32 {
        writes.put(Bytes::copy_from_slice(&row.to_be_bytes()), row.to_string().into());
    }
    state.write(&writes, None).unwrap();
    let first = |state: &StateStore| state.read_briefly(|view| view.get(&[0; 4]).map(Option::unwrap));
    assert_eq!(first(&state).unwrap().unwrap(), "0");
    assert!(state.read_briefly(rows).is_none(), "a thousand rows take a while");

    state.flush().unwrap();
    drop(state);
    let state = place.state();
    assert!(first(&state).is_none(), "it is on the disk alone");
    assert!(state.read_briefly(|view| view.cursor().seek(&[0; 4])).is_none(), "so it is for a cursor");
    assert_eq!(state.read(|view| view.get(&[0; 4])).unwrap().unwrap(), "0");
    assert_eq!(first(&state).unwrap().unwrap(), "0", "it was read a moment ago");
}

#[test]
fn a_brief_read_does_not_pass_over_much_that_was_removed() {
    let place = Place::new();
    let state = place.state();
    let (mut writes, mut removed) = (WriteSet::default(), WriteSet::default());
    for row in 0..10_000_u32 {
        let key = Bytes::copy_from_slice(&row.to_be_bytes());
        writes.put(key.clone(), Bytes::new());
        removed.delete(key);
    }
    writes.put(Bytes::from_static(b"z"), Bytes::from_static(b"last"));
    state.write(&writes, None).unwrap();
    state.write(&removed, None).unwrap();
    assert!(state.read_briefly(|view| view.cursor().seek(b"")).is_none());
    assert_eq!(state.read(rows).unwrap().len(), 1);
}

#[test]
fn the_mark_goes_with_the_data_and_is_not_seen_in_the_map() {
    let place = Place::new();
    let state = place.state();
    assert_eq!(state.mark().unwrap(), None);
    state.write(&puts(&[("a", "1")]), Some(b"first")).unwrap();
    state.write(&puts(&[("a", "2")]), None).unwrap();
    assert_eq!(state.mark().unwrap().unwrap(), "first");
    state.write(&WriteSet::default(), Some(b"second")).unwrap();
    state.read(|view| {
        assert_eq!(rows(view).unwrap(), [(b"a".to_vec(), b"2".to_vec())]);
        assert_eq!(view.get(&[0xf0, 0x01]).unwrap(), None);
        let mut cursor = view.cursor();
        cursor.seek(&[0xf0]).unwrap();
        assert_eq!(cursor.key(), None);
        cursor.advance().unwrap();
        cursor.seek(b"a").unwrap();
        assert_eq!(cursor.key(), Some(b"a".as_slice()));
    });
    let mut writes = WriteSet::default();
    writes.put(Bytes::from_static(&[0xf0, 0x01]), Bytes::new());
    assert!(matches!(state.write(&writes, None), Err(StorageError::ReservedRow { .. })));
    assert_eq!(state.mark().unwrap().unwrap(), "second");
}

#[test]
fn a_crash_rolls_back_to_a_flush_with_its_mark() {
    let place = Place::new();
    let state = place.state();
    state.write(&puts(&[("a", "1"), ("b", "1")]), Some(b"1")).unwrap();
    state.flush().unwrap();
    state.write(&puts(&[("a", "2"), ("c", "2")]), Some(b"2")).unwrap();
    let copy = place.crash_copy().state();
    assert_eq!(copy.mark().unwrap().unwrap(), "1");
    assert_eq!((get(&copy, "a").unwrap(), get(&copy, "c")), (Bytes::from("1"), None));
    assert_eq!(get(&state, "a").unwrap(), "2");
    drop(state);
    assert_eq!(place.state().mark().unwrap().unwrap(), "2", "a store that is closed is flushed");
}

fn read_file(checkpoint: &Checkpoint, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    checkpoint.open(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn send(from: &StateStore, to: &StateStore) -> Result<(), StorageError> {
    let checkpoint = from.checkpoint().unwrap();
    let staging = to.stage().unwrap();
    for file in checkpoint.files() {
        let bytes = read_file(&checkpoint, &file.name);
        let mut staged = staging.file(file.clone()).unwrap();
        for chunk in bytes.chunks(1000) {
            staged.write(staged.size_bytes(), chunk).unwrap();
        }
        staged.finish().unwrap();
    }
    to.install(staging)
}

#[test]
fn a_snapshot_takes_the_states_place_while_a_reader_keeps_the_old() {
    let (source, target) = (Place::new(), Place::new());
    let from = source.state();
    from.write(&puts(&[("a", "new"), ("b", "new")]), Some(b"mark")).unwrap();
    let to = target.state();
    to.write(&puts(&[("a", "old"), ("gone", "old")]), Some(b"old mark")).unwrap();
    let generations = || {
        let mut found: Vec<_> =
            files(&target.path().join("state"), "").into_iter().filter(|p| p.is_dir()).collect();
        found.sort();
        found.len()
    };

    let (reading, is_reading) = mpsc::channel();
    let (installed, is_installed) = mpsc::channel::<()>();
    let reader = {
        let to = to.clone();
        thread::spawn(move || {
            to.read(|view| {
                reading.send(()).unwrap();
                is_installed.recv().unwrap();
                rows(view).unwrap()
            })
        })
    };
    is_reading.recv().unwrap();
    send(&from, &to).unwrap();
    assert_eq!(to.mark().unwrap().unwrap(), "mark");
    assert_eq!((get(&to, "a").unwrap(), get(&to, "gone")), (Bytes::from("new"), None));
    assert_eq!(generations(), 2);
    installed.send(()).unwrap();
    let old = reader.join().unwrap();
    assert_eq!(old, [(b"a".to_vec(), b"old".to_vec()), (b"gone".to_vec(), b"old".to_vec())]);
    assert_eq!(generations(), 1, "the old one goes with its last reader");

    to.write(&puts(&[("c", "later")]), Some(b"later")).unwrap();
    to.flush().unwrap();
    let crashed = target.crash_copy().state();
    assert_eq!((get(&crashed, "b").unwrap(), get(&crashed, "c").unwrap()), ("new".into(), "later".into()));
    send(&to, &from).unwrap();
    assert_eq!(from.mark().unwrap().unwrap(), "later");
}

#[test]
fn a_checkpoint_is_of_one_moment_and_goes_when_it_is_dropped() {
    let place = Place::new();
    let state = place.state();
    state.write(&puts(&[("a", "1")]), Some(b"1")).unwrap();
    let checkpoint = state.checkpoint().unwrap();
    state.write(&puts(&[("a", "2")]), Some(b"2")).unwrap();
    let second = state.checkpoint().unwrap();
    assert_eq!(checkpoint.mark().unwrap(), "1");
    assert_eq!(second.mark().unwrap(), "2");
    let names: Vec<&str> = checkpoint.files().iter().map(|file| file.name.as_str()).collect();
    assert!(names.contains(&"CURRENT"), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with(".sst")), "{names:?}");
    assert!(checkpoint.open("../../identity").is_err());
    let snapshots = place.path().join("snapshots");
    assert_eq!(fs::read_dir(&snapshots).unwrap().count(), 2);
    drop(second);
    assert_eq!(fs::read_dir(&snapshots).unwrap().count(), 1);
    let crashed = place.crash_copy();
    drop(crashed.state());
    assert_eq!(fs::read_dir(crashed.path().join("snapshots")).unwrap().count(), 0);
    assert_eq!(crashed.state().mark().unwrap().unwrap(), "2", "a checkpoint flushes");
}

#[test]
fn a_snapshot_that_is_not_what_was_announced_changes_nothing() {
    let (source, target) = (Place::new(), Place::new());
    let from = source.state();
    from.write(&puts(&[("a", "new")]), Some(b"new")).unwrap();
    let checkpoint = from.checkpoint().unwrap();
    let file = checkpoint.files().iter().find(|file| file.name.ends_with(".sst")).unwrap();
    let bytes = read_file(&checkpoint, &file.name);
    let to = target.state();
    to.write(&puts(&[("a", "old")]), Some(b"old")).unwrap();
    let staging = to.stage().unwrap();

    let refused = |result: Result<(), StorageError>, why: &str| {
        let error = result.unwrap_err();
        assert!(matches!(&error, StorageError::Snapshot { .. }), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
    };
    let mut staged = staging.file(file.clone()).unwrap();
    refused(staged.write(1, &bytes), "begin at 1 instead of 0");
    staged.write(0, &bytes).unwrap();
    refused(staged.write(file.size_bytes, b"x"), "longer than announced");
    drop(staged);
    let mut staged = staging.file(file.clone()).unwrap();
    staged.write(0, &bytes[1..]).unwrap();
    refused(staged.finish(), "bytes came instead of");
    let mut staged = staging.file(file.clone()).unwrap();
    let mut damaged = bytes.clone();
    damaged[7] ^= 1;
    staged.write(0, &damaged).unwrap();
    refused(staged.finish(), "checksum is wrong");
    for name in ["", "..", ".hidden", "../CURRENT", "a/b", "a\0b", &"x".repeat(101)] {
        let announced = CheckpointFile { name: name.to_owned(), ..file.clone() };
        refused(staging.file(announced).map(|_| ()), "no name of a file");
    }

    // All files but one.
    for other in checkpoint.files().iter().filter(|other| *other != file) {
        let mut staged = staging.file(other.clone()).unwrap();
        staged.write(0, &read_file(&checkpoint, &other.name)).unwrap();
        staged.finish().unwrap();
    }
    refused(to.install(staging), "the received snapshot cannot be used");
    refused(to.install(to.stage().unwrap()), "the received snapshot cannot be used");
    assert_eq!((get(&to, "a").unwrap(), to.mark().unwrap().unwrap()), ("old".into(), "old".into()));
    assert_eq!(files(&target.path().join("state"), "").len(), 2, "CURRENT and the state, nothing else");
    drop(to);
    assert_eq!(target.state().mark().unwrap().unwrap(), "old");
}

#[test]
fn a_missing_or_damaged_state_is_an_error_of_its_own_and_can_be_recreated() {
    let place = Place::new();
    let state = place.state();
    state.write(&puts(&[("a", "1")]), Some(b"1")).unwrap();
    state.flush().unwrap();
    drop(state);
    let damages: [fn(&std::path::Path); 4] = [
        |state| fs::remove_dir_all(state).unwrap(),
        |state| fs::remove_file(state.join("CURRENT")).unwrap(),
        |state| fs::remove_dir_all(state.join("1")).unwrap(),
        |state| fs::remove_file(files(&state.join("1"), ".sst").pop().unwrap()).unwrap(),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let copy = place.crash_copy();
        damage(&copy.path().join("state"));
        let error = copy.try_state().map(|_| ()).unwrap_err();
        assert!(matches!(&error, StorageError::StateDamaged { .. }), "{number}: {error:?}");
        let dir: DataDir = copy.open();
        let state = StateStore::recreate(&dir).unwrap();
        assert_eq!((get(&state, "a"), state.mark().unwrap()), (None, None));
        state.write(&puts(&[("a", "2")]), Some(b"2")).unwrap();
        drop((state, dir));
        assert_eq!(copy.state().mark().unwrap().unwrap(), "2");
    }
}

#[test]
fn a_flipped_byte_is_an_error_or_harmless() {
    let place = Place::new();
    let state = place.state();
    let mut expected = BTreeMap::new();
    let mut writes = WriteSet::default();
    for number in 0..400_u32 {
        let (key, value) =
            (format!("key {number:04}"), format!("value {}", number.wrapping_mul(0x9e37_79b9)));
        writes.put(Bytes::from(key.clone()), Bytes::from(value.clone()));
        expected.insert(key.into_bytes(), value.into_bytes());
    }
    state.write(&writes, Some(b"mark")).unwrap();
    state.flush().unwrap();
    drop(state);
    let expected = Vec::from_iter(expected);
    let table = files(&place.path().join("state/1"), ".sst").pop().unwrap();
    let name = table.file_name().unwrap();
    let size_bytes = fs::read(&table).unwrap().len();
    let (mut found, mut tried) = (0, 0);
    for at in (0..size_bytes).step_by(151) {
        let copy = place.crash_copy();
        flip(&copy.path().join("state/1").join(name), at);
        tried += 1;
        match copy.try_state() {
            Err(error) => {
                assert!(matches!(&error, StorageError::StateDamaged { .. }), "{error:?}");
                found += 1;
            }
            Ok(state) => match state.read(rows) {
                Ok(read) => assert_eq!(read, expected, "byte {at}"),
                Err(error) => {
                    assert!(error.to_string().contains("the state cannot be read"), "{error}");
                    found += 1;
                }
            },
        }
    }
    assert!(found > tried / 2, "only {found} of {tried} were found");
}

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Flush,
    Reopen,
    Replace,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0x00, 0x01, 0x61, 0xef, 0xff]), 0..4)
        .prop_filter("keys from f0 on are reserved", |key| key.first().is_none_or(|&first| first < 0xf0))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (key(), prop::option::of(prop::collection::vec(any::<u8>(), 0..4)));
    let step = prop_oneof![
        6 => prop::collection::vec(write, 0..12).prop_map(Step::Write),
        2 => Just(Step::Flush),
        1 => Just(Step::Reopen),
        1 => Just(Step::Replace),
    ];
    prop::collection::vec(step, 1..12)
}

/// The same seeks and steps on both give the same rows.
fn check_alike(state: &StateStore, memory: &MemoryMap, seeks: &[Vec<u8>]) {
    state.read(|view| {
        assert_eq!(rows(view).unwrap(), rows(memory).unwrap());
        let (mut on_disk, mut in_memory) = (view.cursor(), memory.cursor());
        assert_eq!(row(on_disk.as_ref()), None, "at no row before the first seek");
        on_disk.advance().unwrap();
        assert_eq!(row(on_disk.as_ref()), None);
        for key in seeks {
            assert_eq!(view.get(key).unwrap(), memory.get(key).unwrap());
            on_disk.seek(key).unwrap();
            in_memory.seek(key).unwrap();
            for _ in 0..3 {
                assert_eq!(row(on_disk.as_ref()), row(in_memory.as_ref()));
                on_disk.advance().unwrap();
                in_memory.advance().unwrap();
            }
        }
        for (end, key) in seeks.iter().zip(seeks.iter().skip(1)) {
            check_alike_before(end, key, view, memory);
        }
    });
}

/// Before the end that is given, a cursor that has one gives the same rows.
fn check_alike_before(end: &[u8], key: &[u8], view: &dyn ReadMap, memory: &MemoryMap) {
    let (mut on_disk, mut in_memory) = (view.cursor_before(end), memory.cursor());
    on_disk.seek(key).unwrap();
    in_memory.seek(key).unwrap();
    while let Some(expected) = row(in_memory.as_ref()).filter(|(key, _)| key.as_slice() < end) {
        assert_eq!(row(on_disk.as_ref()), Some(expected));
        on_disk.advance().unwrap();
        in_memory.advance().unwrap();
    }
    assert_eq!(row(on_disk.as_ref()), None, "nothing is sought from the end on");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_the_same_as_the_map_in_memory(
        steps in steps(),
        seeks in prop::collection::vec(key(), 1..20),
    ) {
        let place = Place::new();
        let mut state = place.state();
        let mut memory = MemoryMap::default();
        for step in steps {
            match step {
                Step::Write(rows) => {
                    let mut writes = WriteSet::default();
                    for (key, value) in rows {
                        match value {
                            Some(value) => writes.put(key.into(), value.into()),
                            None => writes.delete(key.into()),
                        }
                    }
                    memory.write(&writes);
                    state.write(&writes, None).unwrap();
                }
                Step::Flush => state.flush().unwrap(),
                Step::Reopen => {
                    state.flush().unwrap();
                    drop(state);
                    state = place.state();
                }
                Step::Replace => send(&state.clone(), &state).unwrap(),
            }
        }
        check_alike(&state, &memory, &seeks);
    }
}
