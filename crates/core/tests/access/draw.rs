//! Permissions and transactions over few keys, so that everything meets everything.

use bytes::Bytes;
use conclave_core::LeaseId;
use conclave_core::auth::{Permission, PermissionKind};
use conclave_core::kv::{
    Compare, CompareTarget, DeleteRange, Operation, Put, PutLease, RangeQuery, Relation, RevisionBounds, Txn,
};
use conclave_mvcc::KeyRange;
use proptest::prelude::*;

pub(crate) const LEASES: [u64; 2] = [1, 2];
const LETTERS: [&str; 4] = ["a", "b", "c", "d"];

/// All keys at which something can begin or end: between two of them all keys fare alike.
pub(crate) fn all_keys() -> Vec<Bytes> {
    let letters = LETTERS.iter().map(|letter| Bytes::from_static(letter.as_bytes()));
    let after = LETTERS.iter().map(|letter| Bytes::from(format!("{letter}\0")));
    letters.chain(after).collect()
}

fn letter() -> impl Strategy<Value = Bytes> {
    prop::sample::select(&LETTERS[..]).prop_map(Bytes::from)
}

/// Mostly of much, so that much is permitted.
pub(crate) fn permission() -> impl Strategy<Value = Permission> {
    let end = prop_oneof![2 => Just(Bytes::new()), 2 => Just(Bytes::from_static(b"\0")), 2 => letter()];
    let kinds = vec![PermissionKind::Read, PermissionKind::Write, PermissionKind::ReadWrite];
    (letter(), end, prop::sample::select(kinds))
        .prop_map(|(key, range_end, kind)| Permission { key, range_end, kind })
        .prop_filter("begins before it ends", |permission| {
            permission.range_end.is_empty()
                || permission.range_end == "\0"
                || permission.key < permission.range_end
        })
}

fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        4 => letter().prop_map(KeyRange::single),
        1 => letter().prop_map(|start| KeyRange::new(start, "")),
        2 => (letter(), letter())
            .prop_map(|(start, end)| KeyRange::new(start, end))
            .prop_filter("holds keys", |range| range.start < range.end),
    ]
}

pub(crate) fn lease() -> impl Strategy<Value = LeaseId> {
    prop::sample::select(&LEASES[..]).prop_map(|id| LeaseId::new(id).unwrap())
}

fn compare() -> impl Strategy<Value = Compare> {
    range().prop_map(|range| Compare {
        range,
        relation: Relation::Greater,
        target: CompareTarget::Version(0),
    })
}

fn put() -> impl Strategy<Value = Operation> {
    let hangs = prop_oneof![4 => Just(PutLease::None), 2 => lease().prop_map(PutLease::On), 1 => Just(PutLease::Keep)];
    (letter(), hangs, prop::bool::weighted(0.3)).prop_map(|(key, lease, with_previous)| {
        Operation::Put(Put { key, value: Some("v".into()), lease, with_previous })
    })
}

fn flat_operation() -> impl Strategy<Value = Operation> {
    let query = |range| RangeQuery {
        range,
        revision: None,
        limit: 0,
        sort: None,
        bounds: RevisionBounds::default(),
        keys_only: false,
        count_only: false,
    };
    prop_oneof![
        3 => put(),
        1 => range().prop_map(move |range| Operation::Range(query(range))),
        1 => (range(), prop::bool::weighted(0.3))
            .prop_map(|(range, with_previous)| Operation::DeleteRange(DeleteRange { range, with_previous })),
    ]
}

fn of(operation: impl Strategy<Value = Operation>) -> impl Strategy<Value = Txn> {
    let operations = prop::collection::vec(operation, 0..5);
    (prop::collection::vec(compare(), 0..2), operations).prop_flat_map(|(compares, operations)| {
        (0..=operations.len()).prop_map(move |success| {
            let (success, failure) = operations.split_at(success);
            Txn { compares: compares.clone(), success: success.to_vec(), failure: failure.to_vec() }
        })
    })
}

pub(crate) fn txn() -> impl Strategy<Value = Txn> {
    let within = of(flat_operation()).prop_map(Operation::Txn);
    let deeper = of(prop_oneof![3 => flat_operation(), 1 => within]).prop_map(Operation::Txn);
    of(prop_oneof![4 => flat_operation(), 1 => deeper])
        .prop_filter("writes no key twice", |txn| txn.check_keys_written().is_ok())
}
