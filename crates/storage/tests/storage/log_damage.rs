//! A log whose files are damaged: what was acknowledged is there, or the log refuses to open. Never less.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Place, append, entries, files, flip, read_all, values};
use bytes::Bytes;
use conclave_storage::{LogStore, StorageError};

const COUNT: u64 = 40;

fn write(place: &Place) {
    let log = place.log();
    log.save_vote("vote".into()).wait().unwrap();
    for index in 0..COUNT {
        append(&log, entries(index..index + 1)).unwrap();
    }
    log.save_vote("last vote".into()).wait().unwrap();
    log.close();
}

/// A log whose entries lie in the write-ahead log, and that file.
fn in_wal() -> (Place, PathBuf) {
    let place = Place::new();
    write(&place);
    let wal = files(&place.path().join("log/db"), ".log").pop().unwrap();
    (place, wal)
}

/// A log whose entries lie in a table file, and that file: opening moves them there.
fn in_table() -> (Place, PathBuf) {
    let place = Place::new();
    write(&place);
    place.log().close();
    let table = files(&place.path().join("log/db"), ".sst").pop().unwrap();
    (place, table)
}

/// True if it refuses to open, with a message that says what to do. Otherwise everything must be there.
fn refuses(place: &Place) -> bool {
    match place.try_log() {
        Ok(log) => {
            assert_eq!(read_all(&log), values(0..COUNT));
            assert_eq!(log.vote().unwrap(), Some(Bytes::from("last vote")));
            false
        }
        Err(error) => {
            assert!(matches!(&error, StorageError::Corrupt { .. }), "{error:?}");
            assert!(error.to_string().contains("must not vote again"), "{error}");
            true
        }
    }
}

/// `path`, which lies in `place`, in a copy of it.
fn in_copy(place: &Place, copy: &Place, path: &Path) -> PathBuf {
    copy.path().join(path.strip_prefix(place.path()).unwrap())
}

fn used_size(wal: &Path) -> usize {
    let bytes = fs::read(wal).unwrap();
    bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1
}

#[test]
fn a_flipped_byte_of_the_write_ahead_log_is_found() {
    let (place, wal) = in_wal();
    let used = used_size(&wal);
    for at in (0..used).step_by(97).chain([used - 1]) {
        let copy = place.crash_copy();
        flip(&in_copy(&place, &copy, &wal), at);
        assert!(refuses(&copy), "byte {at} of {used}");
        assert!(refuses(&copy), "byte {at} of {used}, opened again");
    }
}

#[test]
fn a_cut_or_missing_write_ahead_log_is_found() {
    let (place, wal) = in_wal();
    let bytes = fs::read(&wal).unwrap();
    let used = used_size(&wal);
    for size_bytes in [0, 1, used / 3, used / 2, used - 1] {
        let copy = place.crash_copy();
        fs::write(in_copy(&place, &copy, &wal), &bytes[..size_bytes]).unwrap();
        assert!(refuses(&copy), "{size_bytes} of {used}");
    }
    let copy = place.crash_copy();
    fs::remove_file(in_copy(&place, &copy, &wal)).unwrap();
    assert!(refuses(&copy));
    assert!(!refuses(&place));
}

#[test]
fn a_flipped_byte_of_a_table_is_found_or_harmless() {
    let (place, table) = in_table();
    let size_bytes = fs::read(&table).unwrap().len();
    let mut found = 0;
    for at in (0..size_bytes).step_by(61) {
        let copy = place.crash_copy();
        flip(&in_copy(&place, &copy, &table), at);
        found += usize::from(refuses(&copy));
    }
    assert!(found > size_bytes / 61 / 2, "only {found} of {} were found", size_bytes / 61);
}

#[test]
fn a_missing_file_is_found() {
    let (place, table) = in_table();
    let log = place.path().join("log");
    for path in [table, log.join("db/CURRENT"), log.join("durable-mark")] {
        let copy = place.crash_copy();
        fs::remove_file(in_copy(&place, &copy, &path)).unwrap();
        assert!(refuses(&copy), "{}", path.display());
    }
    let copy = place.crash_copy();
    for manifest in fs::read_dir(copy.path().join("log/db")).unwrap() {
        let path = manifest.unwrap().path();
        if path.to_str().unwrap().contains("MANIFEST") {
            fs::remove_file(path).unwrap();
        }
    }
    assert!(refuses(&copy));
}

#[test]
fn a_damaged_durable_mark_is_found() {
    let (place, _) = in_wal();
    for at in 0..17 {
        let copy = place.crash_copy();
        flip(&copy.path().join("log/durable-mark"), at);
        assert!(refuses(&copy), "byte {at}");
    }
}

/// What nobody was told of may be lost: that is no damage.
#[test]
fn a_write_that_was_torn_before_it_was_acknowledged_is_no_damage() {
    let (place, wal) = in_wal();
    let mark = place.path().join("log/durable-mark");
    let before = fs::read(&mark).unwrap();
    let copy = place.crash_copy();
    let log = copy.log();
    append(&log, entries(COUNT..COUNT + 1)).unwrap();
    log.close();
    assert!(wal.exists());
    // As if the last write had not been finished: cut it in the middle, and take back its mark.
    let wal = files(&copy.path().join("log/db"), ".log").pop().unwrap();
    let bytes = fs::read(&wal).unwrap();
    fs::write(&wal, &bytes[..used_size(&wal) - 3]).unwrap();
    fs::write(copy.path().join("log/durable-mark"), before).unwrap();
    assert!(!refuses(&copy));
}

#[test]
fn damage_that_comes_while_the_log_is_open_is_an_error_of_the_read() {
    let (place, table) = in_table();
    let log: LogStore = place.log();
    let bytes = fs::read(&table).unwrap();
    fs::write(&table, vec![0xff; bytes.len()]).unwrap();
    match log.read(0..COUNT, usize::MAX) {
        // RocksDB has the block in its cache.
        Ok(read) => assert_eq!(read, values(0..COUNT)),
        Err(error) => assert!(matches!(&error, StorageError::Corrupt { .. }), "{error:?}"),
    }
}
