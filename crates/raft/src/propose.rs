//! A proposal on the leader: into the log, to the others, applied, answered.

use std::time::Duration;

use bytes::Bytes;
use conclave_core::Answer;
use openraft::errors::{ClientWriteError, ForwardReason, ForwardToLeader, RaftError};
use tokio::time::{Instant, sleep};

use crate::consensus::Raft;
use crate::errors::ProposeError;
use crate::type_config::{Proposal, TypeConfig};

/// The pause between two attempts of a leader that is not yet, or no more, sure that it leads.
const LEASE_PAUSE: Duration = Duration::from_millis(20);

/// Why an attempt led to nothing.
#[derive(Debug, PartialEq, Eq)]
enum Failed {
    /// This node leads, but no quorum has confirmed it lately. Nothing was taken into the log.
    LeaseExpired,
    Final(ProposeError),
}

/// Proposes; a leader that waits for a quorum to confirm it is given `lease_wait`.
pub(crate) async fn propose(
    raft: &Raft,
    proposal: Bytes,
    lease_wait: Duration,
) -> Result<Answer, ProposeError> {
    let retry_until = Instant::now() + lease_wait;
    loop {
        match attempt(raft, proposal.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(Failed::Final(error)) => return Err(error),
            Err(Failed::LeaseExpired) if Instant::now() >= retry_until => return Err(ProposeError::NoLeader),
            Err(Failed::LeaseExpired) => sleep(LEASE_PAUSE).await,
        }
    }
}

async fn attempt(raft: &Raft, proposal: Bytes) -> Result<Answer, Failed> {
    match raft.client_write(Proposal(proposal)).await {
        Ok(response) => response.data.0.ok_or_else(|| {
            let cause = "a proposal was applied without an answer".to_owned();
            Failed::Final(ProposeError::Fatal(cause))
        }),
        Err(RaftError::APIError(error)) => Err(failed(error)),
        // It may have been taken into the log before the engine stopped.
        Err(RaftError::Fatal(_)) => Err(Failed::Final(ProposeError::OutcomeUnknown)),
    }
}

fn failed(error: ClientWriteError<TypeConfig>) -> Failed {
    match error {
        ClientWriteError::ForwardToLeader(ForwardToLeader { leader_id, reason, .. }) => match reason {
            ForwardReason::LeaseExpired => Failed::LeaseExpired,
            ForwardReason::NotLeader | ForwardReason::LeadershipTransfer => {
                Failed::Final(ProposeError::NotLeader { leader: leader_id })
            }
        },
        // It was in the log here and is no more, but it may be in that of the next leader.
        ClientWriteError::LogEntryDiscarded(_) => Failed::Final(ProposeError::OutcomeUnknown),
        error @ (ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_)) => {
            Failed::Final(ProposeError::Fatal(format!("a proposal was taken for something else: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(leader_id: Option<u64>, reason: ForwardReason) -> ForwardToLeader<TypeConfig> {
        ForwardToLeader { leader_id, leader_node: None, reason }
    }

    #[test]
    fn only_what_was_not_taken_into_the_log_is_told_as_refused() {
        let refused = |leader, reason| failed(forwarded(leader, reason).into());
        let not_leader = |leader| Failed::Final(ProposeError::NotLeader { leader });
        assert_eq!(refused(Some(2), ForwardReason::NotLeader), not_leader(Some(2)));
        assert_eq!(refused(None, ForwardReason::NotLeader), not_leader(None));
        assert_eq!(refused(Some(3), ForwardReason::LeadershipTransfer), not_leader(Some(3)));
        assert_eq!(refused(None, ForwardReason::LeaseExpired), Failed::LeaseExpired);
        let discarded = ClientWriteError::LogEntryDiscarded(forwarded(Some(2), ForwardReason::NotLeader));
        assert_eq!(failed(discarded), Failed::Final(ProposeError::OutcomeUnknown));
    }
}
