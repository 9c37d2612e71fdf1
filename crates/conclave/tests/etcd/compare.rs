//! What a transaction can compare.

use bytes::Bytes;
use conclave_proto::etcd::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use conclave_proto::etcd::etcdserverpb::{Compare, PutRequest};
use tonic::Code;

use crate::pair::Pair;
use crate::requests::{ON, Operation as _, compare, delete, get, has_value, is_absent, lease, put, txn};

const RESULTS: [CompareResult; 4] =
    [CompareResult::Equal, CompareResult::Greater, CompareResult::Less, CompareResult::NotEqual];

/// `a` put twice, `b` once under a lease, `c` gone.
async fn filled() -> Pair {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    pair.granted(put("a", "1")).await;
    pair.granted(put("a", "2")).await;
    pair.granted(PutRequest { lease: 7, ..put("b", "2") }).await;
    pair.granted(put("c", "2")).await;
    pair.granted(delete("c", "")).await;
    pair
}

async fn holds(pair: &mut Pair, compare: Compare) -> bool {
    pair.granted(txn(vec![compare], vec![get("a").op()], Vec::new())).await.succeeded
}

/// Each target with what is less than, equal to and greater than what `a` and `b` have.
fn withs() -> Vec<TargetUnion> {
    let mut withs = Vec::new();
    for number in [-1, 0, 1, 2, 3, 4, 7, 100] {
        withs.push(TargetUnion::Version(number));
        withs.push(TargetUnion::CreateRevision(number));
        withs.push(TargetUnion::ModRevision(number));
        withs.push(TargetUnion::Lease(number));
    }
    withs.extend(["", "1", "2", "20", "3"].map(|value| TargetUnion::Value(value.into())));
    withs
}

#[tokio::test]
async fn every_target_with_every_result() {
    let mut pair = filled().await;
    for (result, with) in
        RESULTS.into_iter().flat_map(|result| withs().into_iter().map(move |with| (result, with)))
    {
        for key in ["a", "b", "c", "nothing"] {
            holds(&mut pair, compare(key, result, with.clone())).await;
        }
    }
    assert!(holds(&mut pair, compare("a", CompareResult::Greater, TargetUnion::Version(1))).await);
    assert!(!holds(&mut pair, compare("a", CompareResult::Less, TargetUnion::ModRevision(3))).await);
    assert!(holds(&mut pair, compare("b", CompareResult::Equal, TargetUnion::Lease(7))).await);
}

#[tokio::test]
async fn a_range_compares_as_all_its_keys() {
    let mut pair = filled().await;
    for (result, with) in
        RESULTS.into_iter().flat_map(|result| withs().into_iter().map(move |with| (result, with)))
    {
        for (first, end) in [("a", "c"), ("a", ON), ("c", "d"), ("x", ON), ("b", "a")] {
            let range = Compare { range_end: end.into(), ..compare(first, result, with.clone()) };
            holds(&mut pair, range).await;
        }
    }
    let all_are_two = Compare { range_end: ON.into(), ..has_value("\0", "2") };
    assert!(holds(&mut pair, all_are_two).await);
    let none_is_there = Compare { range_end: ON.into(), ..is_absent("x") };
    assert!(holds(&mut pair, none_is_there).await, "a range without keys is as a key that is not there");
}

#[tokio::test]
async fn what_it_is_compared_with_may_be_missing_or_another() {
    let mut pair = filled().await;
    let targets = [
        CompareTarget::Version,
        CompareTarget::Create,
        CompareTarget::Mod,
        CompareTarget::Value,
        CompareTarget::Lease,
    ];
    let withs = [None, Some(TargetUnion::Version(1)), Some(TargetUnion::Value(Bytes::from_static(b"2")))];
    for (result, target) in RESULTS.into_iter().flat_map(|result| targets.map(|target| (result, target))) {
        for (key, with) in ["a", "nothing"].into_iter().flat_map(|key| withs.clone().map(|with| (key, with)))
        {
            let odd = Compare {
                target: target.into(),
                target_union: with,
                ..compare(key, result, TargetUnion::Version(0))
            };
            holds(&mut pair, odd).await;
        }
    }
}

#[tokio::test]
async fn all_comparisons_must_hold() {
    let mut pair = filled().await;
    for (first, second) in [("2", "2"), ("1", "2"), ("2", "1"), ("1", "1")] {
        let compares = vec![has_value("a", first), has_value("b", second)];
        let told = pair.granted(txn(compares, vec![put("x", first).op()], vec![put("y", second).op()])).await;
        assert_eq!(told.succeeded, (first, second) == ("2", "2"));
    }
}

#[tokio::test]
async fn a_comparison_names_a_key() {
    let mut pair = filled().await;
    let refused = pair.refused(txn(vec![is_absent("")], Vec::new(), Vec::new())).await;
    assert_eq!(refused, (Code::InvalidArgument, "etcdserver: key is not provided".into()));
    let within = txn(vec![is_absent("")], Vec::new(), Vec::new()).op();
    pair.ask(txn(Vec::new(), vec![within], Vec::new())).await.ok();
}

#[tokio::test]
async fn kinds_that_are_not_known() {
    let mut pair = filled().await;
    pair.ask(txn(vec![Compare { target: 9, ..is_absent("a") }], Vec::new(), Vec::new())).await.ok();
    pair.ask(txn(vec![Compare { result: 9, ..is_absent("a") }], Vec::new(), Vec::new())).await.ok();
}
