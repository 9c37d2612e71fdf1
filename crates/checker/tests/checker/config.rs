//! Namespaces: versions are counted without a gap, and rollbacks bring back what was.

use conclave_checker::Operation;
use conclave_checker::config::{Answer, Call, Config};

use crate::noted::{caught, judge, told, unknown};

type Op = Operation<Call, Answer>;

fn committing(expected: Option<u64>, content: &str) -> Call {
    Call::Commit { namespace: "shop".into(), expected, content: content.into() }
}

fn commit(times: (u64, u64), expected: Option<u64>, content: &str, version: u64) -> Op {
    told(1, times, committing(expected, content), Answer::Committed { version })
}

fn get(times: (u64, u64), version: u64, content: &str) -> Op {
    get_at(times, None, Answer::Found { version, content: content.into() })
}

fn get_at(times: (u64, u64), version: Option<u64>, answer: Answer) -> Op {
    told(2, times, Call::Get { namespace: "shop".into(), version }, answer)
}

fn rollback(times: (u64, u64), expected: Option<u64>, to: u64, answer: Answer) -> Op {
    told(3, times, Call::Rollback { namespace: "shop".into(), expected, to }, answer)
}

fn passes(operations: Vec<Op>) {
    judge(&Config, operations).expect("one store can have told it");
}

#[test]
fn one_after_the_other() {
    passes(vec![
        get_at((0, 1), None, Answer::NoNamespace),
        commit((2, 3), Some(0), "a", 1),
        commit((4, 5), None, "b", 2),
        told(1, (6, 7), committing(Some(1), "c"), Answer::Refused { newest: 2 }),
        rollback((8, 9), Some(2), 1, Answer::Committed { version: 3 }),
        get((10, 11), 3, "a"),
        get_at((12, 13), Some(2), Answer::Found { version: 2, content: "b".into() }),
        get_at((14, 15), Some(4), Answer::NoSuchVersion { newest: 3 }),
        rollback((16, 17), None, 4, Answer::NoSuchVersion { newest: 3 }),
        rollback((18, 19), Some(1), 4, Answer::Refused { newest: 3 }),
    ]);
}

#[test]
fn only_one_of_two_that_expect_the_same_version() {
    let first = || vec![commit((0, 1), None, "a", 1), commit((2, 9), Some(1), "b", 2)];
    let refused = told(4, (2, 9), committing(Some(1), "c"), Answer::Refused { newest: 2 });
    passes(first().into_iter().chain([refused]).collect());
    let also = told(4, (2, 9), committing(Some(1), "c"), Answer::Committed { version: 3 });
    assert_eq!(caught(&Config, first().into_iter().chain([also])).1, vec![2]);
}

#[test]
fn a_version_is_made_once_and_none_is_left_out() {
    assert_eq!(
        caught(&Config, vec![commit((0, 5), None, "a", 1), commit((1, 6), None, "b", 1)]).1,
        vec![0, 1]
    );
    assert_eq!(caught(&Config, vec![commit((0, 1), None, "a", 1), commit((2, 3), None, "b", 3)]).1, vec![1]);
}

#[test]
fn a_rollback_brings_back_that_version_and_no_other() {
    let back = |content| {
        vec![
            commit((0, 1), None, "a", 1),
            commit((2, 3), None, "b", 2),
            rollback((4, 5), None, 1, Answer::Committed { version: 3 }),
            get((6, 7), 3, content),
        ]
    };
    passes(back("a"));
    assert_eq!(caught(&Config, back("b")).0, 3);
}

#[test]
fn an_old_version_never_changes() {
    let changed = vec![
        unknown(1, 0, committing(None, "x")),
        commit((0, 1), None, "a", 1),
        get((2, 3), 1, "a"),
        get_at((4, 5), Some(1), Answer::Found { version: 1, content: "x".into() }),
    ];
    assert_eq!(caught(&Config, changed), (3, vec![2, 3]));
}

#[test]
fn an_unknown_commit_takes_a_version_or_none() {
    let lost = || vec![commit((0, 1), None, "a", 1), unknown(1, 2, committing(None, "b"))];
    passes(lost().into_iter().chain([get((3, 4), 1, "a")]).collect());
    passes(lost().into_iter().chain([get((3, 4), 2, "b")]).collect());
    passes(lost().into_iter().chain([commit((3, 4), None, "c", 3), get((5, 6), 3, "c")]).collect());
    passes(lost().into_iter().chain([commit((3, 4), None, "c", 2), get((5, 6), 3, "b")]).collect());
    assert_eq!(caught(&Config, lost().into_iter().chain([get((3, 4), 3, "b")])).0, 2);
    let only_if = unknown(1, 2, committing(Some(7), "b"));
    let seen = vec![commit((0, 1), None, "a", 1), only_if, get((3, 4), 2, "b")];
    assert_eq!(caught(&Config, seen).0, 2);
}

#[test]
fn a_line_of_a_hundred_thousand_versions_is_dropped_without_a_deep_stack() {
    let commits = (1..=100_000).map(|version| commit((2 * version, 2 * version + 1), None, "a", version));
    passes(commits.collect());
}
