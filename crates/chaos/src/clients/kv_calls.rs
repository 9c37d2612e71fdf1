//! Calls of the checker as calls of etcd's API, and answers back.

use conclave_checker::kv::{Answer, Call, Compare, Entry, Write};
use conclave_proto::etcd::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::request_op::Request;
use conclave_proto::etcd::etcdserverpb::response_op::Response;
use conclave_proto::etcd::etcdserverpb::{
    Compare as WireCompare, DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse, RequestOp,
    ResponseHeader, TxnRequest, TxnResponse,
};
use tonic::Status;
use tonic::transport::Channel;

/// Makes a call at a node.
pub(crate) async fn ask(node: Channel, call: &Call) -> Result<Answer, Status> {
    let mut kv = KvClient::new(node);
    match call {
        Call::Get { key } => {
            let response = kv.range(range(key)).await?.into_inner();
            Ok(Answer::Found { revision: revision(response.header.as_ref()), entry: entry(response) })
        }
        Call::Write { key, write: Write::Put(value) } => {
            let response = kv.put(put(key, value)).await?.into_inner();
            Ok(Answer::Written { revision: revision(response.header.as_ref()) })
        }
        Call::Write { key, write: Write::Delete } => {
            let response = kv.delete_range(delete(key)).await?.into_inner();
            Ok(deleted(revision(response.header.as_ref()), response.deleted))
        }
        Call::WriteIf { key, compare, write } => {
            let response = kv.txn(transaction(key, compare, write)).await?.into_inner();
            Ok(transacted(response))
        }
    }
}

fn range(key: &str) -> RangeRequest {
    RangeRequest { key: key.to_owned().into(), ..Default::default() }
}

fn put(key: &str, value: &str) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..Default::default() }
}

fn delete(key: &str) -> DeleteRangeRequest {
    DeleteRangeRequest { key: key.to_owned().into(), ..Default::default() }
}

fn transaction(key: &str, compare: &Compare, write: &Write) -> TxnRequest {
    let (target, union) = match compare {
        Compare::Value(value) => (CompareTarget::Value, TargetUnion::Value(value.clone().into())),
        Compare::ModRevision(revision) => {
            let revision = i64::try_from(*revision).expect("revisions of a run are small");
            (CompareTarget::Mod, TargetUnion::ModRevision(revision))
        }
    };
    let compare = WireCompare {
        key: key.to_owned().into(),
        target: target.into(),
        result: CompareResult::Equal.into(),
        target_union: Some(union),
        ..Default::default()
    };
    let written = match write {
        Write::Put(value) => Request::RequestPut(put(key, value)),
        Write::Delete => Request::RequestDeleteRange(delete(key)),
    };
    let step = |request| vec![RequestOp { request: Some(request) }];
    TxnRequest {
        compare: vec![compare],
        success: step(written),
        failure: step(Request::RequestRange(range(key))),
    }
}

fn transacted(response: TxnResponse) -> Answer {
    let revision = revision(response.header.as_ref());
    match response.responses.into_iter().next().and_then(|step| step.response) {
        Some(Response::ResponseRange(range)) => Answer::Refused { revision, entry: entry(range) },
        Some(Response::ResponseDeleteRange(told)) => deleted(revision, told.deleted),
        _ => Answer::Written { revision },
    }
}

fn deleted(revision: u64, count: i64) -> Answer {
    if count > 0 { Answer::Written { revision } } else { Answer::NothingThere { revision } }
}

fn entry(response: RangeResponse) -> Option<Entry> {
    response.kvs.into_iter().next().map(|found| Entry {
        value: String::from_utf8_lossy(&found.value).into_owned(),
        mod_revision: found.mod_revision.unsigned_abs(),
    })
}

fn revision(header: Option<&ResponseHeader>) -> u64 {
    header.map_or(0, |header| header.revision.unsigned_abs())
}
