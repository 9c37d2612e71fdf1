//! The sweep against collection, which goes through all keys: both leave the same. And what the sweep leaves is told
//! the same before, while and after it goes on.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

use bytes::Bytes;
use conclave_mvcc::{
    Batch, ChangeKind, ChangeLimits, ChangePlace, CollectQuery, Kept, KeptQuery, KeyRange, MemoryMap,
    ReadMap, Record, Revision, SweepQuery, Swept, Transaction, changes_since, visit_kept,
};
use proptest::prelude::*;

const KEYS: [&str; 6] = ["a", "a\0", "c/other", "d", "e", "f"];

/// All keys but those that begin with `c/`.
fn ranges() -> [KeyRange; 2] {
    [KeyRange::new("", "c/"), KeyRange::new("c0", "")]
}

/// What one revision does to each key: nothing, sets it, or deletes it.
type Step = [Option<bool>; KEYS.len()];

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![4 => Just(None), 3 => Just(Some(true)), 2 => Just(Some(false))];
    proptest::array::uniform6(change)
}

fn write<T>(map: &mut MemoryMap, change: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
    let mut batch = Batch::new(map);
    let mut transaction = Transaction::begin(&batch).unwrap();
    let done = change(&mut transaction);
    let sealed = transaction.seal();
    batch.absorb(sealed.writes).unwrap();
    let writes = batch.into_writes();
    map.write(&writes);
    done
}

fn take(map: &mut MemoryMap, step: &Step) {
    write(map, |transaction| {
        let value = transaction.revision().to_string();
        // Changed at every revision, so that each step takes one.
        transaction.put("clock".into(), Bytes::new(), Bytes::new()).unwrap();
        // Not in the order of the keys.
        for (key, change) in KEYS.iter().zip(step).rev() {
            match change {
                Some(true) => {
                    transaction.put((*key).into(), value.clone().into(), Bytes::new()).unwrap();
                }
                Some(false) => drop(transaction.delete((*key).into()).unwrap()),
                None => {}
            }
        }
    });
}

fn sweep_step(
    map: &mut MemoryMap,
    (from, to): (Revision, Revision),
    (place, rows_max): (ChangePlace, usize),
) -> Swept {
    let ranges = ranges();
    let query = SweepQuery { ranges: &ranges, from, to, place, rows_max, size_bytes_max: usize::MAX };
    write(map, |transaction| transaction.sweep(&query).unwrap())
}

/// Goes through all keys.
fn collect(map: &mut MemoryMap, floor: Revision) {
    for range in &ranges() {
        let query = CollectQuery { range, within: None, floor, points: &[], rows_max: usize::MAX };
        write(map, |transaction| transaction.collect(&query).unwrap());
    }
}

fn rows(map: &MemoryMap) -> Vec<(Vec<u8>, Vec<u8>)> {
    map.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

type Found = Vec<(Vec<u8>, Revision, Option<Record>)>;

/// All that is to stay, read in pieces.
fn kept(map: &MemoryMap, (floor, upto): (Revision, Revision), rows_max: usize) -> Found {
    let mut found = Vec::new();
    for range in &ranges() {
        let mut place = None;
        loop {
            let query = KeptQuery { range, floor, upto, place: place.as_ref(), rows_max, size_bytes_max: 40 };
            let mut visit = |kept: Kept<'_>| found.push((kept.key.to_vec(), kept.revision, kept.record));
            place = visit_kept(map, &query, &mut visit).unwrap();
            if place.is_none() {
                break;
            }
        }
    }
    found
}

/// What is told from a revision on: of its first change without what was before.
fn told(map: &MemoryMap, from: Revision) -> Vec<(Revision, Bytes, Option<Record>, Option<Record>)> {
    let limits = ChangeLimits { revisions_max: usize::MAX, size_bytes_max: usize::MAX };
    let revised = changes_since(map, from, limits).unwrap();
    let events = revised.iter().flat_map(|revised| {
        revised.events.iter().map(|event| {
            let previous = event.previous.clone().filter(|_| revised.revision > from);
            (revised.revision, event.key.clone(), previous, event.record().cloned())
        })
    });
    events.collect()
}

proptest! {
    #[test]
    fn the_same_is_left_as_by_going_through_all_keys(
        stretches in prop::collection::vec((prop::collection::vec(step(), 1..8), 0_u64..4), 1..5),
        rows_max in 1_usize..9,
    ) {
        let (mut map, mut from) = (MemoryMap::default(), Revision::ZERO);
        for (steps, back) in &stretches {
            let mut newest = from.max(Revision::EMPTY);
            for step in steps {
                take(&mut map, step);
                newest = conclave_mvcc::newest_revision(&map).unwrap();
            }
            let to = Revision::new(newest.get().saturating_sub(*back)).max(from.next());
            let mut whole = map.clone();
            collect(&mut whole, to);
            let (expected, events) = (kept(&map, (to, newest), usize::MAX), told(&map, to));
            let mut place = ChangePlace { revision: from, sequence: 0 };
            loop {
                let done = sweep_step(&mut map, (from, to), (place, rows_max));
                prop_assert_eq!(&kept(&map, (to, newest), rows_max), &expected);
                prop_assert_eq!(&told(&map, to), &events);
                match done.next {
                    Some(next) => prop_assert!(next > std::mem::replace(&mut place, next)),
                    None => break,
                }
            }
            prop_assert_eq!(rows(&map), rows(&whole));
            let left = kept(&map, (Revision::ZERO, newest), 3);
            prop_assert_eq!(left, kept(&map, (to, newest), 3), "nothing else is left");
            from = to;
        }
    }
}

/// What was deleted at the floor is told from there on, although it is not known any more what it was.
#[test]
fn a_deletion_at_the_floor_is_told_until_the_next_sweep() {
    let mut map = MemoryMap::default();
    let set = |change| [None, None, None, change, None, None];
    take(&mut map, &set(Some(true)));
    take(&mut map, &set(Some(false)));
    let (one, floor) = (Revision::ZERO, Revision::new(3));
    let done = sweep_step(&mut map, (one, floor), (ChangePlace::default(), 99));
    assert_eq!(done, Swept { records: 2, next: None }, "of the clock and of the key");
    let limits = ChangeLimits { revisions_max: 9, size_bytes_max: 999 };
    let revised = changes_since(&map, floor, limits).unwrap();
    let events: Vec<_> =
        revised[0].events.iter().map(|event| (event.key.as_ref(), event.change(), &event.previous)).collect();
    assert_eq!(events, [(b"clock".as_slice(), ChangeKind::Added, &None), (b"d", ChangeKind::Deleted, &None)]);

    take(&mut map, &set(None));
    let place = ChangePlace { revision: floor, sequence: 0 };
    let done = sweep_step(&mut map, (floor, floor.next()), (place, 99));
    assert_eq!(done, Swept { records: 2, next: None });
    let mut cursor = map.cursor();
    cursor.seek(b"\x01d").unwrap();
    assert!(cursor.key().is_some_and(|row| row.starts_with(b"\x02")), "nothing is left of the key");
}

/// A step ends where its bounds say, and each takes at least one change.
#[test]
fn steps_are_bounded() {
    let mut map = MemoryMap::default();
    for _ in 0..20 {
        take(&mut map, &[Some(true); KEYS.len()]);
    }
    let ranges = ranges();
    let (from, to) = (Revision::ZERO, Revision::new(21));
    for (rows_max, size_bytes_max) in [(1, usize::MAX), (usize::MAX, 1), (0, 0)] {
        let (mut map, mut place, mut steps) = (map.clone(), ChangePlace::default(), 0);
        loop {
            let query = SweepQuery { ranges: &ranges, from, to, place, rows_max, size_bytes_max };
            let done = write(&mut map, |transaction| transaction.sweep(&query).unwrap());
            steps += 1;
            assert!(done.records <= 1);
            let Some(next) = done.next else { break };
            place = next;
        }
        assert_eq!(steps, 20 * (KEYS.len() + 1));
    }
}
