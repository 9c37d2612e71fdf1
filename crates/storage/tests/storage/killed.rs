//! Stores whose process is killed in the middle of its work: what was acknowledged is there afterwards.
//!
//! The process that is killed is this test program itself, started again to run `child` alone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{IDENTITY, Place};
use bytes::Bytes;
use conclave_mvcc::WriteSet;
use conclave_storage::{DataDir, LogStore, StateStore};

const WORK: &str = "CONCLAVE_TEST_WORK";
const DATA_DIR: &str = "CONCLAVE_TEST_DATA_DIR";
const ENTRY_SIZE_BYTES: usize = 128 * 1024;

/// Does nothing in an ordinary run.
#[test]
fn child() {
    let (Ok(work), Ok(path)) = (std::env::var(WORK), std::env::var(DATA_DIR)) else { return };
    let dir = DataDir::open(Path::new(&path), IDENTITY).unwrap();
    match work.as_str() {
        "log" => append_for_ever(&LogStore::open(&dir).unwrap()),
        "state" => write_for_ever(&StateStore::open(&dir).unwrap()),
        other => panic!("no such work: {other}"),
    }
}

/// A process that does not outlive the test.
struct Killed(Child);

impl Killed {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Has a child work until it has reported `reports` numbers, kills it, and gives the last number.
fn run_and_kill(place: &Place, work: &str, reports: usize) -> u64 {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--nocapture"])
        .env(WORK, work)
        .env(DATA_DIR, place.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut numbers = lines.filter_map(|line| line.strip_prefix("done ")?.parse().ok());
    let mut last = None;
    for _ in 0..reports {
        last = numbers.next();
        assert!(last.is_some(), "the child ended by itself");
    }
    child.kill();
    numbers.last().or(last).unwrap()
}

fn big_entry(index: u64) -> Bytes {
    Bytes::from(index.to_be_bytes().repeat(ENTRY_SIZE_BYTES / 8))
}

fn append_for_ever(log: &LogStore) {
    let mut next = log.last_index().map_or(0, |last| last + 1);
    loop {
        for index in next..next + 4 {
            let report = move |outcome: std::io::Result<()>| {
                outcome.unwrap();
                println!("done {index}");
            };
            log.append(vec![(index, big_entry(index))], Box::new(report));
        }
        next += 4;
        log.save_vote(Bytes::from(next.to_string())).wait().unwrap();
        if next.is_multiple_of(100) {
            log.purge_up_to(next - 80, Bytes::new()).wait().unwrap();
        }
    }
}

#[test]
fn a_killed_log_keeps_what_it_acknowledged() {
    let place = Place::new();
    for reports in [3, 100, 600] {
        let acknowledged = run_and_kill(&place, "log", reports);
        let log = place.log();
        let last = log.last_index().unwrap();
        assert!(last >= acknowledged, "{acknowledged} was acknowledged, but {last} is the last");
        let first = log.first_index().unwrap();
        assert_eq!(first, log.purged().map_or(0, |(purged, _)| purged + 1));
        for index in first..=last {
            assert_eq!(log.read(index..index + 1, 0).unwrap(), [big_entry(index)]);
        }
        let vote = log.vote().unwrap().map_or(0, |vote| str::from_utf8(&vote).unwrap().parse().unwrap());
        assert!(vote + 4 >= acknowledged, "the vote {vote} is older than {acknowledged}");
    }
}

/// Each write counts up; more than fits in memory, so that RocksDB flushes by itself in between.
fn write_for_ever(state: &StateStore) {
    let mut number = number_in(state.mark().unwrap()).map_or(0, |number| number + 1);
    loop {
        let text = Bytes::from(number.to_string());
        let mut writes = WriteSet::default();
        writes.put(Bytes::from("number"), text.clone());
        writes.put(Bytes::from(format!("row {number:08}")), big_entry(number));
        state.write(&writes, Some(&text)).unwrap();
        if number % 150 == 20 {
            state.flush().unwrap();
            println!("done {number}");
        }
        number += 1;
    }
}

fn number_in(text: Option<Bytes>) -> Option<u64> {
    text.map(|text| str::from_utf8(&text).unwrap().parse().unwrap())
}

#[test]
fn a_killed_state_is_whole_and_not_older_than_its_last_flush() {
    let place = Place::new();
    for reports in [1, 2, 3] {
        let flushed = run_and_kill(&place, "state", reports);
        let state = place.state();
        let marked = number_in(state.mark().unwrap()).unwrap();
        assert!(marked >= flushed, "{flushed} was flushed, but {marked} is marked");
        state.read(|view| {
            assert_eq!(number_in(view.get(b"number").unwrap()), Some(marked));
            let mut cursor = view.cursor();
            cursor.seek(b"row ").unwrap();
            for number in 0..=marked {
                assert_eq!(cursor.key().unwrap(), format!("row {number:08}").as_bytes());
                assert_eq!(cursor.value().unwrap(), big_entry(number));
                cursor.advance().unwrap();
            }
            assert_eq!(cursor.key(), None);
        });
    }
}
