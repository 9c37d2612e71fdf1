//! Transactions: what they do, and what they may not.

use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::response_op::Response;
use conclave_proto::etcd::etcdserverpb::{PutRequest, RangeRequest, RequestOp, TxnResponse};
use tonic::Code;

use crate::pair::{Pair, revision};
use crate::requests::{
    ON, Operation as _, all, always, compact, delete, get, has_value, is_absent, lease, put, range, txn,
};

/// How many operations a transaction may have.
const OPERATIONS_MAX: usize = 128;

#[tokio::test]
async fn one_of_two_lists_is_done_in_one_revision() {
    let mut pair = Pair::start().await;
    let claim = |value| {
        txn(vec![is_absent("a")], vec![put("a", value).op(), put("b", value).op()], vec![get("a").op()])
    };
    let told = pair.granted(claim("1")).await;
    assert_eq!((told.succeeded, revision(told.header.as_ref())), (true, 2));
    let told = pair.granted(claim("2")).await;
    assert_eq!((told.succeeded, told.responses.len()), (false, 1));
    let told = pair.granted(all()).await;
    assert!(told.kvs.iter().all(|kv| (kv.create_revision, kv.mod_revision) == (2, 2)));
}

#[tokio::test]
async fn reads_within_see_what_was_done_before_them() {
    let mut pair = Pair::start().await;
    pair.granted(put("a", "1")).await;
    let request = always(vec![
        range("a", "c").op(),
        put("b", "1").op(),
        range("a", "c").op(),
        delete("a", "").op(),
        range("a", "c").op(),
        RangeRequest { revision: 2, ..range("a", "c") }.op(),
        RangeRequest { count_only: true, ..all() }.op(),
    ]);
    let told = pair.granted(request.clone()).await;
    assert_eq!(counts(&told), [1, 2, 1, 1, 1]);
    pair.granted(request).await;
}

fn counts(told: &TxnResponse) -> Vec<i64> {
    let ranges = told.responses.iter().filter_map(|op| match &op.response {
        Some(Response::ResponseRange(range)) => Some(range.count),
        _ => None,
    });
    ranges.collect()
}

#[tokio::test]
async fn a_key_that_is_put_and_deleted_ends_its_life() {
    let mut pair = Pair::start().await;
    pair.granted(put("a", "1")).await;
    pair.granted(always(vec![delete("a", "").op(), put("b", "1").op()])).await;
    pair.granted(always(vec![delete("a", "").op(), delete("b", "").op(), delete("a", ON).op()])).await;
    pair.granted(all()).await;
    pair.granted(always(vec![get("a").op()])).await;
    pair.granted(always(Vec::new())).await;
    pair.granted(txn(vec![has_value("a", "1")], Vec::new(), Vec::new())).await;
}

#[tokio::test]
async fn a_key_is_changed_once() {
    let mut pair = Pair::start().await;
    pair.granted(put("a", "1")).await;
    let nested = |ops: Vec<RequestOp>| always(ops).op();
    let either = |first: Vec<RequestOp>, second: Vec<RequestOp>| txn(vec![is_absent("x")], first, second);
    let twice = [
        always(vec![put("a", "1").op(), put("a", "2").op()]),
        always(vec![put("a", "1").op(), delete("a", "").op()]),
        always(vec![delete("a", "").op(), put("a", "1").op()]),
        always(vec![put("b", "1").op(), delete("a", "c").op()]),
        always(vec![put("a", "1").op(), nested(vec![put("a", "2").op()])]),
        always(vec![nested(vec![put("a", "1").op()]), nested(vec![put("a", "2").op()])]),
        always(vec![delete("a", "").op(), nested(vec![put("a", "2").op()])]),
        always(vec![nested(vec![delete("a", "c").op()]), put("b", "2").op()]),
        always(vec![either(vec![put("a", "1").op()], vec![put("b", "1").op()]).op(), put("b", "2").op()]),
        either(Vec::new(), vec![put("a", "1").op(), put("a", "2").op()]),
    ];
    for request in twice {
        let refused = pair.refused(request).await;
        assert_eq!(refused, (Code::InvalidArgument, "etcdserver: duplicate key given in txn request".into()));
    }
    assert_eq!(revision(pair.granted(all()).await.header.as_ref()), 2, "nothing was written");
}

#[tokio::test]
async fn a_deletion_of_all_from_a_key_on_is_overlooked_by_etcd() {
    let pair = Pair::start().await;
    let twice = [
        always(vec![put("zz", "1").op(), delete("a", ON).op()]),
        always(vec![delete("a", ON).op(), put("zz", "1").op()]),
        always(vec![always(vec![delete("a", ON).op()]).op(), put("b", "2").op()]),
    ];
    for request in twice {
        for side in pair.sides() {
            let told = KvClient::new(side.channel).txn(request.clone()).await;
            // Ours writes no key twice in one revision.
            let expected = if side.name == "conclave" { Some(Code::InvalidArgument) } else { None };
            assert_eq!(told.err().map(|status| status.code()), expected);
        }
    }
}

#[tokio::test]
async fn what_looks_like_two_changes_of_a_key_and_is_none() {
    let mut pair = Pair::start().await;
    let either = |first: Vec<RequestOp>, second: Vec<RequestOp>| txn(vec![is_absent("x")], first, second);
    let once = [
        either(vec![put("a", "1").op()], vec![put("a", "2").op()]),
        always(vec![delete("a", "").op(), delete("a", "").op(), delete("\0", ON).op()]),
        always(vec![put("b", "1").op(), delete("a", "b").op(), delete("c", ON).op()]),
        always(vec![put("a", "1").op(), delete("b", "a").op(), get("a").op(), get("a").op()]),
        always(vec![either(vec![put("a", "1").op()], vec![put("a", "2").op()]).op()]),
    ];
    for request in once {
        pair.granted(request).await;
        pair.granted(all()).await;
    }
}

#[tokio::test]
async fn transactions_lie_in_transactions() {
    let mut pair = Pair::start().await;
    pair.granted(put("a", "1")).await;
    let inner =
        txn(vec![has_value("a", "1")], vec![put("b", "yes").op(), all().op()], vec![put("b", "no").op()]);
    let sees_the_state_before = always(vec![put("a", "2").op(), inner.clone().op(), get("b").op()]);
    let told = pair.granted(sees_the_state_before).await;
    assert_eq!(revision(told.header.as_ref()), 3);
    pair.granted(all()).await;
    pair.granted(txn(vec![is_absent("a")], Vec::new(), vec![inner.clone().op(), put("c", "1").op()])).await;
    let deep =
        always(vec![always(vec![always(vec![inner.op(), get("b").op()]).op()]).op(), put("d", "1").op()]);
    pair.granted(deep).await;
    pair.granted(all()).await;
}

#[tokio::test]
async fn operations_are_counted() {
    let mut pair = Pair::start().await;
    let puts =
        |count: usize| -> Vec<RequestOp> { (0..count).map(|n| put(&format!("k{n}"), "1").op()).collect() };
    pair.granted(always(puts(OPERATIONS_MAX))).await;
    let refused = pair.refused(always(puts(OPERATIONS_MAX + 1))).await;
    assert_eq!(refused, (Code::InvalidArgument, "etcdserver: too many operations in txn request".into()));
    pair.refused(txn(Vec::new(), Vec::new(), puts(OPERATIONS_MAX + 1))).await;
    let compares = |count: usize| (0..count).map(|_| is_absent("x")).collect::<Vec<_>>();
    pair.granted(txn(compares(OPERATIONS_MAX), puts(1), Vec::new())).await;
    pair.refused(txn(compares(OPERATIONS_MAX + 1), puts(1), Vec::new())).await;
    pair.granted(txn(compares(OPERATIONS_MAX), puts(OPERATIONS_MAX), puts(OPERATIONS_MAX))).await;
    pair.refused(always(vec![always(puts(OPERATIONS_MAX + 1)).op()])).await;
    let halves = vec![always(puts(100)).op(), txn(vec![], vec![], puts(100)).op()];
    pair.ask(always(halves)).await.expect_err("a key is in both");
    let gets = |count: usize| -> Vec<RequestOp> { (0..count).map(|n| get(&format!("k{n}")).op()).collect() };
    pair.ask(always(vec![always(gets(100)).op(), always(gets(100)).op()])).await.ok();
}

#[tokio::test]
async fn one_bad_operation_refuses_all() {
    let mut pair = Pair::start().await;
    for value in ["1", "2", "3"] {
        pair.granted(put("a", value)).await;
    }
    pair.granted(compact(3)).await;
    let good = || put("b", "1").op();
    let bad = [
        put("", "1").op(),
        get("").op(),
        delete("", "").op(),
        RangeRequest { revision: 2, ..get("a") }.op(),
        RangeRequest { revision: 100, ..get("a") }.op(),
        PutRequest { lease: 7, ..put("c", "1") }.op(),
        PutRequest { ignore_value: true, ..put("c", "") }.op(),
        PutRequest { ignore_lease: true, ..put("c", "1") }.op(),
        PutRequest { ignore_value: true, ..put("a", "1") }.op(),
        PutRequest { ignore_lease: true, lease: 7, ..put("a", "1") }.op(),
        RequestOp { request: None },
    ];
    for op in bad {
        pair.refused(always(vec![good(), op.clone()])).await;
        pair.refused(always(vec![op.clone(), good()])).await;
        pair.refused(always(vec![good(), always(vec![op.clone()]).op()])).await;
        // In the list that is not done, only what is wrong with the request itself counts.
        pair.ask(txn(Vec::new(), Vec::new(), vec![op.clone()])).await.ok();
        pair.ask(always(vec![txn(Vec::new(), vec![good()], vec![op]).op()])).await.ok();
    }
    pair.granted(all()).await;
}

#[tokio::test]
async fn puts_within_have_all_their_options() {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    pair.granted(PutRequest { lease: 7, ..put("a", "1") }).await;
    let request = always(vec![
        PutRequest { ignore_lease: true, prev_kv: true, ..put("a", "2") }.op(),
        PutRequest { lease: 7, prev_kv: true, ..put("b", "1") }.op(),
        get("a").op(),
    ]);
    pair.granted(request).await;
    pair.granted(always(vec![PutRequest { ignore_value: true, ..put("a", "") }.op(), delete("b", ON).op()]))
        .await;
    pair.granted(all()).await;
}
