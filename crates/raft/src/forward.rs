//! Proposals of this node's clients, handed to the leader: all that wait, in one call.

use std::collections::BTreeMap;

use bytes::Bytes;
use conclave_core::{Answer, decode_answer, encode_answer};
use conclave_proto::raft::v1 as proto;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream, Stream};
use parking_lot::Mutex;
use proto::proposed::Result as ProposeResult;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Status, Streaming};

use crate::batching::{Batching, Bounds};
use crate::errors::ProposeError;
use crate::peer_channel::{MESSAGE_SIZE_BYTES_MAX, PeerClient};
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
/// Most bytes of answers in a message of more than one.
const MESSAGE_SIZE_BYTES: usize = 1 << 20;
/// Most bytes of an answer. Whoever asked for a longer one is told that it is not known.
const ANSWER_SIZE_BYTES_MAX: usize = MESSAGE_SIZE_BYTES_MAX - (64 << 10);

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
        let serve = move |handed| hand_over(peers.client(node).ok(), handed);
        Batching::new(bounds, Box::new(serve), &self.tasks, &self.stop)
    }
}

/// Hands proposals over; outcomes are missing where it is not known what became of them. No client: there is no such
/// node.
fn hand_over(client: Option<PeerClient>, handed: Vec<Handed>) -> BoxStream<'static, Outcome> {
    let count = handed.len();
    let nobody = move || stream::iter(vec![Err(ProposeError::NoLeader); count]).boxed();
    let Some(client) = client else { return nobody() };
    let calling = async move {
        let deadline = handed.iter().map(|handed| handed.deadline).max().unwrap_or_else(Instant::now);
        match timeout_at(deadline, call(client, handed)).await {
            Ok(Ok(answers)) => outcomes(answers, deadline).boxed(),
            Ok(Err(error)) if is_refusal(&error) => {
                tracing::debug!(%error, "proposals were not handed over");
                nobody()
            }
            unknown => {
                tracing::debug!(error = ?unknown.map(drop), "the leader did not tell what became of proposals");
                stream::empty().boxed()
            }
        }
    };
    stream::once(calling).flatten().boxed()
}

/// Begins to be told.
async fn call(
    mut client: PeerClient,
    handed: Vec<Handed>,
) -> Result<Streaming<proto::ProposeResponse>, PeerFailure> {
    let now = Instant::now();
    let command = |handed: Handed| proto::HandedCommand {
        command: handed.proposal,
        deadline_ms: millis(handed.deadline.saturating_duration_since(now)),
    };
    let commands = handed.into_iter().map(command).collect();
    Ok(client.propose(proto::ProposeRequest { commands }).await?.into_inner())
}

/// What is told, as long as it is.
fn outcomes(
    answers: Streaming<proto::ProposeResponse>,
    deadline: Instant,
) -> impl Stream<Item = Outcome> + Send {
    let messages = stream::unfold(answers, move |mut answers| async move {
        match timeout_at(deadline, answers.message()).await {
            Ok(Ok(message)) => Some((message?, answers)),
            broken => {
                tracing::debug!(?broken, "the leader did not tell what became of all proposals");
                None
            }
        }
    });
    messages.flat_map(|message| stream::iter(message.outcomes.into_iter().map(from_wire)))
}

/// What became of proposals, for the peer that handed them over: those that are known at the same time, together.
pub(crate) fn told(
    outcomes: impl Stream<Item = Outcome> + Send,
) -> impl Stream<Item = Result<proto::ProposeResponse, Status>> + Send {
    outcomes
        .map(to_wire)
        .ready_chunks(CALL_PROPOSALS_MAX)
        .flat_map(|known| stream::iter(messages(known)).map(Ok))
}

/// Outcomes as messages that are not too large.
fn messages(outcomes: Vec<proto::Proposed>) -> Vec<proto::ProposeResponse> {
    let mut messages: Vec<proto::ProposeResponse> = Vec::new();
    let mut size_bytes = 0;
    for outcome in outcomes {
        size_bytes += size_of(&outcome);
        match messages.last_mut() {
            Some(message) if size_bytes <= MESSAGE_SIZE_BYTES => message.outcomes.push(outcome),
            _ => {
                size_bytes = size_of(&outcome);
                messages.push(proto::ProposeResponse { outcomes: vec![outcome] });
            }
        }
    }
    messages
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
        Ok(answer) => match encode_answer(answer) {
            answer if answer.len() <= ANSWER_SIZE_BYTES_MAX => ProposeResult::Answer(answer),
            answer => {
                tracing::warn!(size_bytes = answer.len(), "an answer is too long for the node that asked");
                ProposeResult::OutcomeUnknown(proto::OutcomeUnknown {})
            }
        },
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
    use std::time::Duration;

    use conclave_core::Rejection;

    use super::*;
    use crate::fake_peer;
    use crate::peer_status::{unsent, wrong_node};

    /// A leader that refuses the call, or answers it in this way.
    fn leader(
        answer: impl Fn() -> Result<BoxStream<'static, Told>, Status> + Clone + Send + Sync + 'static,
    ) -> PeerClient {
        fake_peer::client(move |_| answer())
    }

    type Told = Result<proto::ProposeResponse, Status>;

    /// What those are told who handed over this many.
    async fn handed_over(client: Option<PeerClient>, count: usize) -> Vec<Outcome> {
        let handed = || Handed {
            proposal: Bytes::from_static(b"p"),
            deadline: Instant::now() + Duration::from_secs(5),
        };
        hand_over(client, (0..count).map(|_| handed()).collect()).collect().await
    }

    #[tokio::test]
    async fn whoever_surely_was_not_heard_may_try_elsewhere() {
        let refused = vec![Err(ProposeError::NoLeader); 3];
        assert_eq!(handed_over(None, 3).await, refused);
        assert_eq!(handed_over(Some(leader(|| Err(unsent("nobody is there")))), 3).await, refused);
        assert_eq!(handed_over(Some(leader(|| Err(wrong_node(1, Some("2"))))), 3).await, refused);
    }

    #[tokio::test]
    async fn whoever_may_have_been_heard_is_not_told_that_he_was_refused() {
        let broken = leader(|| Err(Status::unavailable("cut off")));
        assert_eq!(handed_over(Some(broken), 3).await, []);
        let failed = leader(|| Ok(stream::iter([Err(Status::internal("failed"))]).boxed()));
        assert_eq!(handed_over(Some(failed), 3).await, []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_told_before_a_leader_broke_off_or_fell_silent_holds() {
        let first = || stream::iter(messages(vec![to_wire(rejected("a")), to_wire(rejected("b"))])).map(Ok);
        let known = [rejected("a"), rejected("b")];
        let cut_off =
            leader(move || Ok(first().chain(stream::iter([Err(Status::unavailable("cut off"))])).boxed()));
        assert_eq!(handed_over(Some(cut_off), 4).await, known);
        let ends = leader(move || Ok(first().boxed()));
        assert_eq!(handed_over(Some(ends), 4).await, known);
        let began = Instant::now();
        let silent = leader(move || Ok(first().chain(stream::pending()).boxed()));
        assert_eq!(handed_over(Some(silent), 4).await, known);
        assert_eq!(began.elapsed().as_secs(), 5, "it was waited for as long as whoever asked waits");
    }

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
        let messages: Vec<_> = told(stream::iter(outcomes.clone())).collect().await;
        let messages: Vec<_> = messages.into_iter().map(Result::unwrap).collect();
        let counts: Vec<_> = messages.iter().map(|message| message.outcomes.len()).collect();
        assert_eq!(counts, [1, 1, 3, 1, 1]);
        let read: Vec<_> =
            messages.into_iter().flat_map(|message| message.outcomes.into_iter().map(from_wire)).collect();
        assert_eq!(read, outcomes);
        assert_eq!(told(stream::empty()).count().await, 0);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_leaves_doubt_to_nobody_else() {
        let outcomes = [rejected("a"), rejected(&"x".repeat(MESSAGE_SIZE_BYTES_MAX)), rejected("b")];
        let messages: Vec<_> = told(stream::iter(outcomes)).map(Result::unwrap).collect().await;
        let read: Vec<_> =
            messages.into_iter().flat_map(|message| message.outcomes.into_iter().map(from_wire)).collect();
        assert_eq!(read, [rejected("a"), Err(ProposeError::OutcomeUnknown), rejected("b")]);
    }
}
