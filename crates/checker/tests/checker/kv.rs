//! Plain keys: what the known faults of stores look like, and what only looks like one.

use conclave_checker::kv::{Answer, Call, Compare, Entry, Kv, Write, revision_order};
use conclave_checker::{History, Operation, OutOfOrder};

use crate::noted::{caught, judge, not_done, told, unknown};

type Op = Operation<Call, Answer>;

fn put(client: u64, times: (u64, u64), value: &str, revision: u64) -> Op {
    told(client, times, Call::put("k", value), Answer::Written { revision })
}

fn get(client: u64, times: (u64, u64), revision: u64, value: &str, mod_revision: u64) -> Op {
    let entry = Some(Entry { value: value.into(), mod_revision });
    told(client, times, Call::get("k"), Answer::Found { revision, entry })
}

fn absent(client: u64, times: (u64, u64), revision: u64) -> Op {
    told(client, times, Call::get("k"), Answer::Found { revision, entry: None })
}

fn swap(client: u64, times: (u64, u64), from: u64, value: &str, revision: u64) -> Op {
    told(client, times, Call::put_if("k", Compare::ModRevision(from), value), Answer::Written { revision })
}

fn delete(client: u64, times: (u64, u64), revision: u64) -> Op {
    told(client, times, Call::delete("k"), Answer::Written { revision })
}

fn passes(operations: Vec<Op>) {
    judge(&Kv, operations).expect("one store can have told it");
}

#[test]
fn one_after_the_other() {
    passes(vec![
        absent(1, (0, 1), 1),
        put(1, (2, 3), "a", 2),
        get(2, (4, 5), 2, "a", 2),
        swap(1, (6, 7), 2, "b", 5),
        get(2, (8, 9), 7, "b", 5),
        delete(1, (10, 11), 8),
        absent(2, (12, 13), 8),
        told(1, (14, 15), Call::delete("k"), Answer::NothingThere { revision: 9 }),
        swap(1, (16, 17), 0, "c", 10),
    ]);
}

#[test]
fn a_read_during_a_write_may_see_it_or_not() {
    let write = || vec![put(1, (0, 1), "a", 2), put(1, (10, 20), "b", 3)];
    for read in [get(2, (12, 13), 2, "a", 2), get(2, (12, 13), 3, "b", 3), get(2, (20, 21), 2, "a", 2)] {
        passes(write().into_iter().chain([read]).collect());
    }
}

#[test]
fn a_stale_read() {
    let stale = vec![put(1, (0, 1), "a", 2), put(1, (2, 3), "b", 3), get(2, (4, 5), 3, "a", 2)];
    assert_eq!(caught(&Kv, stale), (2, vec![1, 2]));
    // Also if the answer is an older one as a whole.
    let stale = vec![put(1, (0, 1), "a", 2), put(1, (2, 3), "b", 3), get(2, (4, 5), 2, "a", 2)];
    assert_eq!(caught(&Kv, stale), (2, vec![1, 2]));
}

#[test]
fn a_read_that_goes_back() {
    let back = vec![
        put(1, (0, 1), "a", 2),
        put(1, (2, 9), "b", 3),
        get(2, (3, 4), 3, "b", 3),
        get(3, (5, 6), 2, "a", 2),
    ];
    assert_eq!(caught(&Kv, back), (3, vec![2, 3]));
}

#[test]
fn a_lost_update() {
    let both = vec![put(1, (0, 1), "a", 2), swap(1, (2, 5), 2, "b", 3), swap(2, (3, 6), 2, "c", 4)];
    assert_eq!(caught(&Kv, both), (2, vec![1, 2]));
}

#[test]
fn a_read_of_a_write_that_was_refused() {
    let dirty = vec![not_done(1, (0, 1), Call::put("k", "a")), get(2, (2, 3), 2, "a", 2)];
    assert_eq!(caught(&Kv, dirty), (1, vec![1]));
}

#[test]
fn a_write_that_a_retry_does_twice() {
    let twice = vec![put(1, (0, 9), "a", 2), get(2, (10, 11), 2, "a", 2), get(2, (12, 13), 3, "a", 3)];
    assert_eq!(caught(&Kv, twice), (2, vec![1, 2]));
    let lost_answer = vec![
        unknown(1, 0, Call::put("k", "a")),
        get(2, (1, 2), 2, "a", 2),
        put(3, (3, 4), "b", 3),
        get(2, (5, 6), 4, "a", 4),
    ];
    assert_eq!(caught(&Kv, lost_answer), (3, vec![1, 3]));
}

#[test]
fn an_unknown_outcome_may_be_either() {
    let write = || vec![put(1, (0, 1), "a", 2), unknown(1, 2, Call::put("k", "b"))];
    for read in [get(2, (3, 4), 2, "a", 2), get(2, (3, 4), 3, "b", 3), get(2, (3, 4), 9, "b", 7)] {
        passes(write().into_iter().chain([read]).collect());
    }
    for read in [get(2, (3, 4), 3, "b", 2), get(2, (3, 4), 3, "b", 4), absent(2, (3, 4), 3)] {
        caught(&Kv, write().into_iter().chain([read]));
    }
}

#[test]
fn an_unknown_outcome_may_come_late_but_once() {
    let late = vec![
        unknown(1, 0, Call::put("k", "a")),
        absent(2, (1, 2), 1),
        put(2, (3, 4), "b", 2),
        get(2, (5, 6), 2, "b", 2),
        get(2, (7, 8), 3, "a", 3),
    ];
    passes(late.clone());
    let gone_again = get(2, (9, 10), 3, "b", 2);
    assert_eq!(caught(&Kv, late.into_iter().chain([gone_again])).0, 5);
}

#[test]
fn an_unknown_outcome_is_never_earlier_than_its_call() {
    let early = vec![get(2, (0, 1), 2, "a", 2), unknown(1, 2, Call::put("k", "a"))];
    assert_eq!(caught(&Kv, early), (0, vec![0]));
}

#[test]
fn an_unknown_delete_takes_a_revision() {
    let deleted = |revision| {
        vec![put(1, (0, 1), "a", 2), unknown(1, 2, Call::delete("k")), absent(2, (3, 4), revision)]
    };
    passes(deleted(3));
    assert_eq!(caught(&Kv, deleted(2)), (2, vec![0, 2]));
}

#[test]
fn an_unknown_transaction_may_be_refused_too() {
    let of = |compare: Compare, read: Op| {
        let write = Write::Put("b".into());
        let transaction = Call::WriteIf { key: "k".into(), compare, write };
        vec![put(1, (0, 1), "a", 2), unknown(1, 2, transaction), read]
    };
    passes(of(Compare::ModRevision(2), get(2, (3, 4), 3, "b", 3)));
    passes(of(Compare::ModRevision(2), get(2, (3, 4), 3, "a", 2)));
    passes(of(Compare::Value("a".into()), get(2, (3, 4), 3, "b", 3)));
    for (compare, core) in [
        (Compare::ModRevision(1), vec![0, 2]),
        (Compare::ModRevision(0), vec![0, 2]),
        (Compare::Value("b".into()), vec![2]),
    ] {
        assert_eq!(caught(&Kv, of(compare, get(2, (3, 4), 3, "b", 3))), (2, core));
    }
}

#[test]
fn a_transaction_after_an_unknown_write_may_find_its_revision() {
    let of = |from, revision| {
        vec![put(1, (0, 1), "a", 2), unknown(1, 2, Call::put("k", "b")), swap(2, (3, 4), from, "c", revision)]
    };
    passes(of(2, 3));
    passes(of(3, 4));
    assert_eq!(caught(&Kv, of(3, 3)).0, 2);
    assert_eq!(caught(&Kv, of(1, 3)).0, 2);
}

#[test]
fn a_refusal_tells_why() {
    let refused = |compare, value: &str| {
        let entry = Some(Entry { value: value.into(), mod_revision: 2 });
        let answer = Answer::Refused { revision: 2, entry };
        vec![put(1, (0, 1), "a", 2), told(2, (2, 3), Call::put_if("k", compare, "b"), answer)]
    };
    passes(refused(Compare::ModRevision(1), "a"));
    passes(refused(Compare::Value("b".into()), "a"));
    assert_eq!(caught(&Kv, refused(Compare::ModRevision(2), "a")), (1, vec![1]));
    assert_eq!(caught(&Kv, refused(Compare::Value("a".into()), "a")), (1, vec![1]));
    assert_eq!(caught(&Kv, refused(Compare::ModRevision(1), "b")).0, 1);
}

#[test]
fn revisions_of_a_key_go_on() {
    assert_eq!(caught(&Kv, vec![put(1, (0, 1), "a", 5), put(1, (2, 3), "b", 5)]), (1, vec![0, 1]));
    assert_eq!(caught(&Kv, vec![absent(1, (0, 1), 5), put(1, (2, 3), "b", 5)]), (1, vec![0, 1]));
    assert_eq!(caught(&Kv, vec![absent(1, (0, 1), 5), absent(1, (2, 3), 4)]), (1, vec![0, 1]));
}

#[test]
fn an_answer_that_no_such_call_gets() {
    let wrong = told(1, (0, 1), Call::get("k"), Answer::Written { revision: 2 });
    assert_eq!(caught(&Kv, vec![wrong]), (0, vec![0]));
    let wrong = told(1, (0, 1), Call::delete("k"), Answer::Written { revision: 2 });
    assert_eq!(caught(&Kv, vec![wrong]), (0, vec![0]));
}

#[test]
fn keys_do_not_concern_each_other_but_their_revisions_do() {
    let other = told(2, (2, 3), Call::put("other", "b"), Answer::Written { revision: 2 });
    let operations = vec![put(1, (0, 1), "a", 3), other];
    judge(&Kv, operations.clone()).unwrap();
    let wrong = revision_order(&History::from_iter(operations)).unwrap_err();
    let OutOfOrder::Back { earlier, later } = wrong else { panic!("{wrong}") };
    assert_eq!((earlier.place, later.place), (0, 1));
}

#[test]
fn reads_of_unknown_outcome_tell_nothing() {
    let reads = (0..30).map(|client| unknown(client, 0, Call::get("k")));
    let checked = judge(&Kv, reads.chain([put(1, (1, 2), "a", 2)])).unwrap();
    assert_eq!((checked.operations, checked.keys), (1, 1));
}
