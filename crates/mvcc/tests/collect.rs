//! Collection against a plain memory of what was: whatever is to stay reads the same before and after, and what
//! need not stay is gone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test is told of a failed condition by a panic")]

use bytes::Bytes;
use conclave_mvcc::{
    Batch, ChangeLimits, CollectQuery, KeyRange, MemoryMap, Place, ReadMap, Record, Revised, Revision,
    Transaction, changed_keys, changes_since, floor_of, get_at, history,
};
use proptest::prelude::*;

const KEYS: [&str; 5] = ["a", "a\0", "b", "b/c", "d"];
const EVERYTHING: ChangeLimits = ChangeLimits { revisions_max: usize::MAX, size_bytes_max: usize::MAX };

/// What one revision does to each key: nothing, sets it, or deletes it.
type Step = [Option<bool>; KEYS.len()];

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![4 => Just(None), 3 => Just(Some(true)), 2 => Just(Some(false))];
    proptest::array::uniform5(change)
}

fn store(steps: &[Step]) -> MemoryMap {
    let mut map = MemoryMap::default();
    for (number, step) in steps.iter().enumerate() {
        write(&mut map, |transaction| {
            // Changed at every revision, so that each step takes one.
            transaction.put("clock".into(), number.to_string().into(), Bytes::new()).unwrap();
            for (key, change) in KEYS.iter().zip(step) {
                match change {
                    Some(true) => {
                        transaction.put((*key).into(), number.to_string().into(), Bytes::new()).unwrap()
                    }
                    Some(false) => drop(transaction.delete((*key).into()).unwrap()),
                    None => {}
                }
            }
        });
    }
    map
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

fn read(map: &MemoryMap, at: Revision) -> Vec<Option<Record>> {
    KEYS.iter().map(|key| get_at(map, key.as_bytes(), at).unwrap()).collect()
}

/// How collection goes on after a step.
#[derive(Clone, Copy, Debug)]
enum GoOn {
    /// Where the step ended.
    Within,
    /// With the key at which it ended, from the floor on.
    AtKey,
}

/// Collects step by step until nothing is left to do; tells how many rows were removed.
fn collect(
    map: &mut MemoryMap,
    range: &KeyRange,
    (floor, points): (Revision, &[Revision]),
    (rows_max, go_on): (usize, GoOn),
) -> usize {
    let (mut place, mut rows) = (Place { key: range.start.clone(), within: None }, 0);
    loop {
        let rest = KeyRange::new(place.key, range.end.clone());
        let within = place.within.as_ref().filter(|_| matches!(go_on, GoOn::Within));
        let query = CollectQuery { range: &rest, within, floor, points, rows_max };
        let done = write(map, |transaction| {
            transaction.raise_floor(range, floor).unwrap();
            transaction.collect(&query).unwrap()
        });
        rows += done.rows;
        match done.next {
            Some(next) => place = next,
            None => return rows,
        }
    }
}

/// What was told of the keys of the range.
fn told(revised: &[Revised], range: &KeyRange) -> Vec<(Revision, Bytes, Option<Record>, Option<Record>)> {
    let events = revised.iter().flat_map(|revised| {
        let within = revised.events.iter().filter(|event| range.contains(&event.key));
        within.map(|event| {
            (revised.revision, event.key.clone(), event.previous.clone(), event.record().cloned())
        })
    });
    events.collect()
}

fn rows_below(map: &MemoryMap, key: &str, floor: Revision) -> usize {
    history(map, key.as_bytes(), floor, usize::MAX).unwrap().len()
}

proptest! {
    #[test]
    fn what_stays_reads_as_before_and_the_rest_is_gone(
        steps in prop::collection::vec(step(), 1..12),
        floor in 1_u64..12,
        points in prop::collection::btree_set(1_u64..12, 0..4),
        rows_max in 1_usize..6,
        go_on in prop::sample::select(vec![GoOn::Within, GoOn::AtKey]),
        prefix in prop::sample::select(vec!["", "a", "b"]),
    ) {
        let mut map = store(&steps);
        let newest = steps.len() as u64 + 1;
        let floor = Revision::new(floor.min(newest));
        let points: Vec<_> = points.into_iter().map(Revision::new).filter(|point| *point <= floor).collect();
        let range = KeyRange::prefix(prefix);
        let before = map.clone();
        let removed = collect(&mut map, &range, (floor, &points), (rows_max, go_on));
        // The same is left as if all of it were done at once.
        let mut at_once = before.clone();
        prop_assert_eq!(collect(&mut at_once, &range, (floor, &points), (usize::MAX, go_on)), removed);
        prop_assert_eq!(rows_of(&map), rows_of(&at_once));

        let kept = (floor.get()..=newest).map(Revision::new).chain(points.iter().copied());
        for at in kept {
            prop_assert_eq!(read(&map, at), read(&before, at), "at {}", at);
            let told = |map| changed_keys(map, at, &range, 99).unwrap();
            prop_assert_eq!(told(&map), told(&before), "at {}", at);
        }
        // Below the floor all that is left of a key is needed by a point, or tells of a change at one.
        for key in KEYS.iter().filter(|key| range.contains(key.as_bytes())) {
            prop_assert!(rows_below(&map, key, floor) <= points.len() + 1, "{}", key);
        }
        prop_assert_eq!(floor_of(&map, &range).unwrap(), floor);
        let replay = |map: &MemoryMap| told(&changes_since(map, floor.next(), EVERYTHING).unwrap(), &range);
        prop_assert_eq!(replay(&map), replay(&before));
        // All that is left can be replayed without a damaged row, and a second pass finds nothing.
        changes_since(&map, Revision::new(1), EVERYTHING).unwrap();
        prop_assert_eq!(collect(&mut map, &range, (floor, &points), (rows_max, go_on)), 0);
        let lost = rows_of(&before).len() - rows_of(&map).len();
        prop_assert!(lost <= 2 * removed, "no more is lost than was removed");
    }
}

/// Between its two lives a key is read as gone, which needs no tombstone once the first life is collected; nor
/// does its second death then.
#[test]
fn tombstones_above_nothing_go_together() {
    let steps = [Some(true), Some(false), None, Some(true), Some(false), None];
    let steps = steps.map(|change| [None, None, change, None, None]);
    let (range, floor, points) = (KeyRange::single("b"), Revision::new(7), [Revision::new(4)]);
    for (rows_max, go_on) in (1..4).flat_map(|rows_max| [(rows_max, GoOn::Within), (rows_max, GoOn::AtKey)]) {
        let mut map = store(&steps);
        assert_eq!(collect(&mut map, &range, (floor, &points), (rows_max, go_on)), 4);
    }
}

/// A key of which only the present is read takes no more however often it changes, and nothing once it is deleted;
/// what changed beside it stays.
#[test]
fn a_key_without_a_past_leaves_only_its_present() {
    let kind = KeyRange::prefix("b");
    let set = |map: &mut MemoryMap, value: Option<&'static str>| {
        write(map, |transaction| {
            transaction.put("other".into(), value.unwrap_or("gone").into(), Bytes::new()).unwrap();
            match value {
                Some(value) => transaction.put("b/c".into(), value.into(), Bytes::new()).unwrap(),
                None => drop(transaction.delete("b/c".into()).unwrap()),
            }
            transaction.forget_past(&kind, "b/c".into()).unwrap();
        });
    };
    let mut map = MemoryMap::default();
    set(&mut map, Some("1"));
    assert_eq!(floor_of(&map, &kind).unwrap(), Revision::ZERO, "nothing was forgotten yet");
    for (value, changed) in [("2", 3), ("3", 4)] {
        set(&mut map, Some(value));
        assert_eq!(floor_of(&map, &kind).unwrap(), Revision::new(changed));
        assert_eq!(rows_below(&map, "b/c", Revision::MAX), 1);
        let record = get_at(&map, b"b/c", Revision::MAX).unwrap().unwrap();
        assert_eq!(
            (record.value, record.create_revision.get(), record.version),
            (value.into(), 2, changed - 1)
        );
    }
    set(&mut map, None);
    assert_eq!(rows_below(&map, "b/c", Revision::MAX), 0);
    let others = changes_since(&map, Revision::new(1), EVERYTHING).unwrap();
    let keys = others.iter().flat_map(|revised| revised.events.iter().map(|event| event.key.clone()));
    assert_eq!(keys.collect::<Vec<_>>(), ["other"; 4]);
    set(&mut map, Some("4"));
    assert_eq!(get_at(&map, b"b/c", Revision::MAX).unwrap().unwrap().create_revision, Revision::new(6));
}

/// What a key was before it was without a past goes as well.
#[test]
fn a_past_is_forgotten_whole() {
    let mut map = store(&[[None, None, Some(true), None, None]; 5]);
    write(&mut map, |transaction| {
        transaction.put("b".into(), "now".into(), Bytes::new()).unwrap();
        transaction.forget_past(&KeyRange::single("b"), "b".into()).unwrap();
    });
    assert_eq!(rows_below(&map, "b", Revision::MAX), 1);
    changes_since(&map, Revision::new(1), EVERYTHING).unwrap();
}

/// The keys of the rows of versions and changes.
fn rows_of(map: &MemoryMap) -> Vec<Vec<u8>> {
    let (mut rows, mut cursor) = (Vec::new(), map.cursor());
    cursor.seek(b"\x01").unwrap();
    while let Some(row) = cursor.key().filter(|row| *row < b"\x03".as_slice()) {
        rows.push(row.to_vec());
        cursor.advance().unwrap();
    }
    rows
}
