//! Changes by clients of etcd that depend on locks of Conclave's own API: with the lock all of it, without nothing.

use conclave_client::SessionOptions;
use conclave_proto::etcd::etcdserverpb as pb;
use conclave_testkit::Cluster;
use pb::kv_client::KvClient;
use pb::request_op::Request as Operation;
use tonic::{Code, Request, Status};

use crate::stage::three;

/// A request that depends on locks: `NAME=TOKEN`, an entry each.
fn held<T>(message: T, locks: &[&str]) -> Request<T> {
    let mut request = Request::new(message);
    for lock in locks {
        request.metadata_mut().append("conclave-held", lock.parse().expect("it is ASCII"));
    }
    request
}

fn put(value: &str) -> pb::PutRequest {
    pb::PutRequest { key: "order".into(), value: value.to_owned().into(), ..pb::PutRequest::default() }
}

fn txn(value: &str) -> pb::TxnRequest {
    let put = pb::RequestOp { request: Some(Operation::RequestPut(put(value))) };
    pb::TxnRequest { success: vec![put], ..pb::TxnRequest::default() }
}

fn read_only() -> pb::TxnRequest {
    let get = pb::RangeRequest { key: "order".into(), ..pb::RangeRequest::default() };
    let get = pb::RequestOp { request: Some(Operation::RequestRange(get)) };
    pb::TxnRequest { success: vec![get], ..pb::TxnRequest::default() }
}

fn delete() -> pb::DeleteRangeRequest {
    pb::DeleteRangeRequest { key: "order".into(), ..pb::DeleteRangeRequest::default() }
}

async fn value(cluster: &Cluster) -> String {
    let get = pb::RangeRequest { key: "order".into(), ..pb::RangeRequest::default() };
    let told = KvClient::new(cluster.channel(1)).range(get).await.expect("it answers").into_inner();
    let value = told.kvs.first().map(|pair| pair.value.to_vec()).unwrap_or_default();
    String::from_utf8(value).expect("it is text")
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, lock: &str) {
    let status = answer.expect_err("the lock is not held");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert!(status.message().starts_with(&format!("lock {lock:?} is not held with token ")), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_only_while_the_lock_is_held() {
    let cluster = three().await;
    let session = cluster.client().open_session(SessionOptions::default()).await.expect("it is opened");
    let orders = session.lock("orders/42").acquire().await.expect("it is free");
    let stock = session.lock("stock").acquire().await.expect("it is free");
    let mut kv = KvClient::new(cluster.channel(2));
    let (first, second) = (format!("orders/42={}", orders.token()), format!("stock={}", stock.token()));
    kv.put(held(put("begun"), &[&first])).await.expect("it is held");
    kv.txn(held(txn("shipped"), &[&first, &second])).await.expect("both are held");
    kv.txn(held(read_only(), &[&format!("{first}, {second}")])).await.expect("both are held");
    assert_eq!(value(&cluster).await, "shipped");

    refused(kv.put(held(put("late"), &[&format!("stock={}", orders.token())])).await, "stock");
    orders.release().await.expect("it is held");
    let next = session.lock("orders/42").acquire().await.expect("it is free again");
    refused(kv.put(held(put("late"), &[&first])).await, "orders/42");
    refused(kv.txn(held(txn("late"), &[&second, &first])).await, "orders/42");
    refused(kv.txn(held(read_only(), &[&first])).await, "orders/42");
    refused(kv.delete_range(held(delete(), &[&first])).await, "orders/42");
    let compact = pb::CompactionRequest { revision: 2, physical: false };
    refused(kv.compact(held(compact, &[&first])).await, "orders/42");
    refused(kv.put(held(put("late"), &["nobody=1"])).await, "nobody");
    assert_eq!(value(&cluster).await, "shipped", "nothing of any of them was done");

    let now = format!("orders/42={}", next.token());
    kv.delete_range(held(delete(), &[&now])).await.expect("it is held");
    assert_eq!(value(&cluster).await, "");
    session.close().await.expect("it is closed");
    refused(kv.put(held(put("late"), &[&now])).await, "orders/42");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_lock_is_refused() {
    let cluster = crate::stage::one().await;
    let mut kv = KvClient::new(cluster.channel(1));
    for (locks, text) in [
        (vec!["orders/42:7"], "conclave-held is not NAME=TOKEN"),
        (vec!["orders/42=0"], "conclave-held is not NAME=TOKEN"),
        (vec![""], "conclave-held is not NAME=TOKEN"),
        (vec!["a=1"; 17], "conclave-held names more than 16 locks"),
    ] {
        let status = kv.put(held(put("x"), &locks)).await.expect_err("it names no lock");
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().starts_with(text), "{status:?}");
    }
    assert_eq!(value(&cluster).await, "");
}
