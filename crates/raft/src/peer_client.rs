//! What this node asks of another one beyond Raft: a read index, a proposal, its state.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use conclave_core::{Answer, decode_answer, encode_answer};
use conclave_proto::raft::v1 as proto;
use proto::propose_response::Result as ProposeResult;
use proto::read_index_response::Result as ReadIndexResult;
use tokio::time::{Instant, timeout_at};
use tonic::{Response, Status};

use crate::errors::{ProposeError, ReadIndexError};
use crate::lease_wire::{kept_from_wire, request_to_wire};
use crate::local_node::{KeepLeases, KeptLeases, NodeStatus};
use crate::members::{MembersAnswer, MembersError, MembersRequest, decode_outcome, encode_request};
use crate::peer_channel::PeerClient;
use crate::peer_network::PeerFailure;
use crate::peer_wire::known;
use crate::status_wire::status_from_wire;

/// Asks the leader for a read index.
pub(crate) async fn read_index(mut client: PeerClient, deadline: Instant) -> Result<u64, ReadIndexError> {
    let call = client.read_index(proto::ReadIndexRequest {});
    match within(deadline, call).await.map(|response| response.result) {
        Ok(Some(ReadIndexResult::Index(index))) => Ok(index),
        Ok(Some(ReadIndexResult::NotLeader(_)) | None) => Err(ReadIndexError::NoLeader),
        Err(error) => {
            tracing::debug!(%error, "the leader did not give a read index");
            Err(ReadIndexError::NoLeader)
        }
    }
}

/// Hands a proposal to the leader.
pub(crate) async fn propose(
    mut client: PeerClient,
    proposal: Bytes,
    deadline: Instant,
) -> Result<Answer, ProposeError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let request = proto::ProposeRequest { command: proposal, deadline_ms: millis(left) };
    match within(deadline, client.propose(request)).await {
        Ok(response) => proposed_from_wire(response),
        Err(error) if is_refusal(&error) => {
            tracing::debug!(%error, "the leader was not reached");
            Err(ProposeError::NoLeader)
        }
        Err(error) => {
            tracing::debug!(%error, "the leader did not tell what became of a proposal");
            Err(ProposeError::OutcomeUnknown)
        }
    }
}

/// Whether the peer surely proposed nothing: it was not reached, or it refused before it read the call.
fn is_refusal(error: &PeerFailure) -> bool {
    let refused = matches!(error, PeerFailure::Refused(status)
        if status.code() == tonic::Code::FailedPrecondition);
    refused || error.is_unsent()
}

/// Asks a node for its state.
pub(crate) async fn status(mut client: PeerClient, deadline: Instant) -> Result<NodeStatus, PeerFailure> {
    let response = within(deadline, client.get_node_status(proto::GetNodeStatusRequest {})).await?;
    Ok(status_from_wire(response)?)
}

/// Hands a request about the members to the leader.
pub(crate) async fn change_members(
    mut client: PeerClient,
    request: &MembersRequest,
    deadline: Instant,
) -> Result<MembersAnswer, MembersError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let request = proto::ChangeMembersRequest { request: encode_request(request), deadline_ms: millis(left) };
    match within(deadline, client.change_members(request)).await {
        Ok(response) => decode_outcome(&response.answer).unwrap_or_else(|error| {
            tracing::error!(%error, "the leader's answer cannot be read");
            Err(MembersError::OutcomeUnknown)
        }),
        Err(error) => {
            tracing::debug!(%error, "the leader did not answer about the members");
            Err(if is_refusal(&error) { MembersError::NoLeader } else { MembersError::OutcomeUnknown })
        }
    }
}

/// Hands to the leader what is asked about leases. None: it was not reached, does not lead, or did not answer.
pub(crate) async fn keep_leases(
    mut client: PeerClient,
    request: &KeepLeases,
    deadline: Instant,
) -> Option<KeptLeases> {
    let left = deadline.saturating_duration_since(Instant::now());
    match within(deadline, client.keep_leases(request_to_wire(request, millis(left)))).await {
        Ok(response) => kept_from_wire(response, request),
        Err(error) => {
            tracing::debug!(%error, "the leader did not answer about leases");
            None
        }
    }
}

/// What became of a proposal, for the peer that handed it over.
pub(crate) fn proposed_to_wire(outcome: Result<Answer, ProposeError>) -> proto::ProposeResponse {
    let refused = |reason: &ProposeError, retry_after_ms: u64, overloaded: bool| {
        let no_space = *reason == ProposeError::NoSpace;
        ProposeResult::Refused(proto::Refused {
            reason: reason.to_string(),
            retry_after_ms,
            overloaded,
            no_space,
        })
    };
    let result = match &outcome {
        Ok(answer) => ProposeResult::Answer(encode_answer(answer)),
        Err(ProposeError::NotLeader { leader }) => {
            ProposeResult::NotLeader(proto::NotLeader { leader_id: leader.unwrap_or(0) })
        }
        // That this node stops is no reason for its peer to say that it stops.
        Err(error @ (ProposeError::NoLeader | ProposeError::ShuttingDown | ProposeError::NoSpace)) => {
            refused(error, 0, false)
        }
        Err(error @ ProposeError::Overloaded { retry_after_ms }) => refused(error, *retry_after_ms, true),
        Err(ProposeError::OutcomeUnknown | ProposeError::Fatal(_)) => {
            ProposeResult::OutcomeUnknown(proto::OutcomeUnknown {})
        }
    };
    proto::ProposeResponse { result: Some(result) }
}

fn proposed_from_wire(response: proto::ProposeResponse) -> Result<Answer, ProposeError> {
    match response.result {
        Some(ProposeResult::Answer(bytes)) => decode_answer(&bytes).map_err(|error| {
            tracing::error!(%error, "the leader's answer cannot be read");
            ProposeError::OutcomeUnknown
        }),
        Some(ProposeResult::NotLeader(told)) => {
            Err(ProposeError::NotLeader { leader: known(told.leader_id) })
        }
        Some(ProposeResult::Refused(refused)) if refused.overloaded => {
            Err(ProposeError::Overloaded { retry_after_ms: refused.retry_after_ms })
        }
        Some(ProposeResult::Refused(refused)) if refused.no_space => Err(ProposeError::NoSpace),
        Some(ProposeResult::Refused(_)) => Err(ProposeError::NoLeader),
        Some(ProposeResult::OutcomeUnknown(_)) | None => Err(ProposeError::OutcomeUnknown),
    }
}

async fn within<T>(
    deadline: Instant,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, PeerFailure> {
    let response = timeout_at(deadline, call).await.map_err(|_| PeerFailure::Unanswered)??;
    Ok(response.into_inner())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use conclave_core::Rejection;

    use super::*;

    fn travel(outcome: Result<Answer, ProposeError>) -> Result<Answer, ProposeError> {
        proposed_from_wire(proposed_to_wire(outcome))
    }

    #[test]
    fn what_became_of_a_proposal_travels() {
        let rejected = Ok(Err(Rejection::NamespaceNotFound { namespace: "a".into() }));
        assert_eq!(travel(rejected.clone()), rejected);
        for error in [
            ProposeError::NotLeader { leader: Some(3) },
            ProposeError::NotLeader { leader: None },
            ProposeError::NoLeader,
            ProposeError::Overloaded { retry_after_ms: 7 },
            ProposeError::OutcomeUnknown,
        ] {
            assert_eq!(travel(Err(error.clone())), Err(error));
        }
    }

    #[test]
    fn a_leader_that_stops_is_no_leader_and_one_that_failed_leaves_doubt() {
        assert_eq!(travel(Err(ProposeError::ShuttingDown)), Err(ProposeError::NoLeader));
        assert_eq!(travel(Err(ProposeError::Fatal("x".into()))), Err(ProposeError::OutcomeUnknown));
        let silent = proto::ProposeResponse { result: None };
        assert_eq!(proposed_from_wire(silent), Err(ProposeError::OutcomeUnknown));
    }
}
