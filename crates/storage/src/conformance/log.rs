//! The log's database.

use std::path::Path;

use crate::{Disk, LogBatch, LogChange, LogDb, ScanPurpose, StorageError};

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn put(key: &str, value: &str) -> LogChange {
    LogChange::Put { key: key.into(), value: value.into() }
}

fn delete(start: &str, end: &str) -> LogChange {
    LogChange::DeleteRange(start.into()..end.into())
}

/// Writes, and sees that the log goes further now.
fn write<const N: usize>(log: &dyn LogDb, changes: [LogChange; N]) {
    let before = log.sequence();
    log.write(LogBatch { changes: changes.into() }).expect("it can be written");
    assert!(log.sequence() > before, "every write is counted");
}

/// The rows from `start` to `end`, of which at most `count_max` are taken.
fn scan(log: &dyn LogDb, (start, end): (&str, &str), purpose: ScanPurpose, count_max: usize) -> Rows {
    let mut rows = Rows::new();
    let mut take = |key: &[u8], value: &[u8]| {
        assert!(rows.len() < count_max, "it goes on after it was told to stop");
        rows.push((key.to_vec(), value.to_vec()));
        rows.len() < count_max
    };
    log.scan(start.as_bytes()..end.as_bytes(), purpose, &mut take).expect("it can be read");
    rows
}

/// All keys, each with its value, as one text.
fn all(log: &dyn LogDb) -> String {
    let rows = scan(log, ("", "~"), ScanPurpose::Verify, usize::MAX);
    assert_eq!(scan(log, ("", "~"), ScanPurpose::Use, usize::MAX), rows);
    let text = |row: &(Vec<u8>, Vec<u8>)| format!("{}={}", row.0.escape_ascii(), row.1.escape_ascii());
    rows.iter().map(text).collect::<Vec<_>>().join(" ")
}

pub(super) fn rows(disk: &dyn Disk, folder: &Path) {
    let log = disk.create_log(&folder.join("log")).expect("it can be made");
    assert_eq!(all(&*log), "");
    write(&*log, [put("b", "2"), put("a", "1"), put("c", "")]);
    write(&*log, [put("a", "one"), put("d", "4"), put("d", "four")]);
    assert_eq!(all(&*log), "a=one b=2 c= d=four");
    assert_eq!(log.get(b"a").expect("it can be read").expect("it is there"), "one");
    assert_eq!(log.get(b"c").expect("it can be read").expect("it is there, and empty"), "");
    assert_eq!(log.get(b"aa").expect("it can be read"), None);

    write(&*log, [delete("b", "d")]);
    assert_eq!(all(&*log), "a=one d=four", "the end of a range stays");
    write(&*log, [put("b", "new"), delete("a", "b"), put("a", "after"), delete("d", "e"), delete("x", "z")]);
    assert_eq!(all(&*log), "a=after b=new", "changes of a batch come one after the other");
    assert_eq!(log.get(b"d").expect("it can be read"), None);
}

pub(super) fn parts(disk: &dyn Disk, folder: &Path) {
    let log = disk.create_log(&folder.join("log")).expect("it can be made");
    write(&*log, [put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4")]);
    for purpose in [ScanPurpose::Use, ScanPurpose::Verify] {
        let keys = |range, count_max| {
            let rows = scan(&*log, range, purpose, count_max);
            rows.into_iter().flat_map(|(key, _)| key).map(char::from).collect::<String>()
        };
        assert_eq!(keys(("b", "d"), 9), "bc");
        assert_eq!(keys(("aa", "cc"), 9), "bc");
        assert_eq!(keys(("a", "~"), 2), "ab", "it stops when it is told");
        assert_eq!(keys(("b", "b"), 9), "");
        assert_eq!(keys(("e", "~"), 9), "");
    }
}

pub(super) fn opened_again(disk: &dyn Disk, folder: &Path) {
    let path = folder.join("log");
    let mut sequence = {
        let log = disk.create_log(&path).expect("it can be made");
        write(&*log, [put("a", "1"), put("b", "2")]);
        log.sequence()
    };
    disk.sync_dir(folder).expect("it can be synced");
    for (round, expected) in [(3, "a=1 b=2"), (4, "3=3 a=1 b=2"), (5, "3=3 4=4 a=1 b=2")] {
        let log = disk.open_log(&path).expect("it is there");
        assert!(log.sequence() >= sequence, "what was written is counted still");
        assert_eq!(all(&*log), expected);
        write(&*log, [put(&round.to_string(), &round.to_string())]);
        sequence = log.sequence();
    }
    write(&*disk.open_log(&path).expect("it is there"), [delete("", "b")]);
    assert_eq!(all(&*disk.open_log(&path).expect("it is there")), "b=2");
}

pub(super) fn refused(disk: &dyn Disk, folder: &Path) {
    let path = folder.join("log");
    let missing = disk.open_log(&path).map(|_| ());
    assert!(matches!(missing, Err(StorageError::Corrupt { .. })), "{missing:?}");
    let path = folder.join("other");
    write(&*disk.create_log(&path).expect("it can be made"), [put("a", "1")]);
    assert!(disk.create_log(&path).is_err(), "it is there");
    assert_eq!(all(&*disk.open_log(&path).expect("it is there")), "a=1");
    disk.remove_dir_all(&path).expect("it can be removed");
    assert_eq!(all(&*disk.create_log(&path).expect("it can be made anew")), "");
}
