//! What is known of keys without a search is what the map holds, whatever was removed from it meanwhile.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

use bytes::Bytes;
use conclave_mvcc::{
    Batch, ChangePlace, CollectQuery, KeyRange, MemoryMap, ReadMap as _, Recent, Revision, SweepQuery,
    TableId, Transaction, get_at,
};
use proptest::prelude::*;

const KEYS: [&str; 4] = ["a", "a\0", "b", "c"];

/// What one transaction does.
#[derive(Clone, Debug)]
enum Step {
    Put(usize, usize),
    Delete(usize),
    /// Sets or deletes a key of which no past is kept.
    Forget(usize, bool),
    /// Removes what need not stay of all keys, by one of two ways.
    Collect,
    Sweep,
    /// Looks at a key only.
    Get(usize),
    /// Sets, deletes or looks at a row of another table: more than are known at once, and larger ones.
    SidePut(u8, usize),
    SideDelete(u8),
    SideGet(u8),
}

const SIDE_ROWS: u8 = 100;

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS.len();
    prop_oneof![
        4 => (key(), 0_usize..200).prop_map(|(key, size)| Step::Put(key, size)),
        2 => key().prop_map(Step::Delete),
        2 => (key(), any::<bool>()).prop_map(|(key, is_set)| Step::Forget(key, is_set)),
        1 => Just(Step::Collect),
        1 => Just(Step::Sweep),
        2 => key().prop_map(Step::Get),
        2 => (side(), prop::sample::select(vec![0, 100, 70_000])).prop_map(|(row, size)| Step::SidePut(row, size)),
        1 => side().prop_map(Step::SideDelete),
        2 => side().prop_map(Step::SideGet),
    ]
}

/// Some of them often.
fn side() -> impl Strategy<Value = u8> {
    prop_oneof![0..3_u8, 0..SIDE_ROWS]
}

fn side_table() -> TableId {
    TableId::new(0x77)
}

fn key(number: usize) -> Bytes {
    Bytes::from_static(KEYS[number].as_bytes())
}

fn take(transaction: &mut Transaction<'_>, step: &Step) {
    let (all, now) = (KeyRange::new("", ""), transaction.newest());
    match step {
        Step::Put(number, size) => {
            transaction.put(key(*number), vec![b'v'; *size].into(), Bytes::new()).unwrap();
        }
        Step::Delete(number) => drop(transaction.delete(key(*number)).unwrap()),
        Step::Forget(number, is_set) => {
            transaction.forget_past(&all, key(*number)).unwrap();
            if *is_set {
                transaction.put(key(*number), "present".into(), Bytes::new()).unwrap();
            } else {
                transaction.delete(key(*number)).unwrap();
            }
        }
        Step::Collect => {
            let query =
                CollectQuery { range: &all, within: None, floor: now, points: &[], rows_max: usize::MAX };
            transaction.collect(&query).unwrap();
        }
        Step::Sweep => {
            let (ranges, place) = ([all], ChangePlace::default());
            let (rows_max, size_bytes_max) = (usize::MAX, usize::MAX);
            let query = SweepQuery {
                ranges: &ranges,
                from: Revision::EMPTY,
                to: now,
                place,
                rows_max,
                size_bytes_max,
            };
            transaction.sweep(&query).unwrap();
        }
        Step::Get(number) => drop(transaction.get(&key(*number)).unwrap().cloned()),
        Step::SidePut(row, size) => {
            transaction.side_put(side_table(), &[*row], vec![b's'; *size].into());
        }
        Step::SideDelete(row) => transaction.side_delete(side_table(), &[*row]),
        Step::SideGet(row) => drop(transaction.side_get(side_table(), &[*row]).unwrap()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_known_is_what_is_there(
        batches in prop::collection::vec(prop::collection::vec((step(), prop::bool::weighted(0.9)), 1..4), 1..12),
        size_bytes in prop::sample::select(vec![0, 1_000, 1 << 20]),
    ) {
        let (mut map, mut recent) = (MemoryMap::default(), Recent::new(size_bytes));
        for steps in &batches {
            let mut batch = Batch::with_recent(&map, recent);
            for (step, commits) in steps {
                let mut transaction = Transaction::begin(&batch).unwrap();
                take(&mut transaction, step);
                if *commits {
                    let writes = transaction.seal().writes;
                    batch.absorb(writes).unwrap();
                }
            }
            let (writes, known) = batch.into_parts();
            map.write(&writes);
            recent = known.unwrap();
            // By what is known, and by a search.
            let knowing = Batch::with_recent(&map, recent);
            let mut transaction = Transaction::begin(&knowing).unwrap();
            for number in 0..KEYS.len() {
                let there = get_at(&map, &key(number), Revision::MAX).unwrap();
                prop_assert_eq!(transaction.get(&key(number)).unwrap(), there.as_ref());
            }
            for row in 0..SIDE_ROWS {
                let there = map.get(&side_table().row_key(&[row])).unwrap();
                prop_assert_eq!(transaction.side_get(side_table(), &[row]).unwrap(), there);
            }
            drop(transaction);
            recent = knowing.into_parts().1.unwrap();
        }
    }
}
