//! Clients of etcd: plain keys, read, written and compared.

use conclave_checker::kv::{Answer, Call, Compare, Entry, Write};
use conclave_checker::{Pending, Recorder};
use conclave_proto::etcd::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::request_op::Request;
use conclave_proto::etcd::etcdserverpb::response_op::Response;
use conclave_proto::etcd::etcdserverpb::{
    Compare as WireCompare, DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse, RequestOp,
    ResponseHeader, TxnRequest, TxnResponse,
};
use tonic::Status;

use super::Client;
use crate::net::Channel;

const KEYS: u64 = 4;

/// Works on a few keys, until the host ends.
pub(crate) async fn work(mut client: Client, recorder: Recorder<Call, Answer>) {
    let mut seen = Vec::new();
    for number in 0_u64.. {
        client.pause(1..=250).await;
        let call = draw(&mut client, number, &seen);
        let (pending, node) = (recorder.call(client.id, call.clone()), client.any_node());
        let answered = client.in_time(ask(node, &call)).await;
        note(pending, answered, &call, &mut seen);
    }
}

/// The next call: on some key, with a value that nobody else writes.
fn draw(client: &mut Client, number: u64, seen: &[(String, u64)]) -> Call {
    let key = format!("k{}", client.dice.within(1..=KEYS));
    let value = format!("{}-{number}", client.id);
    match client.dice.within(1..=100) {
        1..=40 => Call::get(key),
        41..=70 => Call::put(key, value),
        71..=80 => Call::delete(key),
        _ => {
            let known = seen.iter().rev().find(|(of, _)| *of == key).map_or(0, |(_, revision)| *revision);
            Call::put_if(key, Compare::ModRevision(known), value)
        }
    }
}

/// An error leaves open what was done: whoever works with plain keys is told no more.
fn note(
    pending: Pending<Call, Answer>,
    answered: Result<Answer, Status>,
    call: &Call,
    seen: &mut Vec<(String, u64)>,
) {
    let Ok(answer) = answered else { return pending.unknown() };
    let mod_revision = match &answer {
        Answer::Found { entry, .. } | Answer::Refused { entry, .. } => {
            entry.as_ref().map_or(0, |entry| entry.mod_revision)
        }
        Answer::Written { revision } => *revision,
        Answer::NothingThere { .. } => 0,
    };
    seen.push((call.key().to_owned(), mod_revision));
    pending.answered(answer);
}

async fn ask(node: Channel, call: &Call) -> Result<Answer, Status> {
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
            let request = DeleteRangeRequest { key: key.clone().into(), ..Default::default() };
            let response = kv.delete_range(request).await?.into_inner();
            let revision = revision(response.header.as_ref());
            Ok(if response.deleted > 0 {
                Answer::Written { revision }
            } else {
                Answer::NothingThere { revision }
            })
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
        Write::Delete => Request::RequestDeleteRange(DeleteRangeRequest {
            key: key.to_owned().into(),
            ..Default::default()
        }),
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
        Some(Response::ResponseDeleteRange(deleted)) if deleted.deleted == 0 => {
            Answer::NothingThere { revision }
        }
        _ => Answer::Written { revision },
    }
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
