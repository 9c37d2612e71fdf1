//! Versioned keys against a naive model: a full copy of all keys for each revision. Whatever was
//! committed, every key, range, history and event reads as the model says, at every revision.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

mod copies;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use conclave_mvcc::{
    Batch, Changed, ChangedCursor, KeyRange, MemoryMap, RangeCursor, RangeLimits, RangePage, ReadMap, Recent,
    Record, Revised, Revision, TableId, Transaction, newest_revision, range_at,
};
use proptest::prelude::*;

use copies::{Copies, Keys};

const TABLE: TableId = TableId::new(0x20);

/// What is done within a transaction.
#[derive(Clone, Debug)]
enum Step {
    Get(Bytes),
    Put(Bytes, Bytes, Bytes),
    Delete(Bytes),
    Range(KeyRange, RangeLimits),
    SidePut(Bytes, Bytes),
    SideDelete(Bytes),
}

/// Few keys with the bytes that escaping must get right; some begin others.
fn key() -> impl Strategy<Value = Bytes> + Clone {
    prop::collection::vec(prop::sample::select(vec![0x00, 0x61, 0xff]), 0..3).prop_map(Bytes::from)
}

fn text() -> impl Strategy<Value = Bytes> + Clone {
    prop::sample::select(vec!["", "1", "22"]).prop_map(Bytes::from)
}

fn range() -> impl Strategy<Value = KeyRange> + Clone {
    prop_oneof![
        Just(KeyRange::all()),
        key().prop_map(KeyRange::prefix),
        key().prop_map(KeyRange::single),
        (key(), key()).prop_map(|(start, end)| KeyRange::new(start, end)),
    ]
}

fn limits() -> impl Strategy<Value = RangeLimits> + Clone {
    let size_bytes_max = prop_oneof![Just(usize::MAX), 0_usize..6];
    (0_usize..5, size_bytes_max, any::<bool>()).prop_map(|(records_max, size_bytes_max, keys_only)| {
        RangeLimits { records_max, size_bytes_max, keys_max: usize::MAX, keys_only }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => key().prop_map(Step::Get),
        6 => (key(), text(), text()).prop_map(|(key, value, notes)| Step::Put(key, value, notes)),
        4 => key().prop_map(Step::Delete),
        2 => (range(), limits()).prop_map(|(range, limits)| Step::Range(range, limits)),
        1 => (key(), text()).prop_map(|(key, value)| Step::SidePut(key, value)),
        1 => key().prop_map(Step::SideDelete),
    ]
}

/// A transaction, and whether it is committed in the end.
fn transaction() -> impl Strategy<Value = (Vec<Step>, bool)> {
    (prop::collection::vec(step(), 0..6), prop::bool::weighted(0.9))
}

/// Does one transaction to the batch and to the model; gives what it changed.
fn run(batch: &mut Batch<'_>, copies: &mut Copies, steps: &[Step], commits: bool) -> Option<Revised> {
    let mut transaction = Transaction::begin(batch).unwrap();
    assert_eq!(transaction.newest(), copies.newest());
    let mut keys = copies.now().clone();
    let mut side = copies.side.clone();
    for step in steps {
        match step {
            Step::Get(key) => assert_eq!(transaction.get(key).unwrap(), keys.get(key)),
            Step::Put(key, value, notes) => {
                let record = copies.put(&keys, key, value, notes);
                transaction.put(key.clone(), value.clone(), notes.clone()).unwrap();
                keys.insert(key.clone(), record);
            }
            Step::Delete(key) => {
                assert_eq!(transaction.delete(key.clone()).unwrap(), keys.remove(key).is_some());
            }
            Step::Range(range, limits) => {
                let page = transaction.range(range, *limits).unwrap();
                assert_eq!(page, copies::page(&keys, range, *limits));
            }
            Step::SidePut(key, value) => {
                transaction.side_put(TABLE, key, value.clone());
                side.insert(key.clone(), value.clone());
            }
            Step::SideDelete(key) => {
                transaction.side_delete(TABLE, key);
                side.remove(key);
            }
        }
        for key in [&b""[..], b"a"] {
            assert_eq!(transaction.side_get(TABLE, key).unwrap().as_ref(), side.get(key));
        }
    }
    if !commits {
        return None;
    }
    let sealed = transaction.seal();
    let expected = copies.commit(touched(steps), keys, side);
    assert_eq!(sealed.revised, expected);
    batch.absorb(sealed.writes).unwrap();
    sealed.revised
}

/// The keys that the steps put or delete.
fn touched(steps: &[Step]) -> Vec<Bytes> {
    let key = |step: &Step| match step {
        Step::Put(key, _, _) | Step::Delete(key) => Some(key.clone()),
        _ => None,
    };
    steps.iter().filter_map(key).collect()
}

/// All pages of a range, put together; each as the model cuts it.
fn read_pages(view: &dyn ReadMap, keys: &Keys, range: &KeyRange, at: Revision, limits: RangeLimits) {
    let mut rest = range.clone();
    loop {
        let page = range_at(view, &rest, at, limits).unwrap();
        assert_eq!(page, copies::page(keys, &rest, limits), "{rest:?} at {at}, {limits:?}");
        match page.next {
            Some(key) => rest = rest.after(&key),
            None => return,
        }
    }
}

/// All pages of a range that look at so many keys, put together.
fn read_bounded(view: &dyn ReadMap, range: &KeyRange, at: Revision, keys_max: usize) -> Vec<(Bytes, Record)> {
    let limits =
        RangeLimits { records_max: usize::MAX, size_bytes_max: usize::MAX, keys_max, keys_only: false };
    let (mut rest, mut found) = (range.clone(), Vec::new());
    loop {
        let RangePage { records, next } = range_at(view, &rest, at, limits).unwrap();
        assert!(records.len() <= keys_max);
        found.extend(records);
        match next {
            Some(key) => rest = rest.after(&key),
            None => return found,
        }
    }
}

/// What a cursor over the range finds, asked in all its ways.
fn walk(view: &dyn ReadMap, range: &KeyRange, at: Revision) -> Vec<(Bytes, Record)> {
    let mut cursor = RangeCursor::new(view, range, at).unwrap();
    let mut found = Vec::new();
    while let Some(key) = cursor.key() {
        let key = Bytes::copy_from_slice(key);
        let record = cursor.record().unwrap();
        assert_eq!(cursor.mod_revision(), Some(record.mod_revision));
        let without = Record { value: Bytes::new(), ..record.clone() };
        assert_eq!(cursor.record_without_value().unwrap(), without);
        found.push((key, record));
        cursor.advance().unwrap();
    }
    cursor.advance().unwrap();
    assert!(cursor.key().is_none() && cursor.mod_revision().is_none() && cursor.record().is_err());
    found
}

/// What changed from one moment to another, and that a bound stops it before the end and nowhere else.
fn check_changed(
    view: &dyn ReadMap,
    range: &KeyRange,
    (earlier, before): (Revision, &Keys),
    (later, after): (Revision, &Keys),
) {
    let within = |keys: &Keys| copies::within(keys, range).collect::<BTreeMap<_, _>>();
    let (before, after) = (within(before), within(after));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = |key: &&Bytes| {
        let (earlier, later) = (before.get(*key).cloned(), after.get(*key).cloned());
        (earlier != later).then(|| Changed { key: (*key).clone(), earlier, later })
    };
    let expected: Vec<_> = names.iter().filter_map(changed).collect();
    let mut cursor = ChangedCursor::new(view, range, (earlier, later), usize::MAX).unwrap();
    let mut found = Vec::new();
    while let Some(changed) = cursor.next_changed().unwrap() {
        found.push(changed);
    }
    assert_eq!(found, expected, "{range:?} from {earlier} to {later}");
    let keys = cursor.keys();
    for (keys_max, stops) in [(keys, false), (keys.saturating_sub(1), keys > 0)] {
        let mut cursor = ChangedCursor::new(view, range, (earlier, later), keys_max).unwrap();
        while cursor.next_changed().unwrap().is_some() {}
        assert_eq!((cursor.is_stopped(), cursor.keys()), (stops, keys_max.min(keys)));
    }
}

fn check_all(view: &dyn ReadMap, copies: &Copies, range: &KeyRange, limits: RangeLimits) {
    assert_eq!(newest_revision(view).unwrap(), copies.newest());
    for (at, keys) in copies.moments() {
        copies.check_keys(view, at, keys);
        read_pages(view, keys, range, at, limits);
        let expected: Vec<_> = copies::within(keys, range).collect();
        assert_eq!(walk(view, range, at), expected, "{range:?} at {at}");
        for keys_max in 1..4 {
            let pages = read_bounded(view, range, at, keys_max);
            assert_eq!(pages, expected, "{range:?} at {at}, {keys_max} keys a page");
        }
    }
    let moments: Vec<_> = copies.moments().collect();
    for (first, last) in moments.iter().zip(moments.iter().rev()).filter(|(first, last)| first.0 <= last.0) {
        check_changed(view, range, *first, *last);
    }
    copies.check_histories(view);
    copies.check_changes(view, range);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn every_moment_reads_as_its_copy(
        batches in prop::collection::vec(prop::collection::vec(transaction(), 0..4), 0..10),
        range in range(),
        limits in limits(),
        recent_size_bytes in 0_usize..2_000,
    ) {
        let (mut copies, mut recent) = (Copies::new(), Recent::new(recent_size_bytes));
        let (mut map, mut one_by_one) = (MemoryMap::default(), MemoryMap::default());
        for transactions in &batches {
            let mut batch = Batch::with_recent(&map, recent);
            for (steps, commits) in transactions {
                let mut again = copies.clone();
                let mut alone = Batch::new(&one_by_one);
                let revised = run(&mut alone, &mut again, steps, *commits);
                let writes = alone.into_writes();
                one_by_one.write(&writes);
                prop_assert_eq!(run(&mut batch, &mut copies, steps, *commits), revised);
            }
            // Within the batch, before anything of it is written.
            check_all(&batch, &copies, &range, limits);
            let (writes, known) = batch.into_parts();
            map.write(&writes);
            recent = known.unwrap();
            prop_assert_eq!(&map, &one_by_one);
        }
        check_all(&map, &copies, &range, limits);
    }
}
