//! Histories written down by hand, one operation a line.

use conclave_checker::{Checked, End, Failure, History, Limits, Model, Operation, check};

/// An answered operation of a client, from a time to a time.
pub(crate) fn told<C, A>(client: u64, times: (u64, u64), call: C, answer: A) -> Operation<C, A> {
    Operation { client, called_ns: times.0, call, end: End::Answered { at_ns: times.1, answer } }
}

/// An operation of unknown outcome.
pub(crate) fn unknown<C, A>(client: u64, called_ns: u64, call: C) -> Operation<C, A> {
    Operation { client, called_ns, call, end: End::Unknown }
}

/// An operation that was surely not done.
pub(crate) fn not_done<C, A>(client: u64, times: (u64, u64), call: C) -> Operation<C, A> {
    Operation { client, called_ns: times.0, call, end: End::NotDone { at_ns: times.1 } }
}

/// What the check says of these operations.
pub(crate) fn judge<M: Model>(
    model: &M,
    operations: impl IntoIterator<Item = Operation<M::Call, M::Answer>>,
) -> Result<Checked, Failure> {
    check(model, &History::from_iter(operations), Limits::default())
}

/// That the operations do not pass: the place of the culprit, and those whose answers contradict each other.
pub(crate) fn caught<M: Model>(
    model: &M,
    operations: impl IntoIterator<Item = Operation<M::Call, M::Answer>>,
) -> (usize, Vec<usize>) {
    let Failure::Violation(violation) = judge(model, operations).expect_err("no store can have told it")
    else {
        unreachable!("a few operations are always decided")
    };
    (violation.culprit.place, violation.core.iter().map(|told| told.place).collect())
}
