//! The check as its definition says it: every order, and nothing remembered. For a handful of operations.

use conclave_checker::{End, Model, Operation};

/// Whether some order of the operations, all of one key, keeps real time and gives their answers.
pub(crate) fn has_an_order<M: Model>(model: &M, operations: &[Operation<M::Call, M::Answer>]) -> bool {
    let left: Vec<_> =
        operations.iter().filter(|operation| !matches!(operation.end, End::NotDone { .. })).collect();
    let Some(first) = left.first() else { return true };
    goes_on(model, &model.initial(&model.key(&first.call)), &left)
}

fn goes_on<M: Model>(model: &M, state: &M::State, left: &[&Operation<M::Call, M::Answer>]) -> bool {
    if left.iter().all(|operation| matches!(operation.end, End::Unknown)) {
        return true;
    }
    (0..left.len()).filter(|next| may_be_next(left, *next)).any(|next| {
        let mut rest = left.to_vec();
        let operation = rest.remove(next);
        let states = model.step(state, &operation.call, operation.end.answer());
        states.iter().any(|state| goes_on(model, state, &rest))
    })
}

/// Nothing that is left had ended before it was called.
fn may_be_next<C, A>(left: &[&Operation<C, A>], next: usize) -> bool {
    left.iter().all(|other| other.end.at_ns().is_none_or(|at_ns| at_ns >= left[next].called_ns))
}
