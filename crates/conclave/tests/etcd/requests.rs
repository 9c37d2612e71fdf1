//! Requests in few words.

use bytes::Bytes;
use conclave_proto::etcd::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use conclave_proto::etcd::etcdserverpb::request_op::Request;
use conclave_proto::etcd::etcdserverpb::{
    CompactionRequest, Compare, DeleteRangeRequest, LeaseGrantRequest, PutRequest, RangeRequest, RequestOp,
    TxnRequest,
};

/// The range end that stands for all keys from the first on.
pub(crate) const ON: &str = "\0";

/// Puts a key.
pub(crate) fn put(key: &str, value: &str) -> PutRequest {
    PutRequest { key: bytes(key), value: bytes(value), ..PutRequest::default() }
}

/// Reads one key.
pub(crate) fn get(key: &str) -> RangeRequest {
    range(key, "")
}

/// Reads a range.
pub(crate) fn range(key: &str, end: &str) -> RangeRequest {
    RangeRequest { key: bytes(key), range_end: bytes(end), ..RangeRequest::default() }
}

/// Reads all keys.
pub(crate) fn all() -> RangeRequest {
    range("\0", ON)
}

/// Deletes a range.
pub(crate) fn delete(key: &str, end: &str) -> DeleteRangeRequest {
    DeleteRangeRequest { key: bytes(key), range_end: bytes(end), prev_kv: true }
}

/// Drops history.
pub(crate) fn compact(revision: i64) -> CompactionRequest {
    CompactionRequest { revision, physical: false }
}

/// Makes a lease that outlives the test.
pub(crate) fn lease(id: i64) -> LeaseGrantRequest {
    LeaseGrantRequest { id, ttl: 600 }
}

/// A transaction: what must hold, what is done then, what is done otherwise.
pub(crate) fn txn(compare: Vec<Compare>, success: Vec<RequestOp>, failure: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { compare, success, failure }
}

/// A transaction without conditions.
pub(crate) fn always(success: Vec<RequestOp>) -> TxnRequest {
    txn(Vec::new(), success, Vec::new())
}

/// A comparison of one key.
pub(crate) fn compare(key: &str, result: CompareResult, with: TargetUnion) -> Compare {
    let target = match with {
        TargetUnion::Version(_) => CompareTarget::Version,
        TargetUnion::CreateRevision(_) => CompareTarget::Create,
        TargetUnion::ModRevision(_) => CompareTarget::Mod,
        TargetUnion::Value(_) => CompareTarget::Value,
        TargetUnion::Lease(_) => CompareTarget::Lease,
    };
    Compare {
        result: result.into(),
        target: target.into(),
        key: bytes(key),
        target_union: Some(with),
        range_end: Bytes::new(),
    }
}

/// That a key has a value.
pub(crate) fn has_value(key: &str, value: &str) -> Compare {
    compare(key, CompareResult::Equal, TargetUnion::Value(bytes(value)))
}

/// That a key is not there.
pub(crate) fn is_absent(key: &str) -> Compare {
    compare(key, CompareResult::Equal, TargetUnion::Version(0))
}

macro_rules! operations {
    ($($request:ty => $variant:ident),* $(,)?) => {$(
        impl Operation for $request {
            fn op(self) -> RequestOp {
                RequestOp { request: Some(Request::$variant(self)) }
            }
        }
    )*};
}

/// What can be an operation of a transaction.
pub(crate) trait Operation {
    /// The operation.
    fn op(self) -> RequestOp;
}

operations! {
    RangeRequest => RequestRange,
    PutRequest => RequestPut,
    DeleteRangeRequest => RequestDeleteRange,
    TxnRequest => RequestTxn,
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
