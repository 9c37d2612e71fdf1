//! Transactions: how large they may be, and what they mean.

use conclave_core::kv::{self, CompareTarget, Operation, Relation};
use conclave_proto::etcd::etcdserverpb as wire;
use wire::compare::{CompareResult, CompareTarget as Target, TargetUnion};
use wire::request_op::Request;

use super::requests::{delete_range, key_range, put, range};
use crate::refusal::Rule;

/// Most comparisons, and most operations of a way, with those of the transactions around it.
const OPERATIONS_MAX: usize = 128;

/// Does one of two lists of operations.
pub(crate) fn txn(request: wire::TxnRequest) -> Result<kv::Txn, Rule> {
    let txn = txn_within(request, OPERATIONS_MAX)?;
    txn.check_keys_written().map_err(|_| Rule::DuplicateKey)?;
    Ok(txn)
}

/// The same of one that may have so many operations yet.
fn txn_within(request: wire::TxnRequest, operations_max: usize) -> Result<kv::Txn, Rule> {
    let wire::TxnRequest { compare, success, failure } = request;
    let count = compare.len().max(success.len()).max(failure.len());
    let left = operations_max.checked_sub(count).ok_or(Rule::TooManyOperations)?;
    let operations = |way: Vec<wire::RequestOp>| -> Result<Vec<_>, Rule> {
        way.into_iter().map(|it| operation(it, left)).collect()
    };
    Ok(kv::Txn {
        compares: compare.into_iter().map(self::compare).collect::<Result<_, _>>()?,
        success: operations(success)?,
        failure: operations(failure)?,
    })
}

fn operation(operation: wire::RequestOp, operations_left: usize) -> Result<Operation, Rule> {
    Ok(match operation.request.ok_or(Rule::NoOperation)? {
        Request::RequestRange(request) => Operation::Range(range(request)?),
        Request::RequestPut(request) => Operation::Put(put(request)?),
        Request::RequestDeleteRange(request) => Operation::DeleteRange(delete_range(request)?),
        Request::RequestTxn(request) => Operation::Txn(txn_within(request, operations_left)?),
    })
}

fn compare(compare: wire::Compare) -> Result<kv::Compare, Rule> {
    if compare.key.is_empty() {
        return Err(Rule::EmptyKey);
    }
    let (relation, target) = compared(&compare);
    Ok(kv::Compare { range: key_range(compare.key, compare.range_end), relation, target })
}

/// How, and with what. etcd takes a relation that it does not know for one that holds, and what it does not know of a
/// key for equal to what was given.
fn compared(compare: &wire::Compare) -> (Relation, CompareTarget) {
    const ALWAYS: (Relation, CompareTarget) = (Relation::NotEqual, CompareTarget::Version(-1));
    const NEVER: (Relation, CompareTarget) = (Relation::Equal, CompareTarget::Version(-1));
    let Ok(result) = CompareResult::try_from(compare.result) else { return ALWAYS };
    let Ok(target) = Target::try_from(compare.target) else {
        return if result == CompareResult::Equal { ALWAYS } else { NEVER };
    };
    let relation = match result {
        CompareResult::Equal => Relation::Equal,
        CompareResult::Greater => Relation::Greater,
        CompareResult::Less => Relation::Less,
        CompareResult::NotEqual => Relation::NotEqual,
    };
    (relation, self::target(target, compare.target_union.clone()))
}

/// What is compared, and with what: 0 or nothing if something else was given.
fn target(target: Target, given: Option<TargetUnion>) -> CompareTarget {
    match target {
        Target::Version => CompareTarget::Version(match given {
            Some(TargetUnion::Version(version)) => version,
            _ => 0,
        }),
        Target::Create => CompareTarget::CreateRevision(match given {
            Some(TargetUnion::CreateRevision(revision)) => revision,
            _ => 0,
        }),
        Target::Mod => CompareTarget::ModRevision(match given {
            Some(TargetUnion::ModRevision(revision)) => revision,
            _ => 0,
        }),
        Target::Value => CompareTarget::Value(match given {
            Some(TargetUnion::Value(value)) => value,
            _ => bytes::Bytes::new(),
        }),
        Target::Lease => CompareTarget::Lease(match given {
            Some(TargetUnion::Lease(lease)) => lease,
            _ => 0,
        }),
    }
}

/// Whether all that a transaction reads may be old: it only reads, and none of its reads asks for more.
pub(crate) fn is_local(request: &wire::TxnRequest) -> bool {
    let mut operations = request.success.iter().chain(&request.failure);
    operations.all(|operation| match &operation.request {
        Some(Request::RequestRange(range)) => range.serializable,
        Some(Request::RequestTxn(within)) => is_local(within),
        _ => false,
    })
}
