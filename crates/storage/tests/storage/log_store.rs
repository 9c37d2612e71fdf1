//! The log as its caller sees it: order, what is kept over a restart, what is refused.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use crate::support::{Place, append, entries, entry, read_all, values};
use bytes::Bytes;
use conclave_storage::LogStore;
use proptest::prelude::*;

fn bounds(log: &LogStore) -> (Option<u64>, Option<u64>) {
    (log.first_index(), log.last_index())
}

#[test]
fn entries_are_readable_at_once_and_kept() {
    let place = Place::new();
    let log = place.log();
    assert_eq!(bounds(&log), (None, None));
    let (done, outcomes) = mpsc::channel();
    for index in 0..100 {
        let done = done.clone();
        log.append(entries(index..index + 1), Box::new(move |outcome| done.send((index, outcome)).unwrap()));
        assert_eq!(log.read(index..index + 1, 0).unwrap(), [entry(index)]);
    }
    for expected in 0..100 {
        let (index, outcome) = outcomes.recv().unwrap();
        outcome.unwrap();
        assert_eq!(index, expected);
    }
    assert!(log.fsyncs() <= 100);
    drop(log);
    let log = place.log();
    assert_eq!(read_all(&log), values(0..100));
    assert_eq!(bounds(&log), (Some(0), Some(99)));
    append(&log, entries(100..102)).unwrap();
    assert_eq!(log.read(98..200, usize::MAX).unwrap(), values(98..102), "from disk and from memory");
}

#[test]
fn a_read_is_bounded_and_gives_at_least_one() {
    let place = Place::new();
    append(&place.log(), entries(0..4)).unwrap();
    let log = place.log();
    append(&log, entries(4..8)).unwrap();
    for start in [0, 2, 3, 4, 6] {
        for (size_bytes_max, count) in [(0, 1), (8, 1), (14, 2), (15, 2), (16, 2)] {
            let read = log.read(start..8, size_bytes_max).unwrap();
            assert_eq!(read, values(start..start + count), "{start} {size_bytes_max}");
        }
    }
    assert_eq!(log.read(2..2, 100).unwrap(), Vec::<Bytes>::new());
    assert_eq!(log.read(8..20, 100).unwrap(), Vec::<Bytes>::new());
}

#[test]
fn what_is_truncated_is_replaced() {
    let place = Place::new();
    let log = place.log();
    append(&log, entries(0..10)).unwrap();
    let truncated = log.truncate_after(Some(4));
    assert_eq!(bounds(&log), (Some(0), Some(4)));
    assert_eq!(read_all(&log), values(0..5));
    let new: Vec<(u64, Bytes)> = (5..7).map(|index| (index, Bytes::from("new"))).collect();
    append(&log, new).unwrap();
    truncated.wait().unwrap();
    let expected = [values(0..5), vec!["new".into(), "new".into()]].concat();
    assert_eq!(read_all(&log), expected);
    drop(log);
    let log = place.log();
    assert_eq!(read_all(&log), expected);
    log.truncate_after(Some(0)).wait().unwrap();
    assert_eq!(read_all(&log), values(0..1));
    log.truncate_after(None).wait().unwrap();
    assert_eq!(bounds(&log), (None, None));
    drop(log);
    assert_eq!(bounds(&place.log()), (None, None));
}

#[test]
fn what_is_purged_stays_purged() {
    let place = Place::new();
    let log = place.log();
    append(&log, entries(0..10)).unwrap();
    log.purge_up_to(0, Bytes::from("zero")).wait().unwrap();
    assert_eq!(log.purged(), Some((0, Bytes::from("zero"))));
    log.purge_up_to(6, Bytes::from("six")).wait().unwrap();
    log.purge_up_to(3, Bytes::from("less than before")).wait().unwrap();
    assert_eq!(read_all(&log), values(7..10));
    drop(log);
    let log = place.log();
    assert_eq!(log.purged(), Some((6, Bytes::from("six"))));
    assert_eq!((read_all(&log), bounds(&log)), (values(7..10), (Some(7), Some(9))));

    // Beyond the end, as after a snapshot from the leader.
    log.purge_up_to(50, Bytes::from("fifty")).wait().unwrap();
    assert_eq!(bounds(&log), (None, None));
    append(&log, entries(51..53)).unwrap();
    drop(log);
    let log = place.log();
    assert_eq!(read_all(&log), values(51..53));
    log.purge_up_to(52, Bytes::new()).wait().unwrap();
    drop(log);
    let log = place.log();
    assert_eq!((bounds(&log), log.purged()), ((None, None), Some((52, Bytes::new()))));
    append(&log, entries(53..54)).unwrap();
}

#[test]
fn an_entry_that_does_not_follow_is_refused_in_its_place() {
    let log = Place::new().log();
    append(&log, entries(0..3)).unwrap();
    for wrong in [4..5, 2..3] {
        let error = append(&log, entries(wrong)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("the next one is 3"), "{error}");
    }
    append(&log, Vec::new()).unwrap();
    append(&log, entries(3..4)).unwrap();
    assert_eq!(read_all(&log), values(0..4));
}

#[test]
fn the_vote_is_durable_and_the_committed_index_goes_along() {
    let place = Place::new();
    let log = place.log();
    assert_eq!((log.vote().unwrap(), log.committed().unwrap()), (None, None));
    log.save_vote("first".into()).wait().unwrap();
    let fsyncs = log.fsyncs();
    log.save_committed("7".into()).wait().unwrap();
    assert_eq!(log.fsyncs(), fsyncs);
    assert_eq!(log.committed().unwrap().unwrap(), "7");
    let unwaited = log.save_vote("second".into());
    assert_eq!(log.vote().unwrap().unwrap(), "second");
    drop(unwaited);
    log.save_committed("8".into()).wait().unwrap();
    log.close();
    let log = place.log();
    assert_eq!(log.vote().unwrap().unwrap(), "second");
    assert_eq!(log.committed().unwrap().unwrap(), "8");
}

#[test]
fn closing_writes_what_waits_and_refuses_what_comes_after() {
    let place = Place::new();
    let log = place.log();
    let other = log.clone();
    let (done, outcomes) = mpsc::channel();
    for index in 0..50 {
        let done = done.clone();
        log.append(entries(index..index + 1), Box::new(move |outcome| done.send(outcome).unwrap()));
    }
    log.close();
    drop(done);
    assert_eq!(outcomes.try_iter().map(Result::unwrap).count(), 50, "all were called before close returned");
    assert_eq!(append(&other, entries(50..51)).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert!(other.save_vote(Bytes::new()).wait().is_err());
    assert!(other.save_committed(Bytes::new()).wait().is_err());
    drop(other);
    assert_eq!(read_all(&place.log()), values(0..50));
}

#[test]
fn the_last_handle_may_go_inside_a_callback() {
    let place = Place::new();
    let log = place.log();
    let (done, outcome) = mpsc::channel();
    let inside = log.clone();
    log.save_vote("v".into()).wait().unwrap();
    let callback = move |result| {
        drop(inside);
        done.send(result).unwrap();
    };
    log.append(entries(0..1), Box::new(callback));
    drop(log);
    outcome.recv().unwrap().unwrap();
}

/// More than the tail keeps in memory, and than a write-ahead log holds: old entries come from disk.
#[test]
fn a_long_log_is_read_from_disk() {
    const SIZE_BYTES: usize = 1024 * 1024;
    let big = |index: u64| (index, Bytes::from(vec![index.to_be_bytes()[7]; SIZE_BYTES]));
    let place = Place::new();
    let log = place.log();
    for index in 0..150 {
        append(&log, vec![big(index)]).unwrap();
        if index % 40 == 39 {
            log.purge_up_to(index - 20, Bytes::new()).wait().unwrap();
        }
    }
    let check = |log: &LogStore| {
        let mut next = log.first_index().unwrap();
        assert_eq!(next, 100);
        while next < 150 {
            let read = log.read(next..150, 10 * SIZE_BYTES).unwrap();
            assert!(!read.is_empty());
            for entry in read {
                assert_eq!((next, entry), big(next));
                next += 1;
            }
        }
        assert_eq!(next, 150);
    };
    check(&log);
    assert_eq!(log.read(100..150, usize::MAX).unwrap().len(), 50);
    log.close();
    check(&place.log());
}

/// Whatever is removed meanwhile, a read gives entries that follow each other, and never calls it damage.
#[test]
fn reads_go_on_while_entries_are_removed() {
    let place = Place::new();
    append(&place.log(), entries(0..4000)).unwrap();
    let log = place.log();
    let done = Arc::new(AtomicBool::new(false));
    let readers = [1_u64, 7, 131].map(|step| {
        let (log, done) = (log.clone(), Arc::clone(&done));
        thread::spawn(move || {
            let mut start = 0;
            while !done.load(Ordering::Relaxed) {
                let read = log.read(start..start + 200, 2000).unwrap();
                let number = |entry: &Bytes| -> u64 {
                    str::from_utf8(entry).unwrap().strip_prefix("entry ").unwrap().parse().unwrap()
                };
                assert!(read.is_sorted_by(|left, right| number(left) + 1 == number(right)), "{read:?}");
                start = (start + step) % 4000;
            }
        })
    });
    for round in 1..100 {
        log.purge_up_to(round * 20, Bytes::new()).wait().unwrap();
        drop(log.truncate_after(Some(4000 - round * 10)));
        append(&log, entries(4001 - round * 10..4020 - round * 10)).unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().unwrap();
    }
    drop(log);
    assert_eq!(read_all(&place.log()), values(1981..3030));
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    TruncateTo(u64),
    Purge(u64),
    Vote(u8),
    Reopen,
    CrashCopy,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..5_u64).prop_map(Step::Append),
        2 => (0..30_u64).prop_map(Step::TruncateTo),
        2 => (0..30_u64).prop_map(Step::Purge),
        1 => any::<u8>().prop_map(Step::Vote),
        1 => Just(Step::Reopen),
        1 => Just(Step::CrashCopy),
    ];
    prop::collection::vec(step, 1..25)
}

/// The log as it should be.
#[derive(Default)]
struct Model {
    entries: std::collections::BTreeMap<u64, Bytes>,
    purged: Option<u64>,
    vote: Option<Bytes>,
    appended: u64,
}

impl Model {
    fn next(&self) -> u64 {
        let after_purged = self.purged.map_or(0, |index| index + 1);
        self.entries.keys().next_back().map_or(after_purged, |last| last + 1)
    }

    fn append(&mut self, count: u64) -> Vec<(u64, Bytes)> {
        let next = self.next();
        let mut new = Vec::new();
        for index in next..next + count {
            self.appended += 1;
            new.push((index, Bytes::from(format!("{index} as number {}", self.appended))));
        }
        self.entries.extend(new.iter().cloned());
        new
    }

    fn check(&self, log: &LogStore) {
        assert_eq!(
            log.read(0..u64::MAX, usize::MAX).unwrap(),
            Vec::from_iter(self.entries.values().cloned())
        );
        let keys = || self.entries.keys().copied();
        assert_eq!(bounds(log), (keys().next(), keys().next_back()));
        assert_eq!(log.purged().map(|(index, _)| index), self.purged);
        assert_eq!(log.vote().unwrap(), self.vote);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_a_map_does(steps in steps()) {
        let mut place = Place::new();
        let mut model = Model::default();
        let mut log = place.log();
        for step in steps {
            match step {
                Step::Append(count) => append(&log, model.append(count)).unwrap(),
                Step::TruncateTo(last) => {
                    model.entries.retain(|index, _| *index <= last);
                    drop(log.truncate_after(Some(last)));
                }
                Step::Purge(index) => {
                    if model.purged.is_none_or(|purged| purged <= index) {
                        model.entries.retain(|entry, _| *entry > index);
                        model.purged = Some(index);
                    }
                    drop(log.purge_up_to(index, Bytes::from("mark")));
                }
                Step::Vote(vote) => {
                    model.vote = Some(vec![vote].into());
                    log.save_vote(vec![vote].into()).wait().unwrap();
                }
                Step::Reopen => {
                    log.close();
                    log = place.log();
                }
                Step::CrashCopy => {
                    // A request that is waited for brings all before it to disk.
                    append(&log, Vec::new()).unwrap();
                    let copy = place.crash_copy();
                    drop(log);
                    place = copy;
                    log = place.log();
                }
            }
            model.check(&log);
        }
    }
}
