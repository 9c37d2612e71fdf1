//! Proposals of this node's clients, handed to the leader: all that wait, in one call.

use std::collections::BTreeMap;

use bytes::Bytes;
use conclave_core::{Answer, decode_answer, encode_answer};
use conclave_proto::raft::v1 as proto;
use futures::stream::{self, Stream};
use parking_lot::Mutex;
use proto::proposed::Result as ProposeResult;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::batching::{Batching, Bounds};
use crate::errors::ProposeError;
use crate::peer_client::{is_refusal, millis};
use crate::peer_network::PeerFailure;
use crate::peer_wire::known;
use crate::peers::Peers;

/// So many calls to a leader are under way at once.
const CALLS_UNDER_WAY: usize = 2;
/// Most proposals in a call.
const CALL_PROPOSALS_MAX: usize = 1_024;
/// Most bytes in a call of more than one.
const CALL_SIZE_BYTES_MAX: usize = 4 << 20;
/// So many bytes of answers make a message, or one answer.
const MESSAGE_SIZE_BYTES: usize = 1 << 20;

type Outcome = Result<Answer, ProposeError>;
type ToLeader = Batching<Handed, Outcome>;

/// A proposal for the leader.
struct Handed {
    proposal: Bytes,
    /// Whoever proposes waits as long.
    deadline: Instant,
}

/// Where proposals wait to be handed over.
pub(crate) struct Forwarding {
    peers: Peers,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// By node: one that does not answer holds up nobody who turns to another one.
    leaders: Mutex<BTreeMap<u64, ToLeader>>,
}

impl Forwarding {
    /// Its work is done by tasks of `tasks` until `stop`.
    pub(crate) fn new(peers: Peers, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { peers, tasks, stop, leaders: Mutex::default() }
    }

    /// Hands a proposal to `node`, which is taken for the leader.
    pub(crate) async fn propose(&self, node: u64, proposal: Bytes, deadline: Instant) -> Outcome {
        let to_leader = self.to(node);
        let told = timeout_at(deadline, to_leader.ask(Handed { proposal, deadline })).await;
        // Without an outcome it may have been handed over.
        told.ok().flatten().unwrap_or(Err(ProposeError::OutcomeUnknown))
    }

    fn to(&self, node: u64) -> ToLeader {
        let mut leaders = self.leaders.lock();
        leaders.entry(node).or_insert_with(|| self.open(node)).clone()
    }

    fn open(&self, node: u64) -> ToLeader {
        let peers = self.peers.clone();
        let bounds = Bounds {
            under_way: CALLS_UNDER_WAY,
            requests: CALL_PROPOSALS_MAX,
            size_bytes: CALL_SIZE_BYTES_MAX,
            size_of: |handed: &Handed| handed.proposal.len(),
        };
        let serve = move |handed| {
            let peers = peers.clone();
            Box::pin(async move { hand_over(&peers, node, handed).await }) as _
        };
        Batching::new(bounds, Box::new(serve), &self.tasks, &self.stop)
    }
}

/// Hands proposals over; outcomes are missing where it is not known what became of them.
async fn hand_over(peers: &Peers, node: u64, handed: Vec<Handed>) -> Vec<Outcome> {
    let count = handed.len();
    let mut outcomes = Vec::with_capacity(count);
    if let Err(error) = call(peers, node, handed, &mut outcomes).await {
        let is_unsent = outcomes.is_empty() && error.as_ref().is_none_or(is_refusal);
        tracing::debug!(?error, is_unsent, "the leader did not tell what became of proposals");
        if is_unsent {
            outcomes.resize(count, Err(ProposeError::NoLeader));
        }
    }
    outcomes
}

/// Adds what the leader tells. An error without a cause: there is no such node.
async fn call(
    peers: &Peers,
    node: u64,
    handed: Vec<Handed>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Option<PeerFailure>> {
    let mut client = peers.client(node).map_err(|_| None)?;
    let now = Instant::now();
    let deadline = handed.iter().map(|handed| handed.deadline).max().unwrap_or(now);
    let deadline_ms = millis(deadline.saturating_duration_since(now));
    let commands = handed.into_iter().map(|handed| handed.proposal).collect();
    let telling = async {
        let mut answers = client.propose(proto::ProposeRequest { commands, deadline_ms }).await?.into_inner();
        while let Some(message) = answers.message().await? {
            outcomes.extend(message.outcomes.into_iter().map(from_wire));
        }
        Ok(())
    };
    timeout_at(deadline, telling).await.unwrap_or(Err(PeerFailure::Unanswered)).map_err(Some)
}

/// What became of proposals, for the peer that handed them over.
pub(crate) fn told(outcomes: Vec<Outcome>) -> impl Stream<Item = Result<proto::ProposeResponse, Status>> {
    let mut messages = Vec::new();
    let (mut outcomes, mut size_bytes) = (outcomes.into_iter().map(to_wire).peekable(), 0);
    let mut message = proto::ProposeResponse::default();
    while let Some(outcome) = outcomes.next() {
        size_bytes += size_of(&outcome);
        message.outcomes.push(outcome);
        if size_bytes >= MESSAGE_SIZE_BYTES || outcomes.peek().is_none() {
            messages.push(Ok(std::mem::take(&mut message)));
            size_bytes = 0;
        }
    }
    stream::iter(messages)
}

/// What an outcome takes, but for a few bytes.
fn size_of(outcome: &proto::Proposed) -> usize {
    match &outcome.result {
        Some(ProposeResult::Answer(answer)) => answer.len(),
        _ => 0,
    }
}

fn to_wire(outcome: Outcome) -> proto::Proposed {
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
    proto::Proposed { result: Some(result) }
}

fn from_wire(proposed: proto::Proposed) -> Outcome {
    match proposed.result {
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

#[cfg(test)]
mod tests {
    use conclave_core::Rejection;
    use futures::StreamExt as _;

    use super::*;

    fn travel(outcome: Outcome) -> Outcome {
        from_wire(to_wire(outcome))
    }

    fn rejected(namespace: &str) -> Outcome {
        Ok(Err(Rejection::NamespaceNotFound { namespace: namespace.into() }))
    }

    #[test]
    fn what_became_of_a_proposal_travels() {
        assert_eq!(travel(rejected("a")), rejected("a"));
        for error in [
            ProposeError::NotLeader { leader: Some(3) },
            ProposeError::NotLeader { leader: None },
            ProposeError::NoLeader,
            ProposeError::NoSpace,
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
        let silent = proto::Proposed { result: None };
        assert_eq!(from_wire(silent), Err(ProposeError::OutcomeUnknown));
    }

    #[tokio::test]
    async fn answers_travel_in_order_in_messages_of_bounded_size() {
        let sizes = [1, MESSAGE_SIZE_BYTES, 1, 1, MESSAGE_SIZE_BYTES / 2, MESSAGE_SIZE_BYTES * 3, 1];
        let outcomes: Vec<_> = sizes.iter().map(|size| rejected(&"x".repeat(*size))).collect();
        let messages: Vec<_> = told(outcomes.clone()).collect().await;
        let messages: Vec<_> = messages.into_iter().map(Result::unwrap).collect();
        let counts: Vec<_> = messages.iter().map(|message| message.outcomes.len()).collect();
        assert_eq!(counts, [2, 4, 1]);
        let read: Vec<_> =
            messages.into_iter().flat_map(|message| message.outcomes.into_iter().map(from_wire)).collect();
        assert_eq!(read, outcomes);
        assert_eq!(told(Vec::new()).count().await, 0);
    }
}
