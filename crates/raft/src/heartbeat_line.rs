//! Heartbeats to one follower: one after the other over one stream that stays open.
//!
//! Each round that confirms a leader is a heartbeat to every follower. A stream for each costs both sides more than what
//! is said in it.

use futures::stream;
use openraft::errors::RPCError;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use tokio::sync::mpsc;
use tonic::Streaming;

use conclave_proto::raft::v1 as proto;

use crate::peer_channel::PeerClient;
use crate::peer_network::{PeerFailure, unanswered};
use crate::peer_wire::{append_to_wire, appended_from_wire};
use crate::type_config::TypeConfig;

type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// The stream, while it is of use.
#[derive(Default)]
pub(crate) struct HeartbeatLine {
    open: Option<Open>,
}

/// Whom a stream leads to: a follower that is reached elsewhere, or that is known to be another one now, has a stream of
/// its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addressee {
    pub(crate) address: String,
    pub(crate) instance: Option<u64>,
}

struct Open {
    to: Addressee,
    requests: mpsc::Sender<proto::AppendEntriesRequest>,
    answers: Streaming<proto::AppendEntriesResponse>,
}

impl HeartbeatLine {
    /// Sends one and waits for its answer. Whoever does not wait to the end closes the stream, so that no answer is taken
    /// for that to a later one.
    pub(crate) async fn beat(
        &mut self,
        client: PeerClient,
        to: Addressee,
        request: AppendEntriesRequest<TypeConfig>,
    ) -> Rpc<StreamAppendResult<TypeConfig>> {
        let request = append_to_wire(request);
        let kept = match self.open.take().filter(|open| open.to == to) {
            Some(open) => open.ask(request.clone()).await,
            None => None,
        };
        let (open, answer) = match kept {
            Some(answered) => answered,
            // The follower has ended the one that there was, or it is gone with its connection.
            None => Open::new(client, to, request).await?,
        };
        let answer = appended_from_wire(answer).map_err(PeerFailure::from)?;
        // After a conflict or a higher vote the follower answers nothing more.
        self.open = answer.is_ok().then_some(open);
        Ok(answer)
    }
}

impl Open {
    /// Opens it with its first request.
    async fn new(
        mut client: PeerClient,
        to: Addressee,
        first: proto::AppendEntriesRequest,
    ) -> Result<(Self, proto::AppendEntriesResponse), RPCError<TypeConfig>> {
        let (requests, asked) = mpsc::channel(1);
        // There is room for one.
        let _ = requests.try_send(first);
        let asked = stream::unfold(asked, |mut asked| async move { Some((asked.recv().await?, asked)) });
        let mut answers = client.stream_append(asked).await.map_err(PeerFailure::from)?.into_inner();
        let answer = answers.message().await.map_err(PeerFailure::from)?.ok_or_else(unanswered)?;
        Ok((Self { to, requests, answers }, answer))
    }

    /// None: it is of no use any more. The follower may have had the request, which may come twice.
    async fn ask(
        mut self,
        request: proto::AppendEntriesRequest,
    ) -> Option<(Self, proto::AppendEntriesResponse)> {
        self.requests.send(request).await.ok()?;
        let answer = self.answers.message().await.ok()??;
        Some((self, answer))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures::StreamExt as _;
    use openraft::raft::StreamAppendError;
    use tokio::time::timeout;

    use super::*;
    use crate::codec::{log_id, vote};
    use crate::fake_peer;
    use crate::peer_wire::appended_to_wire;
    use crate::type_config::LogId;

    type Answer = StreamAppendResult<TypeConfig>;

    /// Beats a follower, whose n-th request of the n-th call is answered so; none: the call ends instead. Also how many
    /// calls there were.
    struct Beaten {
        line: HeartbeatLine,
        client: PeerClient,
        to: Addressee,
        calls: Arc<AtomicUsize>,
    }

    fn beaten(answer: impl Fn(usize, usize) -> Option<Answer> + Clone + Send + Sync + 'static) -> Beaten {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let client = fake_peer::client(move |asked| {
            let (call, answer) = (counted.fetch_add(1, Ordering::SeqCst), answer.clone());
            let answers =
                asked.enumerate().map(move |(number, ())| answer(call, number).map(appended_to_wire));
            Ok(answers
                .take_while(|answer| std::future::ready(answer.is_some()))
                .filter_map(std::future::ready)
                .map(Ok)
                .boxed())
        });
        Beaten { line: HeartbeatLine::default(), client, to: to("a:1", 7), calls }
    }

    impl Beaten {
        async fn beat(&mut self) -> Rpc<Answer> {
            let request = AppendEntriesRequest {
                vote: vote(1, 1, true),
                prev_log_id: None,
                leader_commit: None,
                entries: Vec::new(),
            };
            self.line.beat(self.client.clone(), self.to.clone(), request).await
        }

        fn calls(&self) -> usize {
            self.calls.load(Ordering::SeqCst)
        }
    }

    fn to(address: &str, instance: u64) -> Addressee {
        Addressee { address: address.to_owned(), instance: Some(instance) }
    }

    fn matching(index: usize) -> Option<LogId> {
        Some(log_id(1, index as u64))
    }

    #[tokio::test]
    async fn one_stream_serves_many_and_each_gets_its_own_answer() {
        let mut beaten = beaten(|_, number| Some(Ok(matching(number))));
        for number in 0..5 {
            assert_eq!(beaten.beat().await.unwrap(), Ok(matching(number)));
        }
        assert_eq!(beaten.calls(), 1);
    }

    #[tokio::test]
    async fn another_stream_takes_the_place_of_one_that_ended() {
        let mut beaten = beaten(|call, number| (number < 2).then(|| Ok(matching(10 * call + number))));
        for expected in [0, 1, 10, 11, 20] {
            assert_eq!(beaten.beat().await.unwrap(), Ok(matching(expected)));
        }
        assert_eq!(beaten.calls(), 3);
    }

    #[tokio::test]
    async fn a_follower_that_moved_or_is_another_one_has_a_stream_of_its_own() {
        let mut beaten = beaten(|call, _| Some(Ok(matching(call))));
        for (number, addressee) in [to("a:1", 7), to("b:1", 7), to("b:1", 8)].into_iter().enumerate() {
            beaten.to = addressee;
            for _ in 0..2 {
                assert_eq!(beaten.beat().await.unwrap(), Ok(matching(number)));
            }
        }
        assert_eq!(beaten.calls(), 3);
    }

    #[tokio::test]
    async fn a_stream_whose_follower_disagreed_is_not_used_again() {
        let conflict = || Err(StreamAppendError::Conflict(log_id(1, 7)));
        let mut beaten = beaten(move |call, _| Some(if call == 0 { conflict() } else { Ok(None) }));
        assert_eq!(beaten.beat().await.unwrap(), conflict());
        assert_eq!(beaten.beat().await.unwrap(), Ok(None));
        assert_eq!(beaten.calls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_for_which_nobody_waited_is_not_taken_for_a_later_one() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let client = fake_peer::client(move |asked| {
            let call = counted.fetch_add(1, Ordering::SeqCst);
            let late = move |(number, ())| async move {
                // The second answer of the first call comes late.
                tokio::time::sleep(Duration::from_millis(if (call, number) == (0, 1) { 100 } else { 0 }))
                    .await;
                Ok(appended_to_wire(Ok(matching(10 * call + number))))
            };
            Ok(asked.enumerate().then(late).boxed())
        });
        let mut beaten = Beaten { line: HeartbeatLine::default(), client, to: to("a:1", 7), calls };
        assert_eq!(beaten.beat().await.unwrap(), Ok(matching(0)));
        assert!(timeout(Duration::from_millis(50), beaten.beat()).await.is_err());
        assert_eq!(beaten.beat().await.unwrap(), Ok(matching(10)));
        assert_eq!(beaten.calls(), 2);
    }

    #[tokio::test]
    async fn a_follower_that_answers_nothing_is_told_as_that() {
        let mut beaten = beaten(|_, _| None);
        assert!(beaten.beat().await.is_err());
        assert_eq!(beaten.calls(), 1);
    }
}
