//! Changes of the members, as the leader has them agreed on.
//!
//! Each is one call of the engine; one that changes who votes passes through a joint configuration, in which
//! the old and the new voters must both agree. If the leader is lost in between, [`MemberChange::Settle`]
//! ends it at the next one: before any other change, see [`Consensus::settle_members`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::metrics::RaftMetrics;
use tokio::time::{Instant, timeout, timeout_at};

use crate::consensus::{Consensus, Raft, RaftStatus};
use crate::errors::ReadIndexError;
use crate::members::{MembersError, MembersRefusal};
use crate::type_config::{LogId, PeerAddress, TypeConfig};

/// How long a voter may take to lead after it was asked, before it is asked again.
const TRANSFER_ATTEMPT: Duration = Duration::from_secs(2);

/// A change of the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// A node follows from now on, without a vote.
    AddLearner {
        /// Its id, never used before.
        id: u64,
        /// Where it is reached.
        address: PeerAddress,
    },
    /// A learner votes from now on.
    Promote(u64),
    /// A voter goes on as a learner.
    Demote(u64),
    /// A voter is out.
    RemoveVoter(u64),
    /// A learner is out.
    RemoveLearner(u64),
    /// A voter is out, and a learner votes in its place.
    Replace {
        /// The voter.
        old_id: u64,
        /// The learner.
        new_id: u64,
    },
    /// A member is reached elsewhere from now on.
    Readdress {
        /// Its id.
        id: u64,
        /// Where it is reached.
        address: PeerAddress,
    },
    /// Ends a change that another leader began.
    Settle,
}

impl Consensus {
    /// Has a change of the members agreed on, if this node leads.
    ///
    /// # Errors
    /// [`MembersError::OutcomeUnknown`] if it was begun and not ended by the deadline.
    pub async fn change_members(&self, change: MemberChange, deadline: Instant) -> Result<(), MembersError> {
        let raft = self.raft();
        tracing::info!(?change, "changing the members");
        let (change, retain) = self.engine_change(change);
        let before = self.members_at();
        let changing = raft.change_membership(change, retain);
        match timeout_at(deadline, changing).await {
            Ok(Ok(_)) => Ok(()),
            // With the first of two steps in the log, the second may be made by the next leader.
            Ok(Err(RaftError::APIError(error))) if self.members_at() == before => Err(failed(error)),
            // What was in the log here may be in those of the others.
            Ok(Err(_)) | Err(_) => Err(MembersError::OutcomeUnknown),
        }
    }

    /// Where in the log the newest list of members is.
    fn members_at(&self) -> Option<LogId> {
        *self.raft().metrics().borrow_watched().membership_config.log_id()
    }

    /// Waits until the members that this leader knows are agreed on, having ended a change that was cut off, and
    /// tells them. What was asked for before, here or at an earlier leader, is done then or never will be.
    ///
    /// # Errors
    /// [`MembersRefusal::ChangeUnderWay`] if a change that was begun before does not end by the deadline.
    pub async fn settle_members(&self, deadline: Instant) -> Result<RaftStatus, MembersError> {
        self.wait_current(deadline).await?;
        self.wait_agreed(deadline).await?;
        if self.is_changing() {
            let ended = self.change_members(MemberChange::Settle, deadline).await;
            ended.map_err(|error| match error {
                MembersError::OutcomeUnknown => MembersRefusal::ChangeUnderWay.into(),
                error => error,
            })?;
            self.wait_agreed(deadline).await?;
        }
        Ok(self.status())
    }

    /// Waits until a majority follows the leader, and this node has applied all that was agreed on by now.
    ///
    /// # Errors
    /// [`MembersError::NoLeader`] if that is not so by the deadline.
    pub async fn wait_current(&self, deadline: Instant) -> Result<(), MembersError> {
        let index = self.read_index(deadline).await.map_err(|error| match error {
            ReadIndexError::NoLeader | ReadIndexError::Deadline => MembersError::NoLeader,
            ReadIndexError::ShuttingDown => MembersError::ShuttingDown,
            ReadIndexError::Fatal(cause) => MembersError::Failed(cause),
        })?;
        self.wait_applied(index, deadline).await.map_err(|_| MembersError::NoLeader)
    }

    /// Waits until the newest list of members in the log is committed.
    async fn wait_agreed(&self, deadline: Instant) -> Result<(), MembersError> {
        let mut metrics = self.raft().metrics();
        let agreed = |metrics: &RaftMetrics<TypeConfig>| {
            metrics.membership_config.log_id() == metrics.committed_membership_config.log_id()
        };
        match timeout_at(deadline, metrics.wait_until(agreed)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(MembersError::ShuttingDown),
            Err(_) => Err(MembersRefusal::ChangeUnderWay.into()),
        }
    }

    /// Whether a change of who votes was begun and not ended.
    pub fn is_changing(&self) -> bool {
        let metrics = self.raft().metrics();
        let membership = metrics.borrow_watched().membership_config.membership().clone();
        membership.get_joint_config().len() > 1
    }

    /// Hands leadership to this voter, if this node leads; returns whether it does then.
    pub async fn transfer_leader(&self, to: u64, deadline: Instant) -> bool {
        timeout_at(deadline, transfer(self.raft(), to)).await.unwrap_or(false)
    }

    fn engine_change(&self, change: MemberChange) -> (ChangeMembers<u64, PeerAddress>, bool) {
        let one = |id| BTreeSet::from([id]);
        match change {
            MemberChange::AddLearner { id, address } => {
                (ChangeMembers::AddNodes(BTreeMap::from([(id, address)])), true)
            }
            MemberChange::Promote(id) => (ChangeMembers::AddVoterIds(one(id)), true),
            MemberChange::Demote(id) => (ChangeMembers::RemoveVoters(one(id)), true),
            MemberChange::RemoveVoter(id) => (ChangeMembers::RemoveVoters(one(id)), false),
            MemberChange::RemoveLearner(id) => (ChangeMembers::RemoveNodes(one(id)), true),
            MemberChange::Replace { old_id, new_id } => {
                let mut voters = self.status().voters;
                voters.remove(&old_id);
                voters.insert(new_id);
                (ChangeMembers::ReplaceAllVoters(voters), false)
            }
            MemberChange::Readdress { id, address } => {
                (ChangeMembers::SetNodes(BTreeMap::from([(id, address)])), true)
            }
            MemberChange::Settle => (ChangeMembers::AddVoterIds(BTreeSet::new()), !self.is_replacing()),
        }
    }

    /// Whether the change that is under way puts one voter in the place of another: no other one takes a vote and
    /// gives one. The one that loses it is to be out, not a learner.
    fn is_replacing(&self) -> bool {
        let metrics = self.raft().metrics();
        let membership = metrics.borrow_watched().membership_config.membership().clone();
        replaces(membership.get_joint_config())
    }
}

fn replaces(configs: &[BTreeSet<u64>]) -> bool {
    match configs {
        [before, after] => !before.is_subset(after) && !after.is_subset(before),
        _ => false,
    }
}

fn failed(error: ClientWriteError<TypeConfig>) -> MembersError {
    match error {
        ClientWriteError::ForwardToLeader(forward) => MembersError::NotLeader { leader: forward.leader_id },
        ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_)) => {
            MembersRefusal::ChangeUnderWay.into()
        }
        // It leads, and has not had an entry of its own agreed on yet: soon it will, or another one leads.
        ClientWriteError::ChangeMembershipError(ChangeMembershipError::UncommittedLeaderLog(_)) => {
            MembersError::NoLeader
        }
        // It was in the log here and is no more, but it may be in that of the next leader.
        ClientWriteError::LogEntryDiscarded(_) => MembersError::OutcomeUnknown,
        error @ (ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_)) => {
            MembersError::Failed(error.to_string())
        }
    }
}

async fn transfer(raft: &Raft, to: u64) -> bool {
    let mut metrics = raft.metrics();
    let leads = |metrics: &RaftMetrics<TypeConfig>| metrics.current_leader == Some(to);
    while !leads(&metrics.borrow_watched()) {
        if raft.trigger().transfer_leader(to).await.is_err() {
            return false;
        }
        if let Ok(Err(_)) = timeout(TRANSFER_ATTEMPT, metrics.wait_until(leads)).await {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_replacement_takes_a_vote_and_gives_one() {
        let voters = |ids: &[u64]| ids.iter().copied().collect::<BTreeSet<_>>();
        assert!(replaces(&[voters(&[1, 2, 3]), voters(&[2, 3, 4])]));
        assert!(!replaces(&[voters(&[1, 2, 3]), voters(&[1, 2, 3, 4])]), "a promotion");
        assert!(!replaces(&[voters(&[1, 2, 3]), voters(&[1, 2])]), "the end of a vote");
        assert!(!replaces(&[voters(&[1, 2, 3])]), "no change is under way");
    }
}
