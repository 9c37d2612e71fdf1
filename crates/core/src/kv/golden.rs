//! The bytes of plain keys: they must be read for ever.

use super::*;
use crate::answer::{Outcome, decode_answer, encode_answer};
use crate::command::{Command, decode_command, encode_command};
use conclave_mvcc::KeyRange;

#[track_caller]
fn assert_operation(operation: Operation, golden: &[u8]) {
    let txn = Txn { compares: Vec::new(), success: vec![operation], failure: Vec::new() };
    assert_command(KvCommand::Txn(txn), &[b"\x00\x00\x01", golden, b"\x00"].concat());
}

#[track_caller]
fn assert_command(command: KvCommand, golden: &[u8]) {
    let command = Command::Kv(command);
    let encoded = encode_command(&command);
    assert_eq!(encoded.escape_ascii().to_string(), [b"\x01\x05", golden].concat().escape_ascii().to_string());
    assert_eq!(decode_command(&encoded), Ok(command));
}

#[track_caller]
fn assert_outcome(outcome: KvOutcome, golden: &[u8]) {
    let answer = Ok(Outcome::Kv(outcome));
    let encoded = encode_answer(&answer);
    assert_eq!(
        encoded.escape_ascii().to_string(),
        [b"\x01\x00\x04", golden].concat().escape_ascii().to_string()
    );
    assert_eq!(decode_answer(&encoded), Ok(answer));
}

fn query() -> RangeQuery {
    RangeQuery {
        range: KeyRange::new("a", "c"),
        revision: Some(Revision::new(300)),
        limit: 5,
        sort: Some(Sort { by: SortTarget::Value, descending: true, cut_before: false }),
        bounds: RevisionBounds { mod_min: 1, mod_max: -1, create_min: 2, create_max: 3 },
        keys_only: true,
        count_only: false,
    }
}

#[test]
fn commands() {
    assert_operation(
        Operation::Range(query()),
        b"\x00\x01a\x01c\x01\xac\x02\x05\x01\x04\x01\x00\x02\x01\x04\x06\x01\x00",
    );
    let put = |value: Option<&'static str>, lease| {
        let value = value.map(Bytes::from);
        Operation::Put(Put { key: "k".into(), value, lease, with_previous: true })
    };
    let lease = LeaseId::new(300).unwrap();
    assert_operation(put(Some("v"), PutLease::On(lease)), b"\x01\x01k\x01\x01v\x01\xac\x02\x01");
    assert_operation(put(None, PutLease::Keep), b"\x01\x01k\x00\x02\x01");
    assert_operation(put(None, PutLease::None), b"\x01\x01k\x00\x00\x01");
    let delete = DeleteRange { range: KeyRange::single("k"), with_previous: true };
    assert_operation(Operation::DeleteRange(delete), b"\x02\x01k\x02k\0\x01");
    assert_operation(Operation::Txn(Txn::default()), b"\x03\x00\x00\x00");
    assert_command(KvCommand::Compact(Compact { revision: Revision::new(300) }), b"\x01\xac\x02");
    let step = SweepStep { rows_max: 300, size_bytes_max: 301 };
    assert_command(KvCommand::Sweep(step), b"\x02\xac\x02\xad\x02");
}

#[test]
fn comparisons() {
    let golden: [(CompareTarget, Relation, &[u8]); 5] = [
        (CompareTarget::Version(1), Relation::Equal, b"\x00\x00\x02"),
        (CompareTarget::CreateRevision(-1), Relation::Greater, b"\x01\x01\x01"),
        (CompareTarget::ModRevision(2), Relation::Less, b"\x02\x02\x04"),
        (CompareTarget::Value("v".into()), Relation::NotEqual, b"\x03\x03\x01v"),
        (CompareTarget::Lease(300), Relation::Equal, b"\x00\x04\xd8\x04"),
    ];
    for (target, relation, golden) in golden {
        let compare = Compare { range: KeyRange::new("k", ""), relation, target };
        let txn = Txn { compares: vec![compare], ..Txn::default() };
        assert_command(KvCommand::Txn(txn), &[b"\x00\x01\x01k\x00", golden, b"\x00\x00"].concat());
    }
}

#[test]
fn outcomes() {
    let revision = Revision::new(300);
    let pair = KeyValue {
        key: "k".into(),
        create_revision: Revision::new(2),
        mod_revision: Revision::new(3),
        version: 4,
        value: "v".into(),
        lease: 5,
    };
    let found = RangeFound { revision, pairs: vec![pair.clone()], more: true, count: 6 };
    let done = vec![
        Done::Range(found),
        Done::Put { revision, previous: Some(pair.clone()) },
        Done::Deleted { revision, deleted: 1, previous: vec![pair] },
        Done::Txn(TxnDone { succeeded: false, done: Vec::new() }),
    ];
    let told = b"\x01k\x02\x03\x04\x01v\x05".as_slice();
    let golden = [
        b"\x00\xac\x02\x01\x04\x00\xac\x02\x01".as_slice(),
        told,
        b"\x01\x06\x01\xac\x02\x01",
        told,
        b"\x02\xac\x02\x01\x01",
        told,
        b"\x03\x00\x00",
    ];
    assert_outcome(KvOutcome::Txn { revision, done: TxnDone { succeeded: true, done } }, &golden.concat());
    assert_outcome(KvOutcome::Compacted { revision }, b"\x01\xac\x02");
    assert_outcome(KvOutcome::Swept(Swept { changes: 300, more: true }), b"\x02\xac\x02\x01");
}

#[test]
fn refusals() {
    let golden: [(KvRejection, &[u8]); 7] = [
        (KvRejection::KeyNotFound, b"\x00"),
        (KvRejection::LeaseNotFound { id: 300 }, b"\x01\xac\x02"),
        (KvRejection::Compacted { asked: 1, compacted: 2 }, b"\x02\x01\x02"),
        (KvRejection::FutureRevision { asked: 2, newest: 1 }, b"\x03\x02\x01"),
        (KvRejection::Reserved { key: "k".into() }, b"\x04\x01k"),
        (KvRejection::TooManyChanges { keys_max: 3 }, b"\x05\x03"),
        (KvRejection::TooMuchToTell { size_bytes_max: 4 }, b"\x06\x04"),
    ];
    for (rejection, golden) in golden {
        let answer = Err(rejection.into());
        let encoded = encode_answer(&answer);
        let golden = [b"\x01\x01\x15", golden].concat();
        assert_eq!(encoded.escape_ascii().to_string(), golden.escape_ascii().to_string());
        assert_eq!(decode_answer(&encoded), Ok(answer));
    }
}
