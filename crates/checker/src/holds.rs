//! What workers can prove about a lock, whatever the store did inside: no two hold it, tokens grow, and what is
//! written under an older token does not come after what was written under a newer one.

use std::collections::BTreeMap;

use crate::history::{End, Operation};
use crate::lock::{Answer, Call, LockHistory, What};
use crate::order::{Numbered, OutOfOrder, real_time_order};

/// A time in which a worker surely held a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Which lock.
    pub lock: String,
    /// Whose it was.
    pub session: u64,
    /// Under which token.
    pub token: u64,
    /// When the grant was told.
    pub from_ns: u64,
    /// When the release was called, or the session was last known to live.
    pub until_ns: u64,
}

/// Two workers held a lock at the same time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}: session {} held it under token {} from {} to {} ns, and session {} under token {} from {} to {} ns",
    first.lock, first.session, first.token, first.from_ns, first.until_ns,
    second.session, second.token, second.from_ns, second.until_ns
)]
pub struct Overlap {
    /// The one that began first.
    pub first: Hold,
    /// The other.
    pub second: Hold,
}

/// When each lock was surely held: from when its grant was told until its release or the end of its session was
/// called. Without either it is held to the end.
pub fn holds(history: &LockHistory) -> Vec<Hold> {
    let operations = history.operations();
    let mut given_up: BTreeMap<(&str, u64), Vec<&Operation<Call, Answer>>> = BTreeMap::new();
    for operation in operations.iter().filter(|operation| may_give_up(operation)) {
        given_up.entry((&operation.call.lock, operation.call.session)).or_default().push(operation);
    }
    let hold = |operation: &Operation<Call, Answer>| {
        let End::Answered { at_ns: from_ns, answer: Answer::Granted { token } } = operation.end else {
            return None;
        };
        let Call { lock, session, .. } = &operation.call;
        let by = given_up.get(&(lock.as_str(), *session)).into_iter().flatten();
        let until_ns =
            by.filter_map(|by| gives_up_at(by, operation.called_ns, token)).min().unwrap_or(u64::MAX);
        Some(Hold { lock: lock.clone(), session: *session, token, from_ns, until_ns })
    };
    operations.iter().filter_map(hold).collect()
}

fn may_give_up(operation: &Operation<Call, Answer>) -> bool {
    let gives_up = matches!(operation.call.what, What::Release { .. } | What::End);
    gives_up && !matches!(operation.end, End::NotDone { .. })
}

/// From when on a grant may be over by this operation, if it may. The grant was asked for at a time.
fn gives_up_at(by: &Operation<Call, Answer>, asked_ns: u64, token: u64) -> Option<u64> {
    match by.call.what {
        What::Release { token: released } => (released == token).then_some(by.called_ns),
        What::End => by.end.at_ns().is_none_or(|at_ns| at_ns >= asked_ns).then_some(by.called_ns),
        What::Acquire | What::Guarded { .. } => None,
    }
}

/// Whether no two workers surely held the same lock at the same time. Two that touch do not overlap.
///
/// # Errors
/// The first two that did.
pub fn mutual_exclusion(history: &LockHistory) -> Result<(), Box<Overlap>> {
    let mut holds = holds(history);
    holds.retain(|hold| hold.from_ns < hold.until_ns);
    holds.sort_by_key(|hold| hold.from_ns);
    let mut latest: BTreeMap<String, Hold> = BTreeMap::new();
    for second in holds {
        match latest.get(&second.lock) {
            Some(first) if first.until_ns > second.from_ns => {
                return Err(Box::new(Overlap { first: first.clone(), second }));
            }
            _ => latest.insert(second.lock.clone(), second),
        };
    }
    Ok(())
}

/// Whether tokens only grow, over all locks: whoever asked after a grant was told gets a greater one, and nobody gets
/// the same.
///
/// # Errors
/// The first two grants that do not agree, by places in the history.
pub fn token_order(history: &LockHistory) -> Result<(), OutOfOrder> {
    let granted = history.operations().iter().enumerate().filter_map(|(place, operation)| {
        let End::Answered { at_ns: ended_ns, answer: Answer::Granted { token: number } } = operation.end
        else {
            return None;
        };
        Some(Numbered { place, called_ns: operation.called_ns, ended_ns, number, fresh: true })
    });
    real_time_order(granted.collect())
}

/// A write that some resource accepted under a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FencedWrite {
    /// The resource, or the item.
    pub target: String,
    /// The token.
    pub token: u64,
    /// When it was called.
    pub called_ns: u64,
    /// When it was known to be accepted.
    pub ended_ns: u64,
}

/// Whether no write was accepted under a token after one under a greater token, for each target.
///
/// # Errors
/// The first two that were, by places in `writes`.
pub fn fenced_order(writes: &[FencedWrite]) -> Result<(), OutOfOrder> {
    let mut by_target: BTreeMap<&str, Vec<Numbered>> = BTreeMap::new();
    for (place, write) in writes.iter().enumerate() {
        let FencedWrite { token: number, called_ns, ended_ns, .. } = *write;
        let numbered = Numbered { place, called_ns, ended_ns, number, fresh: false };
        by_target.entry(&write.target).or_default().push(numbered);
    }
    by_target.into_values().try_for_each(real_time_order)
}
