//! Answers as messages.

use conclave_core::kv::{Done, KeyValue, RangeFound, TxnDone};
use conclave_proto::etcd::etcdserverpb as wire;
use conclave_proto::etcd::mvccpb;
use wire::response_op::Response;

use crate::header::{told, within};

/// A key.
pub(crate) fn key_value(pair: KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: pair.key,
        create_revision: told(pair.create_revision),
        mod_revision: told(pair.mod_revision),
        version: pair.version.cast_signed(),
        value: pair.value,
        lease: pair.lease.cast_signed(),
    }
}

/// A range that was read, without its header.
pub(crate) fn range_answer(found: RangeFound) -> wire::RangeResponse {
    wire::RangeResponse {
        header: None,
        kvs: found.pairs.into_iter().map(key_value).collect(),
        more: found.more,
        count: found.count.cast_signed(),
    }
}

/// What a transaction did, without its header.
pub(crate) fn txn_answer(done: TxnDone) -> wire::TxnResponse {
    let responses = done.done.into_iter().map(operation_answer).collect();
    wire::TxnResponse { header: None, succeeded: done.succeeded, responses }
}

fn operation_answer(done: Done) -> wire::ResponseOp {
    let response = match done {
        Done::Range(found) => {
            let header = within(found.revision);
            Response::ResponseRange(wire::RangeResponse { header, ..range_answer(found) })
        }
        Done::Put { revision, previous } => Response::ResponsePut(wire::PutResponse {
            header: within(revision),
            prev_kv: previous.map(key_value),
        }),
        Done::Deleted { revision, deleted, previous } => {
            Response::ResponseDeleteRange(wire::DeleteRangeResponse {
                header: within(revision),
                deleted: deleted.cast_signed(),
                prev_kvs: previous.into_iter().map(key_value).collect(),
            })
        }
        Done::Txn(done) => {
            // etcd tells no revision there.
            let header = Some(wire::ResponseHeader::default());
            Response::ResponseTxn(wire::TxnResponse { header, ..txn_answer(done) })
        }
    };
    wire::ResponseOp { response: Some(response) }
}
