//! What a crash leaves of files and databases, against a plain model: what was synced is there, what was not may be, and
//! nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use conclave_mvcc::WriteSet;
use conclave_storage::{Disk, LogBatch, LogChange, ScanPurpose, StateDb};
use proptest::prelude::*;

use super::super::content::SECTOR_SIZE_BYTES;
use super::super::sim_disk::Crash;
use super::{disk, put, write};

fn crashes() -> impl Strategy<Value = Crash> {
    prop_oneof![Just(Crash::Process), Just(Crash::Power)]
}

#[derive(Clone, Debug)]
enum FileStep {
    Write { at_percent: usize, byte: u8, size: usize },
    Empty,
    Sync,
    Crash(Crash),
}

fn file_steps() -> impl Strategy<Value = Vec<FileStep>> {
    let step = prop_oneof![
        5 => (0..=100_usize, 1..=u8::MAX, 0..1_500_usize)
            .prop_map(|(at_percent, byte, size)| FileStep::Write { at_percent, byte, size }),
        1 => Just(FileStep::Empty),
        2 => Just(FileStep::Sync),
        2 => crashes().prop_map(FileStep::Crash),
    ];
    prop::collection::vec(step, 1..30)
}

/// Whether each sector, and the size, is that of one of the versions, or cut off at a sector.
fn is_left_of(versions: &[Vec<u8>], found: &[u8]) -> bool {
    let is_size_known = versions.iter().any(|version| version.len() == found.len());
    let is_cut = found.len().is_multiple_of(SECTOR_SIZE_BYTES)
        && versions.iter().any(|version| version.len() >= found.len());
    let is_known = |(nth, sector): (usize, &[u8])| {
        versions.iter().any(|version| {
            let was = version.get(nth * SECTOR_SIZE_BYTES..).unwrap_or_default().iter().copied();
            was.chain(std::iter::repeat(0)).zip(sector).all(|(was, is)| was == *is)
        })
    };
    (is_size_known || is_cut) && found.chunks(SECTOR_SIZE_BYTES).enumerate().all(is_known)
}

proptest! {
    #[test]
    fn of_a_file_what_was_synced_is_left_and_any_part_of_the_rest(seed: u64, steps in file_steps()) {
        let path = Path::new("/file");
        let (disk, mut of_host) = disk(seed);
        write(&of_host, "/file", b"");
        of_host.sync_dir(Path::new("/")).unwrap();
        let mut file = of_host.open_to_write(path).unwrap();
        let mut versions = vec![Vec::new()];
        for step in steps {
            let mut now = versions.last().unwrap().clone();
            match step {
                FileStep::Write { at_percent, byte, size } => {
                    let at = now.len() * at_percent / 100;
                    file.write_all_at(&vec![byte; size], at as u64).unwrap();
                    now.resize(now.len().max(at + size), 0);
                    now[at..at + size].fill(byte);
                    versions.push(now);
                }
                FileStep::Empty => {
                    of_host.create(path).unwrap();
                    versions.push(Vec::new());
                }
                FileStep::Sync => {
                    file.sync().unwrap();
                    versions = vec![now];
                }
                FileStep::Crash(crash) => {
                    disk.crash(crash);
                    of_host = disk.start();
                    file = of_host.open_to_write(path).unwrap();
                    let found = of_host.read(path).unwrap();
                    if crash == Crash::Process {
                        prop_assert_eq!(&found, &now);
                    } else {
                        prop_assert!(is_left_of(&versions, &found));
                        versions = vec![found];
                    }
                }
            }
            prop_assert_eq!(&of_host.read(path).unwrap(), versions.last().unwrap());
        }
    }
}

#[derive(Clone, Debug)]
enum StateStep {
    Write,
    Flush,
    Checkpoint,
    Crash(Crash),
}

fn state_steps() -> impl Strategy<Value = Vec<StateStep>> {
    let step = prop_oneof![
        5 => Just(StateStep::Write),
        1 => Just(StateStep::Flush),
        1 => Just(StateStep::Checkpoint),
        1 => crashes().prop_map(StateStep::Crash),
    ];
    prop::collection::vec(step, 1..40)
}

/// Write `number`: it puts a row, deletes another and has itself as the mark.
fn write_nth(state: &dyn StateDb, number: u64) {
    let mut writes = WriteSet::default();
    writes.delete(format!("{}", (number + 2) % 5).into());
    writes.put(format!("{}", number % 5).into(), number.to_string().into());
    state.write(&writes, Some(number.to_string().as_bytes())).unwrap();
}

/// The rows after so many writes.
fn rows_after(writes: u64) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for number in 1..=writes {
        rows.remove(&format!("{}", (number + 2) % 5));
        rows.insert(format!("{}", number % 5), number.to_string());
    }
    rows
}

/// How many writes a state holds, after a look at its rows.
fn writes_in(state: &(impl conclave_storage::StateRead + ?Sized)) -> u64 {
    let mark = state.mark().unwrap().map_or(0, |mark| str::from_utf8(&mark).unwrap().parse().unwrap());
    let (view, mut found) = (state.view(), BTreeMap::new());
    let mut cursor = view.cursor();
    cursor.seek(b"").unwrap();
    while let (Some(key), Some(value)) = (cursor.key(), cursor.value()) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        found.insert(text(key), text(value));
        cursor.advance().unwrap();
    }
    assert_eq!(found, rows_after(mark), "rows and mark are of one write");
    mark
}

proptest! {
    #[test]
    fn of_a_state_all_writes_up_to_one_are_left(seed: u64, steps in state_steps()) {
        let path = Path::new("/state");
        let (disk, mut of_host) = disk(seed);
        let mut state = of_host.create_state(path).unwrap();
        of_host.sync_dir(Path::new("/")).unwrap();
        let (mut written, mut flushed) = (0, 0);
        for (nth, step) in steps.into_iter().enumerate() {
            match step {
                StateStep::Write => {
                    written += 1;
                    write_nth(&*state, written);
                }
                StateStep::Flush => {
                    state.flush().unwrap();
                    flushed = written;
                }
                StateStep::Checkpoint => {
                    let path = format!("/checkpoint-{nth}");
                    state.checkpoint(Path::new(&path)).unwrap();
                    prop_assert_eq!(writes_in(&*of_host.open_copy(Path::new(&path)).unwrap()), written);
                    flushed = written;
                }
                StateStep::Crash(crash) => {
                    disk.crash(crash);
                    of_host = disk.start();
                    state = of_host.open_state(path).unwrap();
                    let left = writes_in(&*state);
                    prop_assert!((flushed..=written).contains(&left), "{left} of {flushed} to {written}");
                    (written, flushed) = (left, left);
                }
            }
            prop_assert_eq!(writes_in(&*state), written);
        }
    }

    #[test]
    fn of_a_log_all_is_left(seed: u64, steps in prop::collection::vec(prop::option::weighted(0.2, crashes()), 1..40)) {
        let path = Path::new("/log");
        let (disk, mut of_host) = disk(seed);
        let mut log = of_host.create_log(path).unwrap();
        of_host.sync_dir(Path::new("/")).unwrap();
        let (mut rows, mut sequence) = (BTreeMap::new(), log.sequence());
        for (nth, step) in steps.into_iter().enumerate() {
            if let Some(crash) = step {
                disk.crash(crash);
                of_host = disk.start();
                log = of_host.open_log(path).unwrap();
                prop_assert_eq!(log.sequence(), sequence);
            } else {
                let (key, removed) = (vec![u8::try_from(nth % 7).unwrap()], u8::try_from(nth % 3).unwrap());
                let changes = vec![
                    LogChange::DeleteRange(vec![removed]..vec![removed + 2]),
                    LogChange::Put { key: key.clone(), value: nth.to_string().into() },
                ];
                log.write(LogBatch { changes }).unwrap();
                prop_assert!(log.sequence() > sequence);
                sequence = log.sequence();
                rows.retain(|key: &Vec<u8>, _| !(removed..removed + 2).contains(&key[0]));
                rows.insert(key, nth.to_string().into_bytes());
            }
            let mut found = BTreeMap::new();
            log.scan(&[]..&[9], ScanPurpose::Use, &mut |key, value| {
                found.insert(key.to_vec(), value.to_vec());
                true
            }).unwrap();
            prop_assert_eq!(&found, &rows);
        }
    }
}

#[test]
fn what_was_opened_before_a_crash_is_dead() {
    for crash in [Crash::Process, Crash::Power] {
        let (disk, before) = disk(1);
        write(&before, "/file", b"synced");
        let file = before.open_to_write(Path::new("/file")).unwrap();
        let held = before.lock(Path::new("/LOCK")).unwrap().unwrap();
        let (log, state) = (
            before.create_log(Path::new("/log")).unwrap(),
            before.create_state(Path::new("/state")).unwrap(),
        );
        before.sync_dir(Path::new("/")).unwrap();
        disk.crash(crash);
        let after = disk.start();
        let held_after = after.lock(Path::new("/LOCK")).unwrap().expect("it went with its host");
        drop(held);
        assert!(after.lock(Path::new("/LOCK")).unwrap().is_none(), "what the dead let go of is not this one");
        let log_after = after.open_log(Path::new("/log")).unwrap();
        assert!(after.open_log(Path::new("/log")).is_err(), "it is open");
        assert!(file.write_all_at(b"dead", 0).is_err() && file.sync().is_err());
        assert!(log.write(put("a", "dead")).is_err() && log.get(b"a").is_err());
        assert!(state.write(&WriteSet::default(), Some(b"dead")).is_err() && state.flush().is_err());
        assert!(state.checkpoint(Path::new("/checkpoint")).is_err() && state.view().get(b"a").is_err());
        assert!(before.remove_file(Path::new("/file")).is_err() && !before.is_dir(Path::new("/log")));
        assert!(before.remove_dir_all(Path::new("/state")).is_err());
        drop((log, state));
        assert!(after.open_log(Path::new("/log")).is_err(), "it is open still");
        assert_eq!(after.read(Path::new("/file")).unwrap(), b"synced");
        assert_eq!(log_after.get(b"a").unwrap(), None);
        assert_eq!(after.open_state(Path::new("/state")).unwrap().mark().unwrap(), None);
        drop(held_after);
    }
}

#[test]
fn a_copy_that_was_opened_is_its_files_until_it_is_flushed() {
    for (is_flushed, expected) in [(false, 1), (true, 2)] {
        let (disk, of_host) = disk(4);
        let state = of_host.create_state(Path::new("/state")).unwrap();
        write_nth(&*state, 1);
        state.checkpoint(Path::new("/copy")).unwrap();
        of_host.sync_dir(Path::new("/")).unwrap();
        let copy = of_host.open_state(Path::new("/copy")).unwrap();
        write_nth(&*copy, 2);
        if is_flushed {
            copy.flush().unwrap();
        }
        disk.crash(Crash::Power);
        assert_eq!(writes_in(&*disk.start().open_state(Path::new("/copy")).unwrap()), expected);
    }
}
