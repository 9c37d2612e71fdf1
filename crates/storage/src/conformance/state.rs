//! The state's database.

use std::path::Path;

use bytes::Bytes;
use conclave_mvcc::{Cursor, ReadMap, WriteSet, key_part};

use super::files;
use crate::{Disk, Reach, StateDb, StateRead, StorageError};

/// A value for each key, or none to delete it.
fn writes(changes: &[(&'static str, Option<&'static str>)]) -> WriteSet {
    let mut writes = WriteSet::default();
    for (key, value) in changes {
        match value {
            Some(value) => writes.put(Bytes::from(*key), Bytes::from(*value)),
            None => writes.delete(Bytes::from(*key)),
        }
    }
    writes
}

fn write(state: &dyn StateDb, changes: &[(&'static str, Option<&'static str>)], mark: Option<&str>) {
    state.write(&writes(changes), mark.map(str::as_bytes)).expect("it can be written");
}

fn mark(state: &dyn StateRead) -> Option<Bytes> {
    state.mark().expect("it can be read")
}

/// The row at which the cursor is.
fn row(cursor: &dyn Cursor) -> Option<String> {
    let (key, value) = (cursor.key()?, cursor.value()?);
    Some(format!("{}={}", key.escape_ascii(), value.escape_ascii()))
}

/// The rows from `start` on before `end`.
fn rows(mut cursor: Box<dyn Cursor + '_>, start: &str, end: &str) -> String {
    cursor.seek(start.as_bytes()).expect("it can be read");
    let mut rows = Vec::new();
    while cursor.key().is_some_and(|key| key < end.as_bytes()) {
        rows.extend(row(&*cursor));
        cursor.advance().expect("it can be read");
    }
    rows.join(" ")
}

fn all(view: &dyn ReadMap) -> String {
    rows(view.cursor(), "", "\u{10ffff}")
}

pub(super) fn views(disk: &dyn Disk, folder: &Path) {
    let state = disk.create_state(&folder.join("state")).expect("it can be made");
    assert_eq!((mark(&*state), all(&*state.view()).as_str()), (None, ""));
    write(&*state, &[("b", Some("2")), ("a", Some("1")), ("d", Some(""))], Some("first"));
    let view = state.view();
    write(&*state, &[("a", None), ("b", Some("new")), ("c", Some("3")), ("none", None)], None);
    assert_eq!(all(&*view), "a=1 b=2 d=", "a view stays as it was");
    assert_eq!(all(&*state.view()), "b=new c=3 d=");
    assert_eq!(mark(&*state).expect("it was written"), "first", "without a mark the old one stays");
    assert_eq!(view.get(b"a").expect("it can be read").expect("it is there"), "1");
    assert_eq!(state.view().get(b"a").expect("it can be read"), None);
    assert_eq!(view.get(b"d").expect("it can be read").expect("it is there, and empty"), "");

    let reach = Reach::new();
    assert_eq!(all(&*state.view_in_memory(&reach)), "b=new c=3 d=", "what was just written is in memory");
    assert!(!reach.is_exceeded());

    let mut cursor = view.cursor();
    assert_eq!(row(&*cursor), None, "it is at no row yet");
    cursor.seek(b"aa").expect("it can be read");
    assert_eq!(row(&*cursor).expect("there is one"), "b=2");
    cursor.seek(b"a").expect("it can be read");
    assert_eq!(row(&*cursor).expect("it goes back too"), "a=1");
    cursor.seek(b"dd").expect("it can be read");
    cursor.advance().expect("at its end it stays");
    assert_eq!(row(&*cursor), None);
    assert_eq!(rows(view.cursor_before(b"d"), "a", "d"), "a=1 b=2");
}

/// The row of a key's version.
fn version(key: &str, number: u8) -> Bytes {
    [&[0x01], key.as_bytes(), &[0, 0], &(!u64::from(number)).to_be_bytes()].concat().into()
}

pub(super) fn versions(disk: &dyn Disk, folder: &Path) {
    let state = disk.create_state(&folder.join("state")).expect("it can be made");
    let keys = ["", "a", "aa", "ab", "b"];
    let written =
        |number: u8| keys.iter().skip(usize::from(number)).map(move |key| (version(key, number), number));
    // On disk, in memory and in both.
    for number in 0..4 {
        let mut writes = WriteSet::default();
        written(number).for_each(|(row, number)| writes.put(row, vec![number].into()));
        state.write(&writes, None).expect("it can be written");
        if number < 3 {
            state.flush().expect("it can be flushed");
        }
    }
    let mut removed = WriteSet::default();
    removed.delete(version("ab", 2));
    state.write(&removed, None).expect("it can be written");
    let is_there =
        |place: usize, number: u8| usize::from(number) <= place && (keys[place], number) != ("ab", 2);

    let view = state.view();
    let mut cursor = view.key_cursor();
    for (place, key) in keys.iter().enumerate().rev() {
        for number in [u8::MAX, 3, 2, 1, 0] {
            cursor.seek(&version(key, number)).expect("it can be read");
            let prefix = key_part(&version(key, number)).expect("it is one of a version").to_vec();
            let found = cursor.key().filter(|row| row.starts_with(&prefix)).map(<[u8]>::to_vec);
            let newest = (0..=number.min(3)).rev().find(|number| is_there(place, *number));
            assert_eq!(found, newest.map(|newest| version(key, newest).to_vec()), "{key:?} at {number}");
        }
        cursor.seek(&version(&format!("{key}0"), u8::MAX)).expect("it can be read");
        let found = cursor.key().is_some_and(|row| row.starts_with(format!("\u{1}{key}0").as_bytes()));
        assert!(!found, "no such key was written");
    }
    let all =
        (0..keys.len()).map(|place| (0..4).filter(|number| is_there(place, *number)).count()).sum::<usize>();
    let (mut cursor, mut count) = (view.cursor(), 0);
    cursor.seek(b"").expect("it can be read");
    while cursor.key().is_some() {
        count += 1;
        cursor.advance().expect("it can be read");
    }
    assert_eq!(count, all, "the other cursors see all keys");
}

pub(super) fn opened_again(disk: &dyn Disk, folder: &Path) {
    let path = folder.join("state");
    let missing = disk.open_state(&path).map(|_| ());
    assert!(matches!(missing, Err(StorageError::StateDamaged { .. })), "{missing:?}");
    let path = folder.join("1");
    drop(disk.create_state(&path).expect("it can be made"));
    assert!(disk.create_state(&path).is_err(), "it is there");
    {
        let state = disk.open_state(&path).expect("an empty one is durable");
        assert_eq!((mark(&*state), all(&*state.view()).as_str()), (None, ""));
        write(&*state, &[("a", Some("1"))], Some("1"));
        assert!(state.unflushed_size_bytes().expect("it can be measured") > 0);
        state.flush().expect("it can be flushed");
        assert!(state.live_size_bytes().expect("it can be measured") > 0);
        write(&*state, &[("a", Some("2")), ("b", Some("2"))], Some("2"));
    }
    let state = disk.open_state(&path).expect("it is there");
    let found = (mark(&*state).expect("it was flushed"), all(&*state.view()));
    let whole = found == ("1".into(), "a=1".into()) || found == ("2".into(), "a=2 b=2".into());
    assert!(whole, "data and mark are of one write: {found:?}");
}

/// Copies every file of a folder to another one, as if it were sent to another machine.
fn copy(disk: &dyn Disk, from: &Path, to: &Path) {
    disk.create_dir_all(to).expect("it can be made");
    for name in files::names_in(disk, from) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        assert!(name.bytes().all(plain) && !name.starts_with('.'), "\"{name}\" could not be sent");
        files::write(disk, &to.join(&name), &disk.read(&from.join(&name)).expect("it is there"));
    }
}

pub(super) fn checkpoints(disk: &dyn Disk, folder: &Path) {
    let (path, checkpoint) = (folder.join("state"), folder.join("checkpoint"));
    let state = disk.create_state(&path).expect("it can be made");
    write(&*state, &[("a", Some("1")), ("b", Some("2"))], Some("old"));
    state.checkpoint(&checkpoint).expect("it can be made");
    write(&*state, &[("a", None), ("c", Some("3"))], Some("new"));
    state.flush().expect("it can be flushed");

    copy(disk, &checkpoint, &folder.join("copy"));
    for path in [&checkpoint, &folder.join("copy")] {
        let copy = disk.open_copy(path).expect("it is whole");
        assert_eq!(mark(&*copy).expect("it is there"), "old");
        assert_eq!(all(&*copy.view()), "a=1 b=2", "it does not change");
    }
    let sent = folder.join("sent");
    copy(disk, &folder.join("copy"), &sent);
    {
        let other = disk.open_state(&sent).expect("it is a state, also after it was read");
        write(&*other, &[("d", Some("4"))], Some("other"));
        other.flush().expect("it can be flushed");
    }
    let other = disk.open_state(&sent).expect("it is there");
    assert_eq!(
        (mark(&*other).expect("it is there"), all(&*other.view())),
        ("other".into(), "a=1 b=2 d=4".into())
    );
    drop(state);
    disk.remove_dir_all(&path).expect("it can be removed");
    let copy = disk.open_copy(&checkpoint).expect("it stands alone");
    assert_eq!(all(&*copy.view()), "a=1 b=2");

    disk.create_dir_all(&folder.join("empty")).expect("it can be made");
    for path in [folder.join("empty"), folder.join("missing")] {
        let nothing = disk.open_copy(&path).map(|_| ());
        assert!(matches!(nothing, Err(StorageError::StateDamaged { .. })), "{nothing:?}");
    }
}
