//! Between what consensus says and how it travels.
//!
//! Entries travel as the bytes that lie in the log: nothing is encoded a second time.

use std::borrow::Borrow;

use bytes::Bytes;
use conclave_proto::raft::v1 as proto;
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderError, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use proto::append_entries_response::Result as AppendResult;
use proto::transfer_leader_response::Refusal as TransferRefusal;

use crate::codec::{CodecError, decode_entry, log_id, vote};
use crate::entry::LogEntry;
use crate::type_config::{LogId, TypeConfig, Vote};

/// A message that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// A part is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A part cannot be read.
    #[error(transparent)]
    Unreadable(#[from] CodecError),
    /// The role is not known here.
    #[error("the role {0:?} is unknown")]
    Role(String),
}

pub(crate) fn vote_to_wire(vote: &Vote) -> proto::Vote {
    let leader = vote.leader_id();
    proto::Vote { term: leader.term, node_id: leader.voted_for, committed: vote.committed }
}

pub(crate) fn vote_from_wire(wire: Option<proto::Vote>) -> Result<Vote, WireError> {
    let wire = wire.ok_or(WireError::Missing("the vote"))?;
    Ok(vote(wire.term, wire.node_id, wire.committed))
}

fn log_id_to_wire(log_id: impl Borrow<LogId>) -> proto::LogId {
    let log_id = log_id.borrow();
    proto::LogId { term: **log_id.committed_leader_id(), index: log_id.index() }
}

fn log_id_from_wire(wire: proto::LogId) -> LogId {
    log_id(wire.term, wire.index)
}

pub(crate) fn append_to_wire(request: AppendEntriesRequest<TypeConfig>) -> proto::AppendEntriesRequest {
    proto::AppendEntriesRequest {
        vote: Some(vote_to_wire(&request.vote)),
        prev_log_id: request.prev_log_id.map(log_id_to_wire),
        entries: request.entries.into_iter().map(Bytes::from).collect(),
        leader_commit: request.leader_commit.map(log_id_to_wire),
    }
}

pub(crate) fn append_from_wire(
    wire: proto::AppendEntriesRequest,
) -> Result<AppendEntriesRequest<TypeConfig>, WireError> {
    let entries: Result<Vec<LogEntry>, CodecError> = wire.entries.iter().map(decode_entry).collect();
    Ok(AppendEntriesRequest {
        vote: vote_from_wire(wire.vote)?,
        prev_log_id: wire.prev_log_id.map(log_id_from_wire),
        entries: entries?,
        leader_commit: wire.leader_commit.map(log_id_from_wire),
    })
}

pub(crate) fn appended_to_wire(result: StreamAppendResult<TypeConfig>) -> proto::AppendEntriesResponse {
    let result = match result {
        Ok(matching) => AppendResult::Success(proto::Success { matching: matching.map(log_id_to_wire) }),
        Err(StreamAppendError::Conflict(expected)) => {
            AppendResult::Conflict(proto::Conflict { expected: Some(log_id_to_wire(expected)) })
        }
        Err(StreamAppendError::HigherVote(vote)) => AppendResult::HigherVote(vote_to_wire(&vote)),
    };
    proto::AppendEntriesResponse { result: Some(result) }
}

pub(crate) fn appended_from_wire(
    wire: proto::AppendEntriesResponse,
) -> Result<StreamAppendResult<TypeConfig>, WireError> {
    match wire.result.ok_or(WireError::Missing("the result"))? {
        AppendResult::Success(success) => Ok(Ok(success.matching.map(log_id_from_wire))),
        AppendResult::Conflict(conflict) => {
            let expected = conflict.expected.ok_or(WireError::Missing("the expected entry"))?;
            Ok(Err(StreamAppendError::Conflict(log_id_from_wire(expected))))
        }
        AppendResult::HigherVote(vote) => Ok(Err(StreamAppendError::HigherVote(vote_from_wire(Some(vote))?))),
    }
}

pub(crate) fn vote_request_to_wire(request: &VoteRequest<TypeConfig>) -> proto::VoteRequest {
    proto::VoteRequest {
        vote: Some(vote_to_wire(&request.vote)),
        last_log_id: request.last_log_id.map(log_id_to_wire),
        leadership_transfer: request.leadership_transfer,
    }
}

pub(crate) fn vote_request_from_wire(wire: proto::VoteRequest) -> Result<VoteRequest<TypeConfig>, WireError> {
    let mut request = VoteRequest::new(vote_from_wire(wire.vote)?, wire.last_log_id.map(log_id_from_wire));
    request.leadership_transfer = wire.leadership_transfer;
    Ok(request)
}

pub(crate) fn vote_response_to_wire(response: &VoteResponse<TypeConfig>) -> proto::VoteResponse {
    proto::VoteResponse {
        vote: Some(vote_to_wire(&response.vote)),
        granted: response.vote_granted,
        last_log_id: response.last_log_id.map(log_id_to_wire),
    }
}

pub(crate) fn vote_response_from_wire(
    wire: proto::VoteResponse,
) -> Result<VoteResponse<TypeConfig>, WireError> {
    let vote = vote_from_wire(wire.vote)?;
    Ok(VoteResponse::new(vote, wire.last_log_id.map(log_id_from_wire), wire.granted))
}

pub(crate) fn transfer_to_wire(request: &TransferLeaderRequest<TypeConfig>) -> proto::TransferLeaderRequest {
    proto::TransferLeaderRequest {
        from_leader: Some(vote_to_wire(request.from_leader())),
        to_node: *request.to_node_id(),
        last_log_id: request.last_log_id().copied().map(log_id_to_wire),
    }
}

pub(crate) fn transfer_from_wire(
    wire: proto::TransferLeaderRequest,
) -> Result<TransferLeaderRequest<TypeConfig>, WireError> {
    let from = vote_from_wire(wire.from_leader)?;
    Ok(TransferLeaderRequest::new(from, wire.to_node, wire.last_log_id.map(log_id_from_wire)))
}

pub(crate) fn transferred_to_wire(
    response: TransferLeaderResponse<TypeConfig>,
) -> proto::TransferLeaderResponse {
    let refusal = response.err().map(|error| match error {
        TransferLeaderError::VoteChanged { actual, .. } => {
            TransferRefusal::VoteChanged(vote_to_wire(&actual))
        }
        TransferLeaderError::LogNotFlushed { actual, .. } => {
            TransferRefusal::LogNotFlushed(proto::LogNotFlushed { last_log_id: actual.map(log_id_to_wire) })
        }
    });
    proto::TransferLeaderResponse { refusal }
}

pub(crate) fn transferred_from_wire(
    wire: proto::TransferLeaderResponse,
    request: &TransferLeaderRequest<TypeConfig>,
) -> Result<TransferLeaderResponse<TypeConfig>, WireError> {
    Ok(match wire.refusal {
        None => Ok(()),
        Some(TransferRefusal::VoteChanged(actual)) => Err(TransferLeaderError::VoteChanged {
            expected: *request.from_leader(),
            actual: vote_from_wire(Some(actual))?,
        }),
        Some(TransferRefusal::LogNotFlushed(log)) => Err(TransferLeaderError::LogNotFlushed {
            expected: request.last_log_id().copied(),
            actual: log.last_log_id.map(log_id_from_wire),
        }),
    })
}

/// A node's id on the wire, where 0 means none.
pub(crate) fn known(node_id: u64) -> Option<u64> {
    (node_id != 0).then_some(node_id)
}

#[cfg(test)]
mod tests {
    use openraft::EntryPayload;
    use openraft::entry::RaftEntry;

    use super::*;
    use crate::type_config::Proposal;

    #[test]
    fn an_append_travels_unchanged() {
        let payload = EntryPayload::Normal(Proposal(Bytes::from_static(b"hi")));
        let entry = LogEntry::new(log_id(3, 8), payload);
        let encoded = entry.encoded();
        let request = AppendEntriesRequest {
            vote: vote(3, 1, true),
            prev_log_id: Some(log_id(2, 7)),
            entries: vec![entry],
            leader_commit: None,
        };
        let wire = append_to_wire(request);
        assert_eq!(wire.entries.as_slice(), std::slice::from_ref(&encoded));
        let read = append_from_wire(wire).unwrap();
        assert_eq!((read.vote, read.prev_log_id), (vote(3, 1, true), Some(log_id(2, 7))));
        assert_eq!(read.entries[0].encoded(), encoded);
        assert_eq!(read.leader_commit, None);
    }

    #[test]
    fn every_result_of_an_append_travels_unchanged() {
        let results = [
            Ok(None),
            Ok(Some(log_id(1, 2))),
            Err(StreamAppendError::Conflict(log_id(1, 2))),
            Err(StreamAppendError::HigherVote(vote(9, 2, false))),
        ];
        for result in results {
            assert_eq!(appended_from_wire(appended_to_wire(result.clone())).unwrap(), result);
        }
    }

    #[test]
    fn votes_and_handovers_travel_unchanged() {
        let mut request = VoteRequest::new(vote(4, 2, false), Some(log_id(3, 9)));
        request.leadership_transfer = true;
        assert_eq!(vote_request_from_wire(vote_request_to_wire(&request)).unwrap(), request);
        let response = VoteResponse::new(vote(4, 2, false), None, true);
        assert_eq!(vote_response_from_wire(vote_response_to_wire(&response)).unwrap(), response);

        let handover = TransferLeaderRequest::new(vote(4, 2, true), 3, Some(log_id(4, 9)));
        assert_eq!(transfer_from_wire(transfer_to_wire(&handover)).unwrap(), handover);
        let refusals = [
            Ok(()),
            Err(TransferLeaderError::VoteChanged { expected: vote(4, 2, true), actual: vote(5, 1, false) }),
            Err(TransferLeaderError::LogNotFlushed { expected: Some(log_id(4, 9)), actual: None }),
        ];
        for refusal in refusals {
            let wire = transferred_to_wire(refusal.clone());
            assert_eq!(transferred_from_wire(wire, &handover).unwrap(), refusal);
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let wire = proto::AppendEntriesRequest::default();
        assert_eq!(append_from_wire(wire).unwrap_err().to_string(), "the vote is missing");
    }
}
