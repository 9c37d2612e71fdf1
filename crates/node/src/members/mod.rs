//! The members of the cluster: who comes, who goes, who votes.
//!
//! Any node takes a request; the leader does it (`lead.rs`), one at a time, after it has seen that the cluster
//! goes on afterwards (`guard.rs`). A request that is asked twice has the effect of once, so what fails for the
//! moment is tried again until the deadline.
//!
//! | file | what |
//! |---|---|
//! | `lead.rs` | what the leader does about those who are there |
//! | `let_in.rs` | how it lets new ones in |
//! | `guard.rs` | who is well, and whether they are enough |
//! | `join.rs` | a node that comes: by its token, or by the first members |
//! | `known.rs` | who is there, without asking how they are |
//! | `care.rs` | what the leader does unasked: ends changes that were cut off, learns instances |
//! | `step_down.rs` | when a leader hands leadership over unasked |
//! | `fate.rs` | how a node that was removed finds out |
//! | `whereabouts.rs` | where the members are, noted on disk |

mod care;
mod fate;
mod guard;
mod join;
mod known;
mod lead;
mod let_in;
mod step_down;
mod whereabouts;

use std::time::Duration;

use conclave_core::cluster::{ClusterCommand, ClusterOutcome};
use conclave_core::{Command, Outcome, Proposal, RequestId};
use conclave_raft::{MembersAnswer, MembersError, MembersRefusal, MembersRequest};
use tokio::time::Instant;

use crate::handle::{NodeHandle, Shared};
use crate::propose::{Doubt, Encoded, InDoubt, NO_SPACE_RETRY_AFTER, settle, with_margin};
use crate::request_error::RequestError;

pub use join::{JoinOptions, NotJoined};
pub use known::KnownMembers;

pub(crate) use care::take_care;
pub(crate) use fate::follow_fate;
pub(crate) use join::{Found, find};
pub(crate) use lead::lead;
pub(crate) use step_down::step_down_when_unfit;
pub(crate) use whereabouts::note_whereabouts;

/// The longest wait for a leader before the next attempt, should no change be told.
const LEADER_WAIT_MAX: Duration = Duration::from_millis(250);
/// The shortest wait between two attempts, so that two nodes that point at each other do not spin.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(20);

impl NodeHandle {
    /// Has something about the members done; gives what was done, or why it may not be.
    ///
    /// # Errors
    /// See [`RequestError`]; what may have been begun by the deadline is [`RequestError::ChangeOutcomeUnknown`],
    /// and may be asked for again.
    pub async fn change_members(
        &self,
        request: MembersRequest,
        deadline: Instant,
    ) -> Result<Result<MembersAnswer, MembersRefusal>, RequestError> {
        match at_leader(&self.shared, &request, with_margin(deadline)).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(MembersError::Refused(refusal)) => Ok(Err(refusal)),
            Err(MembersError::NotLeader { .. } | MembersError::NoLeader) => Err(RequestError::no_leader()),
            Err(MembersError::OutcomeUnknown) => Err(RequestError::ChangeOutcomeUnknown),
            Err(MembersError::NoSpace) => Err(RequestError::NoSpace { retry_after: NO_SPACE_RETRY_AFTER }),
            Err(MembersError::Overloaded) => Err(RequestError::overloaded()),
            Err(MembersError::ShuttingDown) => Err(RequestError::shutting_down()),
            Err(MembersError::Failed(cause)) => Err(RequestError::NodeFailed { cause }),
        }
    }
}

/// Has the leader do it, whoever that is.
pub(crate) async fn at_leader(
    shared: &Shared,
    request: &MembersRequest,
    deadline: Instant,
) -> Result<MembersAnswer, MembersError> {
    let mut doubt = Doubt::None;
    let mut hint = None;
    loop {
        let mut leaders = shared.consensus.leader_changes();
        let leader = hint.take().or(*leaders.borrow_and_update());
        let error = match attempt(shared, leader, request, deadline).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        tracing::debug!(?leader, %error, "an attempt to change the members failed");
        if error == MembersError::OutcomeUnknown {
            doubt = Doubt::Possible;
        }
        if !passes(request, doubt, &error) {
            return Err(in_doubt(doubt, error));
        }
        hint = match &error {
            MembersError::NotLeader { leader: told } if *told != leader => *told,
            _ => None,
        };
        let wait = if hint.is_some() { ATTEMPT_PAUSE } else { LEADER_WAIT_MAX };
        let until = deadline.min(Instant::now() + wait);
        if let Err(stopped) = shared.consensus.next_leader(&mut leaders, until).await {
            return Err(in_doubt(doubt, stopped.into()));
        }
        if Instant::now() >= deadline {
            return Err(in_doubt(doubt, error));
        }
    }
}

async fn attempt(
    shared: &Shared,
    leader: Option<u64>,
    request: &MembersRequest,
    deadline: Instant,
) -> Result<MembersAnswer, MembersError> {
    match leader {
        None => Err(MembersError::NoLeader),
        Some(id) if id == shared.node_id => lead(shared, request, deadline).await,
        Some(id) => match shared.consensus.forward_members(id, request, deadline).await {
            // One of the two stops: it is not told what the leader has begun.
            Err(MembersError::ShuttingDown) => Err(MembersError::OutcomeUnknown),
            outcome => outcome,
        },
    }
}

/// Whether it may be asked for again, and be otherwise then. While an attempt is in doubt, the change that is under way
/// may be its own. To hand leadership to whoever can take it is not the same twice as once.
fn passes(request: &MembersRequest, doubt: Doubt, error: &MembersError) -> bool {
    let in_doubt = doubt == Doubt::Possible;
    if in_doubt && matches!(request, MembersRequest::Transfer { to: None }) {
        return false;
    }
    match error {
        MembersError::NotLeader { .. } | MembersError::NoLeader | MembersError::OutcomeUnknown => true,
        MembersError::Refused(MembersRefusal::ChangeUnderWay) => in_doubt,
        MembersError::Refused(_)
        | MembersError::NoSpace
        | MembersError::Overloaded
        | MembersError::ShuttingDown
        | MembersError::Failed(_) => false,
    }
}

/// What is told after attempts of which one is in doubt. A leader refuses only what it sees undone, once all that was
/// begun before is settled: with that there is no doubt left.
fn in_doubt(doubt: Doubt, error: MembersError) -> MembersError {
    match (doubt, error) {
        (Doubt::None, error) => error,
        (Doubt::Possible, MembersError::Refused(refusal)) if refusal != MembersRefusal::ChangeUnderWay => {
            refusal.into()
        }
        (Doubt::Possible, _) => MembersError::OutcomeUnknown,
    }
}

/// Has a command about the nodes applied.
async fn propose(
    shared: &Shared,
    request_id: String,
    command: ClusterCommand,
    deadline: Instant,
) -> Result<ClusterOutcome, MembersError> {
    let request_id =
        RequestId::parse(&request_id).map_err(|error| MembersError::Failed(error.to_string()))?;
    let time_ms = shared.clock.now_ms();
    let encoded = Encoded::of(&Proposal { request_id, time_ms, command: Command::Cluster(command) });
    match settle(shared, &encoded, deadline, InDoubt::TryAgain).await {
        Ok(Ok(Outcome::Cluster(outcome))) => Ok(outcome),
        Ok(Ok(_)) => Err(MembersError::Failed("another command was answered".to_owned())),
        Ok(Err(conclave_core::Rejection::Cluster(rejection))) => Err(MembersError::Refused(rejection.into())),
        Ok(Err(rejection)) => Err(MembersError::Failed(rejection.to_string())),
        Err(error) => Err(unsettled(&error)),
    }
}

fn unsettled(error: &RequestError) -> MembersError {
    match error {
        RequestError::OutcomeUnknown => MembersError::OutcomeUnknown,
        RequestError::ShuttingDown { .. } => MembersError::ShuttingDown,
        RequestError::NoSpace { .. } => MembersError::NoSpace,
        RequestError::Overloaded { .. } => MembersError::Overloaded,
        RequestError::NodeFailed { cause } => MembersError::Failed(cause.clone()),
        _ => MembersError::NoLeader,
    }
}

/// An id that no other request has.
fn new_request_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_outlives_what_comes_later() {
        let told = |error: MembersError| in_doubt(Doubt::Possible, error);
        for later in [
            MembersError::NoLeader,
            MembersError::NotLeader { leader: Some(2) },
            MembersError::NoSpace,
            MembersError::Overloaded,
            MembersError::ShuttingDown,
            MembersRefusal::ChangeUnderWay.into(),
        ] {
            assert_eq!(told(later.clone()), MembersError::OutcomeUnknown);
            assert_eq!(in_doubt(Doubt::None, later.clone()), later);
        }
    }

    #[test]
    fn a_leader_that_sees_it_undone_ends_the_doubt() {
        let refused = MembersError::from(MembersRefusal::Silent { id: 4 });
        assert_eq!(in_doubt(Doubt::Possible, refused.clone()), refused);
        let (promote, under_way) = (MembersRequest::Promote { id: 4 }, MembersRefusal::ChangeUnderWay.into());
        assert!(passes(&promote, Doubt::Possible, &under_way) && !passes(&promote, Doubt::None, &under_way));
    }

    #[test]
    fn leadership_is_not_handed_on_again_in_doubt() {
        let unknown = MembersError::OutcomeUnknown;
        assert!(!passes(&MembersRequest::Transfer { to: None }, Doubt::Possible, &unknown));
        assert!(passes(&MembersRequest::Transfer { to: Some(2) }, Doubt::Possible, &unknown));
        assert!(passes(&MembersRequest::Transfer { to: None }, Doubt::None, &MembersError::NoLeader));
    }

    #[test]
    fn what_the_leader_has_no_room_for_is_told_so() {
        let no_space = RequestError::NoSpace { retry_after: NO_SPACE_RETRY_AFTER };
        assert_eq!(unsettled(&no_space), MembersError::NoSpace);
        assert_eq!(unsettled(&RequestError::overloaded()), MembersError::Overloaded);
        assert_eq!(unsettled(&RequestError::OutcomeUnknown), MembersError::OutcomeUnknown);
    }
}
