//! A write: from a command to its replicated answer.
//!
//! Here a command gets its request id, its time stamp and a permit; then it is proposed here if this node
//! leads, or handed to the leader. What fails for the moment is tried again within the deadline. That is safe
//! also when it is not known whether an attempt was applied: every attempt carries the same request id, and
//! the state machine answers an id that it has seen with the first answer. Only when the deadline passes in
//! such doubt, the caller is told of it.

use std::time::Duration;

use bytes::Bytes;
use conclave_core::{Answer, Command, Proposal, RequestId, decode_proposal, encode_proposal};
use conclave_raft::ProposeError;
use tokio::time::Instant;

use crate::alarms::Alarm;
use crate::handle::{NodeHandle, Shared};
use crate::request_error::RequestError;
use crate::room::room;

/// The longest wait for a leader to be elected before the next attempt, should no change be told.
const LEADER_WAIT_MAX: Duration = Duration::from_millis(250);
/// The shortest wait between two attempts, so that two nodes that point at each other do not spin.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(10);
/// When a write that found no space should be tried again.
pub(crate) const NO_SPACE_RETRY_AFTER: Duration = Duration::from_secs(1);
/// The answer must be on its way this long before the caller stops waiting for it.
const ANSWER_MARGIN_MAX: Duration = Duration::from_millis(200);

impl NodeHandle {
    /// Has a command applied, once, and gives the replicated answer, which may be a rejection.
    ///
    /// # Errors
    /// See [`RequestError`]; only [`RequestError::OutcomeUnknown`] leaves it open whether the command was
    /// or will be applied.
    pub async fn propose(
        &self,
        request_id: RequestId,
        command: Command,
        deadline: Instant,
    ) -> Result<Answer, RequestError> {
        self.propose_as(request_id, command, deadline).await
    }

    /// Has a command applied whose answer is not remembered: a retry would not be known as one. Therefore nothing is
    /// tried again once it may have been applied.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn propose_once(&self, command: Command, deadline: Instant) -> Result<Answer, RequestError> {
        debug_assert!(!command.is_remembered(), "what is remembered has an id of its own");
        self.propose_as(RequestId::unused(), command, deadline).await
    }

    async fn propose_as(
        &self,
        request_id: RequestId,
        command: Command,
        deadline: Instant,
    ) -> Result<Answer, RequestError> {
        let shared = &self.shared;
        let _permit = shared.proposals.try_acquire().map_err(|_| RequestError::overloaded())?;
        let in_doubt = if command.is_remembered() { InDoubt::TryAgain } else { InDoubt::GiveUp };
        let encoded = Encoded::of(&Proposal { request_id, time_ms: shared.clock.now_ms(), command });
        let began = Instant::now();
        let outcome = settle(shared, &encoded, with_margin(deadline), in_doubt).await;
        shared.metrics.proposed(&outcome, began.elapsed());
        outcome
    }
}

/// What to do when it is not known whether an attempt was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InDoubt {
    /// Try again: the state machine knows a retry by its id.
    TryAgain,
    /// Say so.
    GiveUp,
}

/// A proposal that another node handed to this one as its leader. It is read before it is proposed: what
/// this version cannot read must not come into the log.
pub(crate) async fn propose_for_peer(shared: &Shared, proposal: Bytes) -> Result<Answer, ProposeError> {
    let read = decode_proposal(&proposal).map_err(|error| {
        tracing::warn!(%error, "a peer handed over a proposal that cannot be read");
        ProposeError::Overloaded { retry_after_ms: 1_000 }
    })?;
    drop(proposal);
    let stamped = Proposal { time_ms: shared.clock.now_ms(), ..read };
    let encoded = Encoded::of(&stamped);
    drop(stamped);
    propose_here(shared, &encoded).await
}

/// Proposes on this node, unless disks have too little room (`room.rs`). One whose data
/// is wrong would answer wrongly, and one whose clock is ahead would stamp wrongly: another one will lead.
async fn propose_here(shared: &Shared, proposal: &Encoded) -> Result<Answer, ProposeError> {
    if !room(shared).suffices(proposal.frees) {
        return Err(ProposeError::NoSpace);
    }
    if shared.is_raised(Alarm::Corrupt) || shared.is_raised(Alarm::ClockAhead) {
        return Err(ProposeError::NoLeader);
    }
    shared.consensus.propose(proposal.bytes.clone()).await
}

/// A proposal as bytes.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    bytes: Bytes,
    /// Whether it gives room back.
    frees: bool,
}

impl Encoded {
    pub(crate) fn of(proposal: &Proposal) -> Self {
        Self { bytes: encode_proposal(proposal), frees: proposal.command.frees() }
    }
}

/// What the attempts so far leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// None of them can have been applied.
    None,
    /// One of them may have been, or may still be.
    Possible,
}

/// Has an encoded proposal applied, here or by the leader.
pub(crate) async fn settle(
    shared: &Shared,
    proposal: &Encoded,
    deadline: Instant,
    when_in_doubt: InDoubt,
) -> Result<Answer, RequestError> {
    let mut doubt = Doubt::None;
    let mut hint = None;
    loop {
        let mut leaders = shared.consensus.leader_changes();
        let leader = hint.take().or(*leaders.borrow_and_update());
        let error = match attempt(shared, leader, proposal, deadline).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        tracing::debug!(?leader, ?error, "an attempt to propose failed");
        if matches!(error, ProposeError::OutcomeUnknown) {
            doubt = Doubt::Possible;
            if when_in_doubt == InDoubt::GiveUp {
                return Err(RequestError::OutcomeUnknown);
            }
        }
        if let Some(error) = final_error(&error) {
            return Err(in_doubt(doubt, error));
        }
        hint = told_leader(&error, leader);
        let wait = if hint.is_some() { ATTEMPT_PAUSE } else { LEADER_WAIT_MAX };
        let until = deadline.min(Instant::now() + wait);
        if let Err(stopped) = shared.consensus.next_leader(&mut leaders, until).await {
            return Err(in_doubt(doubt, stopped.into()));
        }
        if Instant::now() >= deadline {
            return Err(in_doubt(doubt, out_of_time(&error)));
        }
    }
}

async fn attempt(
    shared: &Shared,
    leader: Option<u64>,
    proposal: &Encoded,
    deadline: Instant,
) -> Result<Answer, ProposeError> {
    match leader {
        None => Err(ProposeError::NoLeader),
        Some(id) if id == shared.node_id => {
            let proposed = propose_here(shared, proposal);
            tokio::time::timeout_at(deadline, proposed).await.unwrap_or(Err(ProposeError::OutcomeUnknown))
        }
        Some(id) => shared.consensus.forward_propose(id, proposal.bytes.clone(), deadline).await,
    }
}

/// The answer to the caller, if trying again is of no use.
fn final_error(error: &ProposeError) -> Option<RequestError> {
    match error {
        ProposeError::Fatal(cause) => Some(RequestError::NodeFailed { cause: cause.clone() }),
        ProposeError::ShuttingDown => Some(RequestError::shutting_down()),
        ProposeError::NoSpace => Some(RequestError::NoSpace { retry_after: NO_SPACE_RETRY_AFTER }),
        ProposeError::Overloaded { retry_after_ms } => {
            Some(RequestError::Overloaded { retry_after: Duration::from_millis(*retry_after_ms) })
        }
        ProposeError::NotLeader { .. } | ProposeError::NoLeader | ProposeError::OutcomeUnknown => None,
    }
}

/// The leader that whoever was asked named, if that is news.
fn told_leader(error: &ProposeError, asked: Option<u64>) -> Option<u64> {
    match error {
        ProposeError::NotLeader { leader } if *leader != asked => *leader,
        _ => None,
    }
}

fn out_of_time(last: &ProposeError) -> RequestError {
    match last {
        ProposeError::OutcomeUnknown => RequestError::OutcomeUnknown,
        _ => RequestError::no_leader(),
    }
}

fn in_doubt(doubt: Doubt, error: RequestError) -> RequestError {
    match doubt {
        Doubt::None => error,
        Doubt::Possible => RequestError::OutcomeUnknown,
    }
}

/// The moment by which the answer must stand, so that it reaches the caller before the deadline: a tenth
/// of the time that is left is kept for the way back, up to a bound.
pub(crate) fn with_margin(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline - (left / 10).min(ANSWER_MARGIN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_outlives_later_errors() {
        assert_eq!(in_doubt(Doubt::Possible, RequestError::no_leader()), RequestError::OutcomeUnknown);
        assert_eq!(in_doubt(Doubt::Possible, RequestError::shutting_down()), RequestError::OutcomeUnknown);
        assert_eq!(in_doubt(Doubt::None, RequestError::no_leader()), RequestError::no_leader());
    }

    #[test]
    fn only_another_leader_is_news() {
        let told = |leader| ProposeError::NotLeader { leader };
        assert_eq!(told_leader(&told(Some(2)), Some(1)), Some(2));
        assert_eq!(told_leader(&told(Some(1)), Some(1)), None);
        assert_eq!(told_leader(&told(None), Some(1)), None);
        assert_eq!(told_leader(&ProposeError::NoLeader, None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_margin_is_a_tenth_up_to_a_bound() {
        let now = Instant::now();
        assert_eq!(with_margin(now + Duration::from_millis(1_000)), now + Duration::from_millis(900));
        assert_eq!(with_margin(now + Duration::from_secs(60)), now + Duration::from_millis(59_800));
        assert_eq!(with_margin(now), now);
    }
}
