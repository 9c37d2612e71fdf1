//! Which transactions would write a key twice.

use conclave_core::kv::{DeleteRange, DuplicateKey, Operation, Put, PutLease, Txn};
use conclave_mvcc::KeyRange;

fn put(key: &'static str) -> Operation {
    let (key, value) = (key.into(), Some("v".into()));
    Operation::Put(Put { key, value, lease: PutLease::None, with_previous: false })
}

fn delete(start: &'static str, end: &'static str) -> Operation {
    Operation::DeleteRange(DeleteRange { range: KeyRange::new(start, end), with_previous: false })
}

fn within(success: Vec<Operation>, failure: Vec<Operation>) -> Operation {
    Operation::Txn(Txn { compares: Vec::new(), success, failure })
}

#[track_caller]
fn check(operations: Vec<Operation>, twice: Option<&'static str>) {
    let expected = twice.map_or(Ok(()), |key| Err(DuplicateKey(key.into())));
    for (success, failure) in [(operations.clone(), Vec::new()), (Vec::new(), operations)] {
        assert_eq!(Txn { compares: Vec::new(), success, failure }.check_keys_written(), expected);
    }
}

#[test]
fn a_key_is_written_once() {
    check(vec![put("a"), put("b")], None);
    check(vec![put("a"), put("a")], Some("a"));
    check(vec![put("a"), delete("b", "c")], None);
    check(vec![put("b"), delete("a", "c")], Some("b"));
    check(vec![delete("a", "c"), put("b")], Some("b"));
    check(vec![delete("a", ""), put("b")], Some("b"));
    check(vec![delete("a", "c"), delete("b", "d")], None);
}

#[test]
fn transactions_within_count() {
    check(vec![within(vec![put("a")], vec![put("a")])], None);
    check(vec![within(vec![put("a")], vec![delete("a", "b")])], None);
    check(vec![put("a"), within(vec![put("a")], vec![])], Some("a"));
    check(vec![put("a"), within(vec![], vec![put("a")])], Some("a"));
    check(vec![within(vec![put("a")], vec![]), within(vec![], vec![put("a")])], Some("a"));
    check(vec![within(vec![put("b")], vec![]), delete("a", "c")], Some("b"));
    check(vec![within(vec![put("b")], vec![]), within(vec![delete("a", "c")], vec![])], Some("b"));
    check(vec![within(vec![delete("a", "c")], vec![]), within(vec![], vec![put("b")])], Some("b"));
    check(vec![within(vec![delete("a", "c")], vec![]), within(vec![delete("b", "c")], vec![])], None);
    check(vec![within(vec![delete("a", "c")], vec![]), put("b")], Some("b"));
    check(vec![within(vec![within(vec![put("a")], vec![])], vec![]), put("a")], Some("a"));
    check(vec![within(vec![put("a"), put("a")], vec![])], Some("a"));
}

#[test]
fn both_ways_are_checked_by_themselves() {
    let txn =
        Txn { compares: Vec::new(), success: vec![put("a")], failure: vec![put("a"), delete("b", "c")] };
    assert_eq!(txn.check_keys_written(), Ok(()));
}
