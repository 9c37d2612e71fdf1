//! What this node asks of another one beyond Raft: a read index, its state, changes of members, leases. Proposals are in
//! `forward.rs`.

use std::future::Future;
use std::time::Duration;

use conclave_proto::raft::v1 as proto;
use proto::read_index_response::Result as ReadIndexResult;
use tokio::time::{Instant, timeout_at};
use tonic::{Response, Status};

use crate::errors::ReadIndexError;
use crate::lease_wire::{kept_from_wire, request_to_wire};
use crate::local_node::{KeepLeases, KeptLeases, NodeStatus};
use crate::members::{MembersAnswer, MembersError, MembersRequest, decode_outcome, encode_request};
use crate::peer_channel::PeerClient;
use crate::peer_network::PeerFailure;
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

/// Whether the peer surely proposed nothing: it was not reached, or it refused before it read the call.
pub(crate) fn is_refusal(error: &PeerFailure) -> bool {
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

async fn within<T>(
    deadline: Instant,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, PeerFailure> {
    let response = timeout_at(deadline, call).await.map_err(|_| PeerFailure::Unanswered)??;
    Ok(response.into_inner())
}

/// In whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
