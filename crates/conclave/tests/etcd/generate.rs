//! Random requests over few keys, so that they meet.
//!
//! There are six keys at most: etcd's sorting keeps the order of equal ones only as long as they are few.

use bytes::Bytes;
use conclave_proto::etcd::etcdserverpb as pb;
use pb::compare::TargetUnion;
use pb::request_op::Request;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use crate::script::Step;

const KEYS: [&[u8]; 6] = [b"\0", b"a", b"a\0", b"ab", b"b", b"\xff"];
/// No end, all from the key on, and ends that may lie before the key.
const ENDS: [&[u8]; 8] = [b"", b"", b"\0", b"a\0", b"ab", b"b", b"c", b"\xff"];
const VALUES: [&[u8]; 4] = [b"", b"1", b"2", b"\0"];
const LEASES: [i64; 4] = [0, 7, 8, 9];
/// Most scripts have come to revisions about here when they ask.
const REVISION_MAX: i64 = 16;
/// How deep transactions lie in transactions.
const DEPTH_MAX: u32 = 2;

/// Any request.
pub(crate) fn step() -> BoxedStrategy<Step> {
    prop_oneof![
        5 => put().prop_map(Step::Put),
        4 => range().prop_map(Step::Range),
        2 => delete().prop_map(Step::Delete),
        5 => txn(DEPTH_MAX).prop_map(Step::Txn),
        1 => compact().prop_map(Step::Compact),
        1 => grant().prop_map(Step::Grant),
        1 => revoke().prop_map(Step::Revoke),
        1 => time_to_live().prop_map(Step::TimeToLive),
        2 => watch().prop_map(Step::Watch),
        1 => (0_usize..4).prop_map(Step::EndWatch),
    ]
    .boxed()
}

fn key() -> BoxedStrategy<Bytes> {
    // A key that is missing is seldom asked for.
    prop_oneof![20 => select(&KEYS[..]), 1 => Just(&b""[..])].prop_map(Bytes::from_static).boxed()
}

fn end() -> BoxedStrategy<Bytes> {
    select(&ENDS[..]).prop_map(Bytes::from_static).boxed()
}

fn value() -> BoxedStrategy<Bytes> {
    select(&VALUES[..]).prop_map(Bytes::from_static).boxed()
}

fn lease() -> BoxedStrategy<i64> {
    select(&LEASES[..]).boxed()
}

/// Mostly 0, which stands for now or for none.
fn revision() -> BoxedStrategy<i64> {
    prop_oneof![6 => Just(0), 4 => 1..REVISION_MAX, 1 => select(&[-1, 1_000][..])].boxed()
}

fn limit() -> BoxedStrategy<i64> {
    prop_oneof![3 => Just(0_i64), 2 => 1_i64..5, 1 => Just(-1_i64)].boxed()
}

fn range() -> BoxedStrategy<pb::RangeRequest> {
    let order = (limit(), 0_i32..3, 0_i32..5);
    let kinds = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.2));
    let bounds = (revision(), revision(), revision(), revision());
    (key(), end(), revision(), order, kinds, bounds)
        .prop_map(|(key, range_end, revision, (limit, sort_order, sort_target), kinds, bounds)| {
            pb::RangeRequest {
                key,
                range_end,
                limit,
                revision,
                sort_order,
                sort_target,
                serializable: kinds.0,
                keys_only: kinds.1,
                count_only: kinds.2,
                min_mod_revision: bounds.0,
                max_mod_revision: bounds.1,
                min_create_revision: bounds.2,
                max_create_revision: bounds.3,
            }
        })
        .boxed()
}

fn put() -> BoxedStrategy<pb::PutRequest> {
    let kept = proptest::bool::weighted(0.15);
    (key(), value(), lease(), any::<bool>(), kept, kept)
        .prop_map(|(key, value, lease, prev_kv, ignore_value, ignore_lease)| pb::PutRequest {
            key,
            // What is to be kept is mostly not told.
            value: if ignore_value && lease != 9 { Bytes::new() } else { value },
            lease: if ignore_lease && !prev_kv { 0 } else { lease },
            prev_kv,
            ignore_value,
            ignore_lease,
        })
        .boxed()
}

fn delete() -> BoxedStrategy<pb::DeleteRangeRequest> {
    (key(), end(), any::<bool>())
        .prop_map(|(key, range_end, prev_kv)| pb::DeleteRangeRequest { key, range_end, prev_kv })
        .boxed()
}

/// From now on, from the past or from the future. What was before the first revision of a script is another one's.
fn watch() -> BoxedStrategy<pb::WatchCreateRequest> {
    let start = prop_oneof![5 => Just(0_i64), 5 => 2..REVISION_MAX];
    let leaves_out = proptest::sample::subsequence(vec![0_i32, 1], 0..=2);
    (key(), end(), start, leaves_out, any::<[bool; 3]>())
        .prop_map(|(key, range_end, start_revision, filters, [prev_kv, fragment, progress_notify])| {
            pb::WatchCreateRequest {
                key,
                range_end,
                start_revision,
                progress_notify,
                filters,
                prev_kv,
                watch_id: 0,
                fragment,
            }
        })
        .boxed()
}

/// A revision below zero is now, but within a transaction etcd takes it for one that is gone once any is.
fn of_a_revision(range: pb::RangeRequest) -> pb::RangeRequest {
    pb::RangeRequest { revision: range.revision.max(0), ..range }
}

/// That etcd does not overlook it when it looks for keys that are written twice.
fn is_looked_at(delete: &pb::DeleteRangeRequest) -> bool {
    delete.range_end != "\0"
}

fn compare() -> BoxedStrategy<pb::Compare> {
    let with = prop_oneof![
        (0_i64..4).prop_map(TargetUnion::Version),
        (0..REVISION_MAX).prop_map(TargetUnion::CreateRevision),
        (0..REVISION_MAX).prop_map(TargetUnion::ModRevision),
        value().prop_map(TargetUnion::Value),
        lease().prop_map(TargetUnion::Lease),
    ];
    // The target is mostly what it is compared with.
    let target = prop_oneof![8 => Just(None), 1 => (0_i32..5).prop_map(Some)];
    (0_i32..4, target, key(), option::weighted(0.95, with), end())
        .prop_map(|(result, target, key, target_union, range_end)| {
            let target = target.unwrap_or_else(|| target_union.as_ref().map_or(0, target_of));
            pb::Compare { result, target, key, target_union, range_end }
        })
        .boxed()
}

fn target_of(with: &TargetUnion) -> i32 {
    match with {
        TargetUnion::Version(_) => 0,
        TargetUnion::CreateRevision(_) => 1,
        TargetUnion::ModRevision(_) => 2,
        TargetUnion::Value(_) => 3,
        TargetUnion::Lease(_) => 4,
    }
}

/// The keys that are put, and what transactions within delete.
#[derive(Default)]
struct Written {
    puts: Vec<Bytes>,
    deletions_within: Vec<(Bytes, Bytes)>,
}

impl Written {
    fn add(&mut self, operations: &[pb::RequestOp], is_within: bool) {
        for operation in operations {
            match &operation.request {
                Some(Request::RequestPut(put)) => self.puts.push(put.key.clone()),
                Some(Request::RequestDeleteRange(delete)) if is_within => {
                    self.deletions_within.push((delete.key.clone(), delete.range_end.clone()));
                }
                Some(Request::RequestTxn(within)) => {
                    self.add(&within.success, true);
                    self.add(&within.failure, true);
                }
                _ => {}
            }
        }
    }

    fn is_clear(&self) -> bool {
        let deletes = |(key, end): &(Bytes, Bytes), put: &Bytes| key == put || (key <= put && put < end);
        !self.deletions_within.iter().any(|range| self.puts.iter().any(|put| deletes(range, put)))
    }
}

/// Whether no transaction within deletes what is put anywhere. What one of two such does, etcd overlooks when it looks
/// at the other; ours does not.
fn is_clear(txn: &pb::TxnRequest) -> bool {
    [&txn.success, &txn.failure].into_iter().all(|way| {
        let mut written = Written::default();
        written.add(way, false);
        written.is_clear()
    })
}

fn txn(depth: u32) -> BoxedStrategy<pb::TxnRequest> {
    (vec(compare(), 0..3), vec(op(depth), 0..4), vec(op(depth), 0..4))
        .prop_map(|(compare, success, failure)| pb::TxnRequest { compare, success, failure })
        .prop_filter("see `is_clear`", is_clear)
        .boxed()
}

fn op(depth: u32) -> BoxedStrategy<pb::RequestOp> {
    let simple = prop_oneof![
        4 => put().prop_map(Request::RequestPut),
        3 => range().prop_map(of_a_revision).prop_map(Request::RequestRange),
        2 => delete().prop_filter("see `is_looked_at`", is_looked_at).prop_map(Request::RequestDeleteRange),
    ];
    let request = match depth.checked_sub(1) {
        Some(deeper) => prop_oneof![8 => simple, 2 => txn(deeper).prop_map(Request::RequestTxn)].boxed(),
        None => simple.boxed(),
    };
    request.prop_map(|request| pb::RequestOp { request: Some(request) }).boxed()
}

fn compact() -> BoxedStrategy<pb::CompactionRequest> {
    (revision(), any::<bool>())
        .prop_map(|(revision, physical)| pb::CompactionRequest { revision, physical })
        .boxed()
}

fn grant() -> BoxedStrategy<pb::LeaseGrantRequest> {
    // An id that the server chooses is another one at each.
    (7_i64..10, select(&[600, 6_000, 9_000_000_001][..]))
        .prop_map(|(id, ttl)| pb::LeaseGrantRequest { ttl, id })
        .boxed()
}

fn revoke() -> BoxedStrategy<pb::LeaseRevokeRequest> {
    lease().prop_map(|id| pb::LeaseRevokeRequest { id }).boxed()
}

fn time_to_live() -> BoxedStrategy<pb::LeaseTimeToLiveRequest> {
    (lease(), any::<bool>()).prop_map(|(id, keys)| pb::LeaseTimeToLiveRequest { id, keys }).boxed()
}
