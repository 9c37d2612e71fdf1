//! A batch is seen as the map that it will lead to: every read and every way of a cursor gives the same
//! over the batch as over that map.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

use bytes::Bytes;
use conclave_mvcc::{Batch, Cursor, MemoryMap, ReadMap, WriteSet};
use proptest::prelude::*;

/// What is done to a cursor.
#[derive(Clone, Debug)]
enum Move {
    Seek(Bytes),
    Advance,
}

type Writes = Vec<(Bytes, Option<Bytes>)>;

/// Few keys, of which some begin others, so that both sides often hold the same one.
fn key() -> impl Strategy<Value = Bytes> + Clone {
    prop::collection::vec(prop::sample::select(vec![0x00, 0x61, 0xff]), 0..3).prop_map(Bytes::from)
}

fn writes() -> impl Strategy<Value = Writes> {
    let value = prop::option::weighted(0.6, prop::sample::select(vec!["", "1", "2"]));
    let write = (key(), value.prop_map(|value| value.map(Bytes::from)));
    prop::collection::vec(write, 0..12)
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![1 => key().prop_map(Move::Seek), 3 => Just(Move::Advance)];
    prop::collection::vec(one, 0..24)
}

fn write_set(writes: &Writes) -> WriteSet {
    let mut set = WriteSet::default();
    for (key, value) in writes {
        match value {
            Some(value) => set.put(key.clone(), value.clone()),
            None => set.delete(key.clone()),
        }
    }
    set
}

fn map_of(sets: &[&Writes]) -> MemoryMap {
    let mut map = MemoryMap::default();
    for writes in sets {
        map.write(&write_set(writes));
    }
    map
}

/// Where a cursor is after each move.
fn follow(view: &dyn ReadMap, moves: &[Move]) -> Vec<Option<(Bytes, Bytes)>> {
    let mut cursor = view.cursor();
    let place = |cursor: &dyn Cursor| {
        let row = cursor.key().zip(cursor.value());
        assert_eq!(row.is_some(), cursor.key().is_some());
        row.map(|(key, value)| (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)))
    };
    let mut places = vec![place(cursor.as_ref())];
    for one in moves {
        match one {
            Move::Seek(key) => cursor.seek(key).unwrap(),
            Move::Advance => cursor.advance().unwrap(),
        }
        places.push(place(cursor.as_ref()));
    }
    places
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_reads_as_the_map_it_leads_to(
        base in writes(),
        first in writes(),
        second in writes(),
        asked in prop::collection::vec(key(), 0..8),
        moves in moves(),
    ) {
        let under = map_of(&[&base]);
        let expected = map_of(&[&base, &first, &second]);
        let mut batch = Batch::new(&under);
        batch.absorb(write_set(&first)).unwrap();
        batch.absorb(write_set(&second)).unwrap();
        for key in &asked {
            prop_assert_eq!(batch.get(key), expected.get(key));
        }
        prop_assert_eq!(follow(&batch, &moves), follow(&expected, &moves));
        let mut whole = vec![Move::Seek(Bytes::new())];
        whole.resize(40, Move::Advance);
        prop_assert_eq!(follow(&batch, &whole), follow(&expected, &whole));

        let mut written = under.clone();
        written.write(&batch.into_writes());
        prop_assert_eq!(written, expected);
    }
}
