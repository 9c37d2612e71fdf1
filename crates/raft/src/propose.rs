//! A proposal on the leader: into the log, to the others, applied, answered.
//!
//! Proposals that wait go into the log together: one message to the engine, one write of the log and one message to
//! each follower are theirs.

use std::time::Duration;

use bytes::Bytes;
use conclave_core::Answer;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, future};
use openraft::errors::{ClientWriteError, ForwardReason, ForwardToLeader};
use openraft::raft::WriteResponse;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::batching::{Batching, Bounds};
use crate::consensus::Raft;
use crate::errors::ProposeError;
use crate::type_config::{Proposal, TypeConfig};

/// So many batches are on their way through the log at once: while one is synced, the next is sent.
const BATCHES_UNDER_WAY: usize = 2;
/// Most proposals in a batch.
const BATCH_PROPOSALS_MAX: usize = 1_024;
/// Most bytes in a batch of more than one.
const BATCH_SIZE_BYTES_MAX: usize = 4 << 20;

/// The pause between two attempts of a leader that is not yet, or no more, sure that it leads.
const LEASE_PAUSE: Duration = Duration::from_millis(20);

/// Where proposals wait to be taken into the log.
pub(crate) type Proposing = Batching<Bytes, Result<Answer, Failed>>;

/// Why an attempt led to nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// This node leads, but no quorum has confirmed it lately. Nothing was taken into the log.
    LeaseExpired,
    Final(ProposeError),
}

/// Has proposals taken into the log of `raft`, by tasks of `tasks`, until `stop`.
pub(crate) fn proposing(raft: &Raft, tasks: &TaskTracker, stop: &CancellationToken) -> Proposing {
    let raft = raft.clone();
    let bounds = Bounds {
        under_way: BATCHES_UNDER_WAY,
        requests: BATCH_PROPOSALS_MAX,
        size_bytes: BATCH_SIZE_BYTES_MAX,
        size_of: Bytes::len,
    };
    let serve = move |proposals| {
        let raft = raft.clone();
        stream::once(async move { write(&raft, proposals).await }).flatten().boxed()
    };
    Batching::new(bounds, Box::new(serve), tasks, stop)
}

/// Proposes; a leader that waits for a quorum to confirm it is given `lease_wait`.
pub(crate) async fn propose(
    proposing: &Proposing,
    proposal: Bytes,
    lease_wait: Duration,
) -> Result<Answer, ProposeError> {
    let retry_until = Instant::now() + lease_wait;
    loop {
        // Without an outcome it may have been taken into the log before the engine stopped.
        match proposing
            .ask(proposal.clone())
            .await
            .unwrap_or(Err(Failed::Final(ProposeError::OutcomeUnknown)))
        {
            Ok(answer) => return Ok(answer),
            Err(Failed::Final(error)) => return Err(error),
            Err(Failed::LeaseExpired) if Instant::now() >= retry_until => return Err(ProposeError::NoLeader),
            Err(Failed::LeaseExpired) => sleep(LEASE_PAUSE).await,
        }
    }
}

/// Takes proposals into the log, and tells of each when it is applied. If the engine stops, outcomes are missing.
async fn write(raft: &Raft, proposals: Vec<Bytes>) -> BoxStream<'static, Result<Answer, Failed>> {
    match raft.client_write_many(proposals.into_iter().map(Proposal)).await {
        Ok(written) => {
            let known = written
                .map(Result::ok)
                .take_while(|outcome| future::ready(outcome.is_some()))
                .filter_map(future::ready);
            known.map(|outcome| outcome.map_err(failed).and_then(answer)).boxed()
        }
        Err(_) => stream::empty().boxed(),
    }
}

fn answer(written: WriteResponse<TypeConfig>) -> Result<Answer, Failed> {
    written.response.0.ok_or_else(|| {
        let cause = "a proposal was applied without an answer".to_owned();
        Failed::Final(ProposeError::Fatal(cause))
    })
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
