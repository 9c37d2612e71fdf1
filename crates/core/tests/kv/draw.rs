//! What is asked for: few keys, some of them Conclave's own, so that everything meets everything.

use bytes::Bytes;
use conclave_core::LeaseId;
use conclave_core::kv::{
    Compare, CompareTarget, DeleteRange, Operation, Put, PutLease, RangeQuery, Relation, RevisionBounds,
    Sort, SortTarget, SweepStep, Txn,
};
use conclave_mvcc::{KeyRange, Revision};
use proptest::option;
use proptest::prelude::*;

pub(crate) const LEASES: [u64; 3] = [1, 2, 3];
pub(crate) const KEYS: [&str; 7] =
    ["\0", "a", "ab", "b", "conclave/config/n//k", "conclave/namespace/n", "z"];
const VALUES: [&str; 4] = ["", "1", "2", "22"];

/// Something that is done.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Txn(Txn),
    Compact(Revision),
    Sweep(SweepStep),
    Grant(LeaseId),
    Revoke(LeaseId),
    Read(RangeQuery),
}

/// Such as make a past and give it up.
pub(crate) fn sweeping() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => txn().prop_map(Step::Txn),
        3 => revision().prop_map(Step::Compact),
        6 => sweep().prop_map(Step::Sweep),
        1 => lease().prop_map(Step::Grant),
        1 => lease().prop_map(Step::Revoke),
    ]
}

fn sweep() -> impl Strategy<Value = SweepStep> {
    let bounds = prop_oneof![3 => (0_u32..9, Just(u64::MAX)), 1 => (Just(9_u32), 0_u64..200)];
    bounds.prop_map(|(rows_max, size_bytes_max)| SweepStep { rows_max, size_bytes_max })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => txn().prop_map(Step::Txn),
        1 => revision().prop_map(Step::Compact),
        1 => sweep().prop_map(Step::Sweep),
        2 => lease().prop_map(Step::Grant),
        1 => lease().prop_map(Step::Revoke),
        3 => query().prop_map(Step::Read),
    ]
}

fn lease() -> impl Strategy<Value = LeaseId> {
    prop::sample::select(&LEASES[..]).prop_map(|id| LeaseId::new(id).unwrap())
}

fn revision() -> impl Strategy<Value = Revision> {
    (0_u64..24).prop_map(Revision::new)
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0_i64..6, 2 => 0_i64..24, 1 => -2_i64..0]
}

fn key() -> impl Strategy<Value = Bytes> {
    prop::sample::select(&KEYS[..]).prop_map(Bytes::from)
}

fn plain_key() -> impl Strategy<Value = Bytes> {
    prop_oneof![15 => prop::sample::select(vec!["\0", "a", "ab", "b", "z"]).prop_map(Bytes::from), 1 => key()]
}

fn value() -> impl Strategy<Value = Bytes> {
    prop::sample::select(&VALUES[..]).prop_map(Bytes::from)
}

fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        6 => key().prop_map(KeyRange::single),
        1 => Just(KeyRange::all()),
        1 => key().prop_map(|start| KeyRange::new(start, "")),
        2 => (key(), key()).prop_map(|(start, end)| KeyRange::new(start, end)),
        1 => Just(KeyRange::prefix("a")),
    ]
}

/// Mostly such as do not meet what is Conclave's own.
fn deleted() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        5 => plain_key().prop_map(KeyRange::single),
        2 => Just(KeyRange::new("a", "b")),
        1 => Just(KeyRange::new("", "c")),
        1 => range(),
    ]
}

pub(crate) fn query() -> impl Strategy<Value = RangeQuery> {
    let by = prop::sample::select(vec![
        SortTarget::Key,
        SortTarget::Version,
        SortTarget::CreateRevision,
        SortTarget::ModRevision,
        SortTarget::Value,
    ]);
    let sort = (by, any::<bool>(), any::<bool>()).prop_map(|(by, descending, cut_before)| Sort {
        by,
        descending,
        cut_before,
    });
    let bound = || prop_oneof![3 => Just(0_i64), 1 => 1_i64..12];
    let bounds =
        (bound(), bound(), bound(), bound()).prop_map(|(mod_min, mod_max, create_min, create_max)| {
            RevisionBounds { mod_min, mod_max, create_min, create_max }
        });
    let bounds = prop_oneof![2 => Just(RevisionBounds::default()), 1 => bounds];
    let limit = prop_oneof![1 => Just(0_u64), 2 => 1_u64..5];
    let flags = (prop::bool::weighted(0.3), prop::bool::weighted(0.2));
    (range(), option::weighted(0.3, revision()), limit, option::of(sort), bounds, flags).prop_map(
        |(range, revision, limit, sort, bounds, (keys_only, count_only))| RangeQuery {
            range,
            revision,
            limit,
            sort,
            bounds,
            keys_only,
            count_only,
        },
    )
}

fn compare() -> impl Strategy<Value = Compare> {
    let relation =
        prop::sample::select(vec![Relation::Equal, Relation::Greater, Relation::Less, Relation::NotEqual]);
    let target = prop_oneof![
        number().prop_map(CompareTarget::Version),
        number().prop_map(CompareTarget::CreateRevision),
        number().prop_map(CompareTarget::ModRevision),
        value().prop_map(CompareTarget::Value),
        number().prop_map(CompareTarget::Lease),
    ];
    (range(), relation, target).prop_map(|(range, relation, target)| Compare { range, relation, target })
}

fn put() -> impl Strategy<Value = Put> {
    let hangs = prop_oneof![
        5 => Just(PutLease::None),
        4 => lease().prop_map(PutLease::On),
        1 => Just(PutLease::Keep),
    ];
    (plain_key(), option::weighted(0.9, value()), hangs, any::<bool>())
        .prop_map(|(key, value, lease, with_previous)| Put { key, value, lease, with_previous })
}

fn operation() -> impl Strategy<Value = Operation> {
    let within = (prop::collection::vec(compare(), 0..2), operations(), operations())
        .prop_map(|(compares, success, failure)| Operation::Txn(Txn { compares, success, failure }));
    prop_oneof![6 => flat_operation(), 1 => within]
}

fn flat_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => put().prop_map(Operation::Put),
        2 => (deleted(), any::<bool>())
            .prop_map(|(range, with_previous)| Operation::DeleteRange(DeleteRange { range, with_previous })),
        2 => query().prop_map(Operation::Range),
    ]
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(flat_operation(), 0..3)
}

fn txn() -> impl Strategy<Value = Txn> {
    let way = || prop::collection::vec(operation(), 0..4);
    (prop::collection::vec(compare(), 0..2), way(), way()).prop_map(|(compares, success, failure)| Txn {
        compares,
        success,
        failure,
    })
}
