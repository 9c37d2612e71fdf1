//! Locks: one holder at a time, tokens that grow, and sessions that end when nobody sees it.

use conclave_checker::lock::{
    Answer, Call, FencedWrite, Hold, Lock, LockHistory, What, fenced_order, holds, mutual_exclusion,
    token_order,
};
use conclave_checker::{Operation, OutOfOrder};

use crate::noted::{caught, judge, not_done, told, unknown};

type Op = Operation<Call, Answer>;

fn call(session: u64, what: What) -> Call {
    Call { lock: "l".into(), session, what }
}

fn acquire(session: u64, times: (u64, u64), token: u64) -> Op {
    told(session, times, call(session, What::Acquire), Answer::Granted { token })
}

fn release(session: u64, times: (u64, u64), token: u64) -> Op {
    told(session, times, call(session, What::Release { token }), Answer::Released)
}

fn guarded(session: u64, times: (u64, u64), token: u64, answer: Answer) -> Op {
    told(session, times, call(session, What::Guarded { token }), answer)
}

fn passes(operations: Vec<Op>) {
    judge(&Lock, operations.clone()).expect("one store can have told it");
    mutual_exclusion(&LockHistory::from_iter(operations.clone())).expect("one holds it at a time");
    token_order(&LockHistory::from_iter(operations)).expect("tokens grow");
}

#[test]
fn one_after_the_other() {
    passes(vec![
        acquire(1, (0, 1), 5),
        told(2, (2, 3), call(2, What::Acquire), Answer::Busy),
        guarded(1, (4, 5), 5, Answer::Written),
        acquire(2, (2, 9), 8),
        release(1, (6, 7), 5),
        guarded(1, (10, 11), 5, Answer::NotHeld),
        told(1, (12, 13), call(1, What::Release { token: 5 }), Answer::NotHeld),
        told(2, (14, 15), call(2, What::End), Answer::Ended),
        acquire(1, (16, 17), 9),
    ]);
}

#[test]
fn two_holders() {
    let both = vec![acquire(1, (0, 1), 5), acquire(2, (2, 3), 6), release(1, (4, 5), 5)];
    assert_eq!(caught(&Lock, both.clone()), (1, vec![0, 1]));
    let history = LockHistory::from_iter(both);
    let hold =
        |session, token, from_ns, until_ns| Hold { lock: "l".into(), session, token, from_ns, until_ns };
    assert_eq!(holds(&history), [hold(1, 5, 1, 4), hold(2, 6, 3, u64::MAX)]);
    let overlap = mutual_exclusion(&history).unwrap_err();
    assert_eq!((overlap.first, overlap.second), (hold(1, 5, 1, 4), hold(2, 6, 3, u64::MAX)));
}

#[test]
fn a_session_that_was_lost_may_have_ended_long_before_it_knew() {
    let lost = |end: Op| vec![acquire(1, (0, 1), 5), end, acquire(2, (4, 5), 6)];
    passes(lost(unknown(1, 2, call(1, What::End))));
    passes(lost(told(1, (2, 9), call(1, What::End), Answer::Ended)));
    let after = told(1, (6, 9), call(1, What::End), Answer::Ended);
    assert_eq!(caught(&Lock, lost(after.clone())).0, 2);
    assert!(mutual_exclusion(&LockHistory::from_iter(lost(after))).is_err());
    let refused = not_done(1, (2, 3), call(1, What::End));
    assert_eq!(caught(&Lock, lost(refused)).0, 2);
}

#[test]
fn an_acquire_that_was_given_up_may_hold_until_its_session_ends() {
    let given_up = || vec![unknown(1, 0, call(1, What::Acquire))];
    passes(given_up().into_iter().chain([acquire(2, (1, 2), 5)]).collect());
    let busy = told(2, (1, 2), call(2, What::Acquire), Answer::Busy);
    let then = acquire(2, (3, 4), 5);
    assert_eq!(caught(&Lock, given_up().into_iter().chain([busy.clone(), then.clone()])).0, 2);
    let end = unknown(1, 0, call(1, What::End));
    passes(given_up().into_iter().chain([busy, then, end]).collect());
}

#[test]
fn a_guarded_write_needs_the_token_that_is_held() {
    let late = |answer| {
        let end = told(1, (2, 3), call(1, What::End), Answer::Ended);
        vec![acquire(1, (0, 1), 5), end, acquire(2, (4, 5), 6), guarded(1, (6, 7), 5, answer)]
    };
    passes(late(Answer::NotHeld));
    assert_eq!(caught(&Lock, late(Answer::Written)).0, 3);
    let refused_for_nothing = vec![acquire(1, (0, 1), 5), guarded(1, (2, 3), 5, Answer::NotHeld)];
    assert_eq!(caught(&Lock, refused_for_nothing), (1, vec![0, 1]));
}

#[test]
fn tokens_grow_over_all_locks() {
    let other = |token| {
        let call = Call { lock: "other".into(), ..call(2, What::Acquire) };
        told(2, (2, 3), call, Answer::Granted { token })
    };
    let order = |token| token_order(&LockHistory::from_iter([acquire(1, (0, 1), 5), other(token)]));
    assert_eq!(order(6), Ok(()));
    assert!(matches!(order(5), Err(OutOfOrder::Twice { .. })));
    assert!(matches!(order(4), Err(OutOfOrder::Back { .. })));
    let back = vec![acquire(1, (0, 1), 5), release(1, (2, 3), 5), acquire(1, (4, 5), 4)];
    assert_eq!(caught(&Lock, back).0, 2);
}

#[test]
fn what_is_written_under_an_older_token_does_not_come_later() {
    let write = |target: &str, token, called_ns, ended_ns| FencedWrite {
        target: target.into(),
        token,
        called_ns,
        ended_ns,
    };
    let writes = [write("a", 5, 0, 1), write("a", 7, 2, 9), write("b", 6, 10, 11), write("a", 5, 3, 4)];
    assert_eq!(fenced_order(&writes), Ok(()));
    let late: Vec<_> = writes.into_iter().chain([write("a", 5, 10, 11)]).collect();
    let Err(OutOfOrder::Back { earlier, later }) = fenced_order(&late) else { panic!("it came late") };
    assert_eq!((earlier.place, later.place), (1, 4));
}
